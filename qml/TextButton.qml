// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T

//! A word that does something, without a frame.
T.AbstractButton {
    id: root

    property color color: Theme.accent

    implicitWidth: implicitContentWidth + 16
    implicitHeight: 30
    opacity: enabled ? 1 : 0.45
    focusPolicy: Qt.TabFocus
    Accessible.name: root.text

    contentItem: Text {
        text: root.text
        color: root.color
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
        font.family: Theme.family
        font.pixelSize: Theme.uiSize
        font.weight: Font.DemiBold
    }
    background: Rectangle {
        radius: Theme.radius - 2
        color: root.down ? Theme.pressed : root.hovered ? Theme.hover : "transparent"
        border.width: root.visualFocus ? 2 : 0
        border.color: Theme.accent
    }
}
