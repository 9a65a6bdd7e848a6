// SPDX-License-Identifier: MIT
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import KimDB

//! A plain text of a document, edited together: remote carets and selections with names, undo of
//! one's own edits on the platform's keys, a column of readable width.
FocusScope {
    id: root

    required property Document document
    property string textKey: "text"
    property string placeholderText
    property int columnWidthMax: 720
    property int marginMin: 32
    property int marginTop: 40
    property bool readOnly: !root.document.ready || root.document.readOnly
    readonly property alias text: area.text
    readonly property alias editor: area
    readonly property alias binding: binding
    readonly property alias canUndo: binding.canUndo
    readonly property alias canRedo: binding.canRedo

    //! The last edit was refused and taken out again.
    signal refused(string reason)

    function undo() {
        binding.undo();
    }

    function redo() {
        binding.redo();
    }

    //! Scrolls to the caret of a participant.
    function showParticipant(session: string) {
        const caret = carets.caretOf(session);
        if (caret.y >= 0)
            flick.reveal(caret);
    }

    Flickable {
        id: flick

        // Scrolls as little as needed to show a rectangle with a line of air around it.
        function reveal(rect: rect) {
            const air = 24;
            const lowest = Math.max(0, flick.contentHeight - flick.height);
            if (rect.y - air < flick.contentY)
                flick.contentY = Math.max(0, rect.y - air);
            else if (rect.y + rect.height + air > flick.contentY + flick.height)
                flick.contentY = Math.min(lowest, rect.y + rect.height + air - flick.height);
        }

        anchors.fill: parent
        clip: true
        contentWidth: width
        contentHeight: area.height
        boundsBehavior: Flickable.StopAtBounds

        T.ScrollBar.vertical: T.ScrollBar {
            id: bar

            implicitWidth: 10
            padding: 2
            minimumSize: 0.08
            visible: size < 1

            contentItem: Rectangle {
                implicitWidth: 6
                radius: 3
                color: Theme.muted
                opacity: bar.pressed ? 0.8 : bar.hovered || bar.active ? 0.5 : 0.25
            }
        }

        T.TextArea {
            id: area

            readonly property real margin:
                Math.max(root.marginMin, (width - root.columnWidthMax) / 2)

            width: flick.width
            height: Math.max(flick.height, contentHeight + topPadding + bottomPadding)
            leftPadding: area.margin
            rightPadding: area.margin
            topPadding: root.marginTop
            bottomPadding: root.marginTop * 2
            focus: true
            readOnly: root.readOnly
            textFormat: TextEdit.PlainText
            wrapMode: TextEdit.Wrap
            selectByMouse: true
            persistentSelection: true
            color: Theme.text
            selectionColor: Qt.alpha(Theme.accent, Theme.dark ? 0.4 : 0.25)
            selectedTextColor: Theme.text
            placeholderText: root.placeholderText
            font.family: Theme.family
            font.pixelSize: Theme.bodySize
            Accessible.name: qsTr("Text")

            onCursorRectangleChanged: if (!binding.applying) flick.reveal(area.cursorRectangle)

            Keys.onPressed: event => {
                if (event.matches(StandardKey.Undo)) {
                    binding.undo();
                    event.accepted = true;
                } else if (event.matches(StandardKey.Redo)) {
                    binding.redo();
                    event.accepted = true;
                }
            }

            cursorDelegate: Rectangle {
                id: caret

                width: 2
                color: Theme.accent
                visible: area.activeFocus && !area.readOnly

                Timer {
                    running: caret.visible && interval > 0
                    repeat: true
                    interval: binding.caretFlashTime / 2
                    onTriggered: caret.opacity = caret.opacity > 0 ? 0 : 1
                    onRunningChanged: caret.opacity = 1
                }
                Connections {
                    target: area

                    function onCursorRectangleChanged() {
                        caret.opacity = 1;
                    }
                }
            }

            Text {
                x: area.leftPadding
                y: area.topPadding
                width: area.width - area.leftPadding - area.rightPadding
                visible: area.length === 0 && area.preeditText.length === 0
                text: area.placeholderText
                color: Theme.muted
                font: area.font
                lineHeight: Theme.lineHeight
                wrapMode: Text.Wrap
            }

            // Selections under the text, carets above it; both scroll with it.
            Repeater {
                model: carets

                delegate: Item {
                    id: selection

                    required property color color
                    required property var boxes

                    z: -1

                    Repeater {
                        model: selection.boxes

                        delegate: Rectangle {
                            required property rect modelData

                            x: modelData.x
                            y: modelData.y
                            width: modelData.width
                            height: modelData.height
                            color: Qt.alpha(selection.color, 0.2)
                        }
                    }
                }
            }
            Repeater {
                model: carets

                delegate: RemoteCaretView {
                    viewTop: flick.contentY
                }
            }
        }
    }

    TextBinding {
        id: binding

        document: root.document
        key: root.textKey
        editor: area
        lineHeight: Theme.lineHeight
        viewTop: flick.contentY
        onViewShifted: delta => flick.contentY += delta
        onRevealed: flick.reveal(area.cursorRectangle)
        onRefused: reason => root.refused(reason)
    }
    RemoteCarets {
        id: carets
        binding: binding
    }
}
