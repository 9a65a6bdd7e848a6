// SPDX-License-Identifier: MIT
#pragma once

#include <QTest>

// QTRY_VERIFY and QTRY_COMPARE with a bound that a loaded machine keeps. Qt's five seconds are over
// there before a window is shown or a socket is connected; who passes does not wait longer.
#undef QTRY_VERIFY
#define QTRY_VERIFY(expression) QTRY_VERIFY_WITH_TIMEOUT((expression), 60'000)
#undef QTRY_COMPARE
#define QTRY_COMPARE(expression, expected) QTRY_COMPARE_WITH_TIMEOUT((expression), expected, 60'000)
