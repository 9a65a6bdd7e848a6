// SPDX-License-Identifier: MIT
import QtQuick

//! One remote caret: a bar in the person's colour with a name flag that fades two seconds after
//! the last movement and returns on hover. Without room above, the flag hangs below the caret.
Item {
    id: root

    required property rect caret
    required property string name
    required property color color
    required property int moves
    //! The visible part of the text in the parent's coordinates.
    property real viewTop: 0
    property real viewRight: parent ? parent.width : 0
    readonly property bool flagVisible: fade.running || hover.hovered

    x: root.caret.x - 1
    y: root.caret.y
    width: 2
    height: root.caret.height
    onMovesChanged: fade.restart()
    Component.onCompleted: fade.restart()

    Timer {
        id: fade
        interval: 2000
    }
    HoverHandler {
        id: hover
        margin: 6
    }
    Rectangle {
        width: 2
        height: parent.height
        color: Theme.dark ? Qt.lighter(root.color, 1.5) : root.color
    }
    Rectangle {
        id: flag

        readonly property bool below: root.caret.y - height < root.viewTop

        x: Math.min(0, root.viewRight - root.x - width)
        y: flag.below ? parent.height : -height
        width: label.implicitWidth + 12
        height: label.implicitHeight + 4
        radius: 4
        color: root.color
        opacity: root.flagVisible ? 1 : 0
        Accessible.ignored: true

        Behavior on opacity {
            NumberAnimation { duration: Theme.motion }
        }

        Text {
            id: label
            anchors.centerIn: parent
            text: root.name
            color: "#FFFFFF"
            font.family: Theme.family
            font.pixelSize: Theme.smallSize
            font.weight: Font.Medium
        }
    }
}
