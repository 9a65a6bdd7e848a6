// SPDX-License-Identifier: MIT
#pragma once

#include <QList>
#include <QRectF>
#include <QTextDocument>

namespace kimdb::qml {

//! \brief The boxes, one per line, that the range [start, end) of \a document covers, in the
//! document's own coordinates. A covered paragraph end shows as a small box of its own.
QList<QRectF> rangeBoxes(const QTextDocument& document, int start, int end);

}  // namespace kimdb::qml
