// SPDX-License-Identifier: MIT
import QtQuick
import KimDB

//! An item to take: a lozenge that fades when it is taken.
Item {
    id: root

    property real radius: 9
    property bool taken: false

    opacity: root.taken ? 0 : 1

    Behavior on opacity {
        NumberAnimation { duration: Theme.motion }
    }
    Rectangle {
        anchors.centerIn: parent
        width: root.radius * 1.7
        height: width
        radius: 4
        rotation: 45
        antialiasing: true
        color: Theme.warn

        Rectangle {
            anchors.fill: parent
            anchors.margins: 4
            radius: 2
            antialiasing: true
            color: Qt.lighter(Theme.warn, 1.5)
        }
    }
}
