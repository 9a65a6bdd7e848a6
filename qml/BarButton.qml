// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T
import KimDB

//! An icon in a bar: does not take the focus from the text on a click, but can be reached by Tab.
T.AbstractButton {
    id: root

    property int shape: Glyph.None
    property string tip

    implicitWidth: Theme.target
    implicitHeight: Theme.target
    focusPolicy: Qt.TabFocus
    opacity: enabled ? 1 : 0.4
    Accessible.name: root.tip

    contentItem: Item {
        Glyph {
            anchors.centerIn: parent
            shape: root.shape
            color: root.hovered || root.checked ? Theme.text : Theme.muted
        }
    }
    background: Rectangle {
        radius: Theme.radius - 2
        color: root.down || root.checked ? Theme.pressed
                                         : root.hovered ? Theme.hover : "transparent"
        border.width: root.visualFocus ? 2 : 0
        border.color: Theme.accent
    }

    Tip {
        text: root.tip
        visible: root.hovered && !root.down && root.tip.length > 0
    }
}
