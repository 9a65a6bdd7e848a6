// SPDX-License-Identifier: MIT
pragma Singleton

import QtQuick

//! The tokens of the look, light and dark. `dark` follows the platform until it is set.
QtObject {
    id: root

    property bool dark: root.system.window.hslLightness < 0.5
    //! 0 switches every animation off.
    property int motion: 120
    property SystemPalette system: SystemPalette {}

    readonly property color ground: root.dark ? "#14161A" : "#F6F7F9"
    readonly property color surface: root.dark ? "#1C1F25" : "#FFFFFF"
    readonly property color raised: root.dark ? "#242830" : "#FFFFFF"
    readonly property color line: root.dark ? "#2E333C" : "#E3E6EB"
    readonly property color text: root.dark ? "#E8EAED" : "#1B1F26"
    readonly property color muted: root.dark ? "#9AA3B0" : "#5B6472"
    readonly property color accent: root.dark ? "#7C9BFF" : "#3457D5"
    readonly property color good: root.dark ? "#4CC38A" : "#1A7F4B"
    readonly property color warn: root.dark ? "#E0B341" : "#9A6700"
    readonly property color bad: root.dark ? "#FF8A7A" : "#B42318"
    readonly property color hover: root.dark ? "#2A2F38" : "#F0F2F5"
    readonly property color pressed: root.dark ? "#333945" : "#E6E9EE"

    readonly property string family: "Inter"
    readonly property int bodySize: 16
    readonly property int uiSize: 13
    readonly property int smallSize: 11
    readonly property real lineHeight: 1.6

    readonly property int step: 4
    readonly property int barHeight: 48
    readonly property int radius: 8
    readonly property int target: 32
}
