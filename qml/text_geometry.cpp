// SPDX-License-Identifier: MIT
#include "qml/text_geometry.h"

#include <QAbstractTextDocumentLayout>
#include <QTextBlock>
#include <QTextLayout>
#include <algorithm>

namespace kimdb::qml {
namespace {

constexpr qreal kParagraphEndWidth = 6;

void appendBlockBoxes(QList<QRectF>& boxes, const QTextDocument& document, const QTextBlock& block,
                      int start, int end) {
    const QRectF bounds = document.documentLayout()->blockBoundingRect(block);
    const QTextLayout* layout = block.layout();
    const int first = start - block.position();
    const int last = end - block.position();
    for (int i = 0; i < layout->lineCount(); ++i) {
        const QTextLine line = layout->lineAt(i);
        const int from = std::max(first, line.textStart());
        const int to = std::min(last, line.textStart() + line.textLength());
        const bool covers_end = i == layout->lineCount() - 1 && last >= block.length();
        if (from > to || (from == to && !covers_end)) continue;
        const qreal x1 = line.cursorToX(from);
        const qreal x2 = line.cursorToX(to);  // left of x1 in right-to-left text
        const qreal width = std::abs(x2 - x1) + (covers_end ? kParagraphEndWidth : 0);
        boxes.append({bounds.x() + std::min(x1, x2), bounds.y() + line.y(), width, line.height()});
    }
}

}  // namespace

QList<QRectF> rangeBoxes(const QTextDocument& document, int start, int end) {
    QList<QRectF> boxes;
    for (QTextBlock block = document.findBlock(start); block.isValid() && block.position() < end;
         block = block.next()) {
        appendBlockBoxes(boxes, document, block, start, end);
    }
    return boxes;
}

}  // namespace kimdb::qml
