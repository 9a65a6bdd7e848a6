// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import KimDB
import KimDB.Game

//! The playfield in arena units, scaled to fit, with the scores in its corner.
Item {
    id: root

    required property GameView view
    property bool online: true

    Rectangle {
        id: field

        anchors.centerIn: parent
        width: root.view.arenaWidth
        height: root.view.arenaHeight
        scale: Math.min(root.width / width, root.height / height)
        radius: 16
        color: Theme.surface
        border.width: 1
        border.color: Theme.line

        // A quiet grid gives the eye something to measure speed by.
        Repeater {
            model: 15 * 9

            delegate: Rectangle {
                required property int index

                x: (index % 15 + 1) * 50 - 1
                y: (Math.floor(index / 15) + 1) * 50 - 1
                width: 2
                height: 2
                radius: 1
                color: Theme.line
            }
        }
        Repeater {
            model: root.view.items.length

            delegate: Rectangle {
                id: gem

                required property int index
                readonly property var item: root.view.items[gem.index]

                x: gem.item ? gem.item.x - width / 2 : 0
                y: gem.item ? gem.item.y - height / 2 : 0
                width: root.view.itemRadius * 2
                height: width
                radius: 4
                rotation: 45
                color: Theme.warn
                scale: gem.item && !gem.item.taken ? 1 : 0

                Rectangle {
                    anchors.fill: parent
                    anchors.margins: 4
                    radius: 2
                    color: Qt.lighter(Theme.warn, 1.5)
                }
                Behavior on scale {
                    NumberAnimation { duration: Theme.motion }
                }
            }
        }
        Repeater {
            model: root.view.playerCount

            delegate: PlayerMark {
                required property int index

                player: root.view.players[index]
                radius: root.view.playerRadius
                offline: player && (player.self ? !root.online : !player.reachable)
            }
        }
    }
    Scores {
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.margins: 12
        view: root.view
        online: root.online
    }
}
