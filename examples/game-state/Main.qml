// SPDX-License-Identifier: MIT
import QtQuick
import KimDB
import KimDB.Game

//! The arena: walk with the arrow keys or WASD, touch the gems.
Window {
    id: root

    required property string databasePath
    required property url relayUrl
    required property string documentId
    required property string playerId
    required property string userName
    property bool dark: Theme.dark
    readonly property alias view: view

    width: 960
    height: 680
    minimumWidth: 480
    minimumHeight: 360
    visible: true
    color: Theme.ground
    title: qsTr("KimDB arena \u2013 %1").arg(root.userName)

    Component.onCompleted: if (root.dark !== Theme.dark) Theme.dark = root.dark

    Database {
        id: database
        path: root.databasePath
        url: root.relayUrl
    }
    Document {
        id: document
        database: database
        documentId: root.documentId
        userName: root.userName
    }
    GameView {
        id: view
        document: document
        playerId: root.playerId
    }
    FrameAnimation {
        running: document.ready
        onTriggered: view.advance(Math.min(frameTime, 0.1))
    }

    Rectangle {
        id: bar

        width: parent.width
        height: Theme.barHeight
        color: Theme.surface

        Text {
            anchors.left: parent.left
            anchors.leftMargin: 24
            anchors.verticalCenter: parent.verticalCenter
            text: qsTr("Arena")
            color: Theme.text
            font.family: Theme.family
            font.pixelSize: 15
            font.weight: Font.DemiBold
        }
        Text {
            anchors.centerIn: parent
            text: qsTr("Round %1").arg(view.round + 1)
            color: Theme.muted
            font.family: Theme.family
            font.pixelSize: Theme.uiSize
        }
        SyncBadge {
            anchors.right: parent.right
            anchors.rightMargin: 12
            anchors.verticalCenter: parent.verticalCenter
            document: document
        }
        Rectangle {
            anchors.bottom: parent.bottom
            width: parent.width
            height: 1
            color: Theme.line
        }
    }
    Text {
        anchors.centerIn: parent
        visible: !document.ready
        width: parent.width - 96
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
        text: database.error || document.error
        color: Theme.text
        font.family: Theme.family
        font.pixelSize: Theme.bodySize
    }
    Arena {
        anchors.top: bar.bottom
        anchors.bottom: parent.bottom
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.margins: 24
        focus: true
        visible: document.ready
        view: view
        online: document.online
        Keys.onPressed: event => event.accepted = view.press(event.key)
        Keys.onReleased: event => {
            if (!event.isAutoRepeat)
                event.accepted = view.release(event.key);
        }
    }
}
