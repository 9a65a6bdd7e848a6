// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T
import KimDB

//! A quiet line under the bar: a lasting fact with an action, or a message for a few seconds.
Item {
    id: root

    property string permanent
    property string actionText
    property string passing
    readonly property string shown: root.passing || root.permanent

    signal acted

    function tell(message: string) {
        root.passing = message;
        timer.restart();
    }

    implicitHeight: root.shown ? 36 : 0
    visible: root.shown.length > 0

    Timer {
        id: timer
        interval: 6000
        onTriggered: root.passing = ""
    }
    Rectangle {
        anchors.fill: parent
        color: Theme.hover
    }
    Rectangle {
        anchors.bottom: parent.bottom
        width: parent.width
        height: 1
        color: Theme.line
    }
    Row {
        anchors.centerIn: parent
        spacing: 8

        Glyph {
            anchors.verticalCenter: parent.verticalCenter
            shape: root.actionText ? Glyph.Warning : Glyph.Lock
            color: Theme.warn
        }
        Text {
            anchors.verticalCenter: parent.verticalCenter
            width: Math.min(implicitWidth, root.width - 120)
            elide: Text.ElideRight
            text: root.shown
            color: Theme.text
            font.family: Theme.family
            font.pixelSize: Theme.uiSize
        }
        T.AbstractButton {
            id: action

            anchors.verticalCenter: parent.verticalCenter
            visible: root.actionText.length > 0 && root.passing.length === 0
            padding: 6
            implicitWidth: contentItem.implicitWidth + 12
            implicitHeight: 28
            onClicked: root.acted()

            contentItem: Text {
                text: root.actionText
                color: Theme.accent
                font.family: Theme.family
                font.pixelSize: Theme.uiSize
                font.weight: Font.DemiBold
                verticalAlignment: Text.AlignVCenter
            }
            background: Rectangle {
                radius: 6
                color: action.hovered ? Theme.pressed : "transparent"
                border.width: action.visualFocus ? 2 : 0
                border.color: Theme.accent
            }
        }
    }
}
