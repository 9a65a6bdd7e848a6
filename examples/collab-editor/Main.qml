// SPDX-License-Identifier: MIT
import QtQuick
import KimDB

//! One editor window: a top bar (title, presence, sync state) over a page.
Window {
    id: root

    required property string databasePath
    required property url relayUrl
    required property string documentId
    required property string userName
    property string token
    //! As the platform unless it is set.
    property bool dark: Theme.dark
    readonly property alias document: document
    readonly property alias area: area
    readonly property alias titleField: titleField
    readonly property alias people: people
    readonly property alias notice: notice
    readonly property alias badge: badge

    width: 960
    height: 680
    minimumWidth: 360
    minimumHeight: 240
    visible: true
    color: Theme.surface
    title: titleField.shownTitle + " \u2013 KimDB"

    onDarkChanged: Theme.dark = root.dark
    Component.onCompleted: if (root.dark !== Theme.dark) Theme.dark = root.dark

    Database {
        id: database
        path: root.databasePath
        url: root.relayUrl
        token: root.token
    }
    Document {
        id: document
        database: database
        documentId: root.documentId
        userName: root.userName
    }

    Rectangle {
        id: bar

        width: parent.width
        height: Theme.barHeight
        color: Theme.surface
        z: 1

        TitleField {
            id: titleField
            anchors.left: parent.left
            anchors.leftMargin: 24
            anchors.right: tools.left
            anchors.rightMargin: 16
            anchors.verticalCenter: parent.verticalCenter
            document: document
            onFinished: area.forceActiveFocus()
        }
        Row {
            id: tools

            anchors.right: parent.right
            anchors.rightMargin: 12
            anchors.verticalCenter: parent.verticalCenter
            spacing: 4

            BarButton {
                shape: Glyph.Undo
                tip: qsTr("Undo (Ctrl+Z)")
                visible: !area.readOnly
                enabled: area.canUndo
                onClicked: area.undo()
            }
            BarButton {
                shape: Glyph.Redo
                tip: qsTr("Redo (Ctrl+Shift+Z)")
                visible: !area.readOnly
                enabled: area.canRedo
                onClicked: area.redo()
            }
            BarButton {
                shape: Theme.dark ? Glyph.Sun : Glyph.Moon
                tip: Theme.dark ? qsTr("Light") : qsTr("Dark")
                onClicked: Theme.dark = !Theme.dark
            }
            Item {
                width: 8
                height: 1
            }
            PresenceBar {
                id: people
                anchors.verticalCenter: parent.verticalCenter
                document: document
                onPicked: session => area.showParticipant(session)
            }
            Item {
                width: 4
                height: 1
            }
            SyncBadge {
                id: badge
                document: document
            }
        }
        Rectangle {
            anchors.bottom: parent.bottom
            width: parent.width
            height: 1
            color: Theme.line
        }
    }
    Notice {
        id: notice

        anchors.top: bar.bottom
        width: parent.width
        readonly property string reading:
            document.readOnly ? qsTr("You can read this document, but not change it.") : ""
        readonly property string rejecting:
            document.rejected > 0 ? qsTr("Some of your changes were not accepted; they are kept.")
                                  : ""
        permanent: database.error || document.error
                   || reading + (reading && rejecting ? " " : "") + rejecting
        actionText: !database.ready ? qsTr("Try again") : document.rejected > 0 ? qsTr("Show") : ""
        onActed: database.ready ? badge.showDetails() : database.retry()
    }
    CollabTextArea {
        id: area

        anchors.top: notice.bottom
        anchors.bottom: parent.bottom
        width: parent.width
        focus: true
        document: document
        placeholderText: qsTr("Write something. Whoever opens this document sees it at once.")
        onRefused: reason => notice.tell(reason)
    }
}
