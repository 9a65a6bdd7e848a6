// SPDX-License-Identifier: MIT
import QtQuick

//! One labelled line of the sync popover; a long value wraps below its label.
Item {
    id: root

    property string label
    property string value
    readonly property bool fits: name.implicitWidth + fact.implicitWidth + 16 <= root.width

    implicitHeight: root.fits ? name.height : name.height + fact.height + 2

    Text {
        id: name
        text: root.label
        color: Theme.muted
        font.family: Theme.family
        font.pixelSize: Theme.uiSize
    }
    Text {
        id: fact
        x: root.fits ? root.width - implicitWidth : 0
        y: root.fits ? 0 : name.height + 2
        width: root.fits ? implicitWidth : root.width
        text: root.value
        wrapMode: Text.Wrap
        color: Theme.text
        font.family: Theme.family
        font.pixelSize: Theme.uiSize
    }
}
