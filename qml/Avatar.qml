// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T

//! A person as a disc with initials. An idle person is dimmed; `self` is drawn as a ring.
T.AbstractButton {
    id: root

    property color color: Theme.pressed
    property color ink: "#FFFFFF"
    property string initials
    property string tip
    property bool idle: false
    property bool self: false

    implicitWidth: 28
    implicitHeight: 28
    focusPolicy: Qt.TabFocus
    opacity: root.idle ? 0.45 : 1
    Accessible.name: root.tip

    background: Rectangle {
        radius: width / 2
        color: Theme.surface
        border.width: root.visualFocus ? 2 : 0
        border.color: Theme.accent

        Rectangle {
            anchors.fill: parent
            anchors.margins: 2
            radius: width / 2
            color: root.self ? "transparent" : root.color
            border.width: root.self ? 2 : 0
            border.color: root.color
        }
    }
    contentItem: Text {
        text: root.initials
        color: root.self ? Theme.text : root.ink
        font.family: Theme.family
        font.pixelSize: 10
        font.weight: Font.DemiBold
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
    }

    Tip {
        text: root.tip
        visible: root.hovered && root.tip.length > 0
    }
}
