// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import KimDB
import KimDB.Game

//! Who has how many, oneself first.
Rectangle {
    id: root

    required property GameView view
    property bool online: true

    width: 176
    height: list.height + 20
    radius: Theme.radius
    color: Qt.alpha(Theme.raised, 0.92)
    border.width: 1
    border.color: Theme.line

    Column {
        id: list

        x: 12
        y: 10
        width: parent.width - 24
        spacing: 6

        Repeater {
            model: root.view.playerCount

            delegate: Item {
                id: line

                required property int index
                readonly property var player: root.view.players[line.index]
                readonly property bool offline: line.player
                    && (line.player.self ? !root.online : !line.player.reachable)

                width: list.width
                height: 20

                Rectangle {
                    id: swatch
                    anchors.verticalCenter: parent.verticalCenter
                    width: 12
                    height: 12
                    radius: 4
                    color: line.player && line.player.reachable ? line.player.color : Theme.muted
                }
                Text {
                    anchors.left: swatch.right
                    anchors.leftMargin: 8
                    anchors.right: away.left
                    anchors.verticalCenter: parent.verticalCenter
                    text: line.player ? line.player.name : ""
                    elide: Text.ElideRight
                    color: line.offline ? Theme.muted : Theme.text
                    font.family: Theme.family
                    font.pixelSize: Theme.uiSize
                    font.weight: line.player && line.player.self ? Font.DemiBold : Font.Normal
                }
                Glyph {
                    id: away
                    anchors.right: points.left
                    anchors.rightMargin: 8
                    anchors.verticalCenter: parent.verticalCenter
                    width: line.offline ? 14 : 0
                    height: 14
                    shape: Glyph.Cloud
                    color: Theme.muted
                }
                Text {
                    id: points
                    anchors.right: parent.right
                    anchors.verticalCenter: parent.verticalCenter
                    width: 24
                    horizontalAlignment: Text.AlignRight
                    text: line.player ? line.player.score : ""
                    color: Theme.text
                    font.family: Theme.family
                    font.pixelSize: Theme.uiSize
                    font.weight: Font.DemiBold
                }
            }
        }
    }
}
