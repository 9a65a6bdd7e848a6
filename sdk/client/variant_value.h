// SPDX-License-Identifier: MIT
#pragma once

#include <QVariant>
#include <string>

#include <kimdb/value.h>

namespace kimdb {

//! \brief Valid UTF-8 of a string; a lone surrogate becomes U+FFFD.
std::string utf8Of(const QString& text);
QString stringOf(std::string_view utf8);

//! \brief What QVariant can say and a Value too: null, bool, integers, doubles, strings, bytes,
//! lists and maps; URLs, dates, times and colours become their text, JSON types what they hold.
//! Errors: InvalidArgument (another type, an integer above 2^63 - 1, not a finite number), TooLarge
//! (nesting).
Result<Value> valueOf(const QVariant& variant);

//! \brief The inverse: null is QVariant::fromValue(nullptr), integers qint64, bytes QByteArray.
QVariant variantOf(const Value& value);

}  // namespace kimdb
