// SPDX-License-Identifier: MIT
import QtQuick
import QtQuick.Templates as T

T.ToolTip {
    id: root

    x: parent ? Math.round((parent.width - implicitWidth) / 2) : 0
    y: parent ? parent.height + 6 : 0
    margins: 8
    padding: 6
    leftPadding: 8
    rightPadding: 8
    delay: 500
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    closePolicy: T.Popup.CloseOnEscape | T.Popup.CloseOnPressOutsideParent

    contentItem: Text {
        text: root.text
        color: Theme.dark ? "#1B1F26" : "#FFFFFF"
        font.family: Theme.family
        font.pixelSize: Theme.smallSize + 1
    }
    background: Rectangle {
        radius: 6
        color: Theme.dark ? "#E8EAED" : "#1B1F26"
    }
}
