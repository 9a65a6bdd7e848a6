// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T
import KimDB

//! The document's title, edited in place: Return writes it, Escape leaves it as it was.
T.TextField {
    id: root

    required property Document document
    readonly property string untitled: qsTr("Untitled")
    readonly property string shownTitle: title.value ? title.value : root.untitled

    signal finished

    implicitHeight: Theme.target
    implicitWidth: contentWidth + leftPadding + rightPadding
    leftPadding: 8
    rightPadding: 8
    verticalAlignment: TextInput.AlignVCenter
    selectByMouse: true
    maximumLength: 120
    readOnly: !root.document.ready || root.document.readOnly
    color: root.activeFocus ? Theme.text : "transparent"
    selectionColor: Qt.alpha(Theme.accent, Theme.dark ? 0.4 : 0.25)
    selectedTextColor: Theme.text
    font.family: Theme.family
    font.pixelSize: 15
    font.weight: Font.DemiBold
    activeFocusOnTab: true
    Accessible.name: qsTr("Title")

    onEditingFinished: {
        title.value = root.text.trim();
        root.text = Qt.binding(() => title.value ? title.value : "");
    }
    onActiveFocusChanged: if (!root.activeFocus) root.cursorPosition = 0
    onTextChanged: if (!root.activeFocus) root.cursorPosition = 0
    onAccepted: root.finished()
    Keys.onEscapePressed: {
        root.text = title.value ? title.value : "";
        root.finished();
    }

    text: title.value ? title.value : ""

    DocumentValue {
        id: title
        document: root.document
        key: "title"
    }
    Text {
        anchors.fill: parent
        leftPadding: root.leftPadding
        rightPadding: root.rightPadding
        verticalAlignment: Text.AlignVCenter
        visible: !root.activeFocus || root.length === 0 && root.preeditText.length === 0
        text: root.shownTitle
        elide: Text.ElideRight
        color: title.value ? Theme.text : Theme.muted
        font: root.font
    }
    background: Rectangle {
        radius: Theme.radius - 2
        color: root.activeFocus || root.hovered && !root.readOnly ? Theme.hover : "transparent"
        border.width: root.activeFocus ? 1 : 0
        border.color: Theme.accent
    }
}
