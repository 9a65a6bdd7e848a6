// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import KimDB
import KimDB.Game

//! The playfield in arena units, fitted to the window by numbers (a scaled item would not be
//! crisp), with the scores in its corner.
Item {
    id: root

    required property GameView view
    property bool online: true
    readonly property real unit: Math.min(root.width / root.view.arenaWidth,
                                          root.height / root.view.arenaHeight)

    Rectangle {
        id: field

        anchors.centerIn: parent
        width: root.view.arenaWidth * root.unit
        height: root.view.arenaHeight * root.unit
        radius: 16
        color: Theme.surface
        border.width: 1
        border.color: Theme.line

        // A quiet grid gives the eye something to measure speed by.
        Repeater {
            model: 15 * 9

            delegate: Rectangle {
                required property int index

                x: Math.round((index % 15 + 1) * 50 * root.unit) - 1
                y: Math.round((Math.floor(index / 15) + 1) * 50 * root.unit) - 1
                width: 2
                height: 2
                color: Theme.line
            }
        }
        Repeater {
            model: root.view.items.length

            delegate: Gem {
                required property int index
                readonly property var item: root.view.items[index]

                x: item ? item.x * root.unit : 0
                y: item ? item.y * root.unit : 0
                radius: root.view.itemRadius * root.unit
                taken: !item || item.taken
            }
        }
        Repeater {
            model: root.view.playerCount

            delegate: PlayerMark {
                required property int index

                player: root.view.players[index]
                unit: root.unit
                radius: root.view.playerRadius * root.unit
                offline: player !== undefined && (player.self ? !root.online : !player.reachable)
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
}
