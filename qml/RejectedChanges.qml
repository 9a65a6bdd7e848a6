// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import KimDB

//! What the relay refused: the text, why, and what can be done with it. Nothing is lost silently.
Column {
    id: root

    required property Document document

    readonly property var changes: root.document.rejected > 0 ? root.document.rejectedChanges() : []
    readonly property string text: root.changes.map(change => change.text).join("")
    property string problem
    property bool asked

    spacing: 8

    Text {
        width: parent.width
        text: root.changes.length > 0
              ? qsTr("Edits of yours were not accepted and are kept on this device: %1.")
                    .arg(root.changes[0].reason)
              : ""
        wrapMode: Text.WordWrap
        color: Theme.text
        font.family: Theme.family
        font.pixelSize: Theme.uiSize
        lineHeight: 1.35
    }
    Rectangle {
        width: parent.width
        height: excerpt.implicitHeight + 16
        visible: root.text.length > 0
        radius: Theme.radius - 2
        color: Theme.hover

        Text {
            id: excerpt

            x: 10
            y: 8
            width: parent.width - 20
            text: root.text
            textFormat: Text.PlainText
            wrapMode: Text.Wrap
            elide: Text.ElideRight
            maximumLineCount: 6
            color: Theme.text
            font.family: Theme.family
            font.pixelSize: Theme.uiSize
            lineHeight: 1.35
        }
    }
    Text {
        width: parent.width
        visible: root.problem.length > 0
        text: root.problem
        wrapMode: Text.WordWrap
        color: Theme.warn
        font.family: Theme.family
        font.pixelSize: Theme.uiSize
    }
    Row {
        x: -8
        spacing: 4

        TextButton {
            text: qsTr("Try again")
            enabled: !root.document.readOnly
            onClicked: root.problem = root.document.retryRejected()
        }
        TextButton {
            text: qsTr("Copy text")
            enabled: root.text.length > 0
            onClicked: root.document.copyRejected()
        }
        TextButton {
            text: root.asked ? qsTr("Really discard") : qsTr("Discard")
            color: Theme.bad
            onClicked: {
                if (root.asked)
                    root.document.discardRejected();
                root.asked = !root.asked;
            }
        }
    }
}
