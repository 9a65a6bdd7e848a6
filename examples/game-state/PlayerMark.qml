// SPDX-License-Identifier: MIT
import QtQuick
import KimDB

//! A player: a rounded shape in its colour, its name below, a mark when it cannot be reached.
Item {
    id: root

    property var player
    property real unit: 1
    property real radius: 18
    property bool offline: false

    x: root.player ? root.player.x * root.unit : 0
    y: root.player ? root.player.y * root.unit : 0
    z: root.player && root.player.self ? 1 : 0
    visible: root.player !== undefined && root.player.placed
    opacity: root.offline && !root.player.self ? 0.5 : 1

    Rectangle {
        id: body

        anchors.centerIn: parent
        width: root.radius * 2
        height: width
        radius: 12
        color: root.player && root.player.reachable ? root.player.color : Theme.muted
        border.width: root.player && root.player.self ? 3 : 0
        border.color: Theme.surface

        Rectangle {
            anchors.fill: parent
            anchors.margins: -2
            radius: 14
            color: "transparent"
            border.width: root.player && root.player.self ? 2 : 0
            border.color: body.color
        }
        Row {
            anchors.centerIn: parent
            spacing: 6

            Repeater {
                model: 2

                delegate: Rectangle {
                    width: 5
                    height: 8
                    radius: 2.5
                    color: "#FFFFFF"
                }
            }
        }
    }
    Row {
        anchors.horizontalCenter: parent.horizontalCenter
        y: root.radius + 5
        spacing: 4

        Glyph {
            anchors.verticalCenter: parent.verticalCenter
            width: 13
            height: 13
            visible: root.offline
            shape: Glyph.Cloud
            color: Theme.muted
        }
        Text {
            text: root.player ? root.player.name : ""
            color: Theme.text
            font.family: Theme.family
            font.pixelSize: 12
            font.weight: root.player && root.player.self ? Font.DemiBold : Font.Normal
        }
    }
}
