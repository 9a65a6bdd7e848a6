// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import KimDB

//! Who is in the document: up to five avatars, then "+3", and oneself as a ring.
Row {
    id: root

    required property Document document
    readonly property int shownMax: 5
    readonly property alias count: people.count

    //! Someone was clicked: show where they are.
    signal picked(string session)

    spacing: -4

    Participants {
        id: people
        document: root.document
    }

    Repeater {
        model: people

        delegate: Avatar {
            id: avatar

            required property int index
            required property string session
            required property string name

            z: -avatar.index
            visible: avatar.index < root.shownMax
            tip: avatar.idle ? qsTr("%1, idle").arg(avatar.name) : avatar.name
            onClicked: root.picked(avatar.session)

            required initials
            required color
            required idle
        }
    }
    Avatar {
        visible: people.count > root.shownMax
        initials: "+" + (people.count - root.shownMax)
        color: Theme.pressed
        ink: Theme.text
        tip: qsTr("%1 more").arg(people.count - root.shownMax)
    }
    Item {
        width: 12
        height: 1
        visible: people.count > 0
    }
    Avatar {
        visible: root.document.userName.length > 0
        self: true
        initials: people.initials(root.document.userName)
        color: root.document.ready ? root.document.userColor : Theme.muted
        tip: qsTr("%1 (you)").arg(root.document.userName)
    }
}
