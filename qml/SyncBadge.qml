// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T
import KimDB

//! Where the data is, in words and a shape; a click shows the queue, the last error and what to do.
T.AbstractButton {
    id: root

    required property Document document

    // States that pass in a moment are not shown: nothing flickers while one types.
    readonly property bool passing: root.document.syncState === Document.Saving
                                    || root.document.syncState === Document.Saved
    readonly property alias detailsShown: details.opened
    property int shownState: Document.Offline
    property string shownText

    function settle() {
        root.shownState = root.document.syncState;
        root.shownText = root.document.syncText;
    }

    function shapeOf(state: int): int {
        switch (state) {
        case Document.Synced: return Glyph.Check;
        case Document.Saving: return Glyph.Dots;
        case Document.Saved: return Glyph.Disk;
        case Document.Offline: return Glyph.Cloud;
        case Document.NotAllowed: return Glyph.Lock;
        }
        return Glyph.Warning;
    }

    function colorOf(state: int): color {
        switch (state) {
        case Document.Synced: return Theme.good;
        case Document.NotAllowed: return Theme.warn;
        case Document.Failed: return Theme.bad;
        }
        return Theme.muted;
    }

    function adviceOf(state: int): string {
        switch (state) {
        case Document.Synced: return qsTr("Everything is stored here and on the relay.");
        case Document.Saving: return qsTr("Being written to this device.");
        case Document.Saved: return qsTr("Stored on this device, on its way to the relay.");
        case Document.Offline:
            return qsTr("Keep working. Everything is stored on this device and goes out as soon "
                        + "as the relay can be reached; it is tried again by itself.");
        case Document.NotAllowed:
            return qsTr("You can read this document. Ask its owner for the right to edit.");
        }
        return qsTr("This device does not take the changes. Free some space; "
                    + "writing goes on by itself.");
    }

    //! Opens the details, as a click does.
    function showDetails() {
        details.open();
    }

    implicitHeight: Theme.target
    implicitWidth: Math.max(104, contentItem.implicitWidth + leftPadding + rightPadding)
    leftPadding: 10
    rightPadding: 12
    focusPolicy: Qt.TabFocus
    Accessible.name: root.shownText
    onClicked: details.opened ? details.close() : details.open()
    Component.onCompleted: root.settle()

    contentItem: Row {
        spacing: 8

        Glyph {
            anchors.verticalCenter: parent.verticalCenter
            shape: root.shapeOf(root.shownState)
            color: root.colorOf(root.shownState)
        }
        Text {
            anchors.verticalCenter: parent.verticalCenter
            text: root.shownText
            color: Theme.text
            font.family: Theme.family
            font.pixelSize: Theme.uiSize
        }
    }
    background: Rectangle {
        radius: height / 2
        color: root.down || details.opened ? Theme.pressed
                                           : root.hovered ? Theme.hover : "transparent"
        border.width: root.visualFocus ? 2 : 1
        border.color: root.visualFocus ? Theme.accent : Theme.line
    }

    Timer {
        id: calm
        interval: 400
        onTriggered: root.settle()
    }
    Connections {
        target: root.document

        function onSyncChanged() {
            if (root.passing)
                calm.start();
            else
                calm.stop();
            if (!root.passing)
                root.settle();
        }
    }

    Popover {
        id: details

        x: root.width - width
        y: root.height + 8

        contentItem: Column {
            spacing: 8
            width: 264

            Row {
                spacing: 8

                Glyph {
                    anchors.verticalCenter: parent.verticalCenter
                    shape: root.shapeOf(root.shownState)
                    color: root.colorOf(root.shownState)
                }
                Text {
                    text: root.shownText
                    color: Theme.text
                    font.family: Theme.family
                    font.pixelSize: Theme.uiSize + 1
                    font.weight: Font.DemiBold
                }
            }
            Text {
                width: parent.width
                text: root.adviceOf(root.shownState)
                wrapMode: Text.WordWrap
                color: Theme.muted
                font.family: Theme.family
                font.pixelSize: Theme.uiSize
                lineHeight: 1.35
            }
            Rectangle {
                width: parent.width
                height: 1
                color: Theme.line
            }
            SyncFact {
                width: parent.width
                label: qsTr("Relay")
                value: root.document.database ? "%1".arg(root.document.database.url) : ""
            }
            SyncFact {
                width: parent.width
                label: qsTr("Changes waiting to be sent")
                value: root.document.queued === 0 ? qsTr("nothing")
                                                  : root.document.queued.toString()
            }
            SyncFact {
                width: parent.width
                visible: root.document.lastError.length > 0
                label: qsTr("Last error")
                value: root.document.lastError
            }
            Rectangle {
                width: parent.width
                height: 1
                visible: root.document.rejected > 0
                color: Theme.line
            }
            RejectedChanges {
                width: parent.width
                visible: root.document.rejected > 0
                document: root.document
            }
        }
    }
}
