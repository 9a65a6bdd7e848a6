// SPDX-License-Identifier: MIT
#include "qml/glyph.h"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>

namespace kimdb::qml {
namespace {

constexpr qreal kGrid = 16;
constexpr qreal kStroke = 1.5;

QPainterPath polyline(std::initializer_list<QPointF> points) {
    QPainterPath path;
    for (const QPointF& point : points) {
        if (path.elementCount() == 0) {
            path.moveTo(point);
        } else {
            path.lineTo(point);
        }
    }
    return path;
}

QPainterPath check() {
    QPainterPath path = polyline({{5, 8.3}, {7.2, 10.4}, {11, 6}});
    path.addEllipse(QPointF(8, 8), 6, 6);
    return path;
}

QPainterPath disk() {
    QPainterPath path;
    path.addEllipse(QRectF(2.5, 2.5, 11, 4));
    path.moveTo(2.5, 4.5);
    path.lineTo(2.5, 11.5);
    path.cubicTo(2.5, 14.2, 13.5, 14.2, 13.5, 11.5);
    path.lineTo(13.5, 4.5);
    return path;
}

QPainterPath dots() {
    QPainterPath path;
    for (const qreal x : {3.5, 8.0, 12.5}) path.addEllipse(QPointF(x, 8), 0.6, 0.6);
    return path;
}

QPainterPath cloud() {
    QPainterPath path;
    path.moveTo(4.5, 12.5);
    path.cubicTo(0.6, 12.5, 0.8, 7.4, 4.2, 7.4);
    path.cubicTo(4.6, 2.6, 11, 2.8, 11.4, 6.6);
    path.cubicTo(15.2, 6.6, 15.2, 12.5, 11.6, 12.5);
    path.closeSubpath();
    path.moveTo(2.5, 14);
    path.lineTo(13.5, 2.5);
    return path;
}

QPainterPath lock() {
    QPainterPath path;
    path.addRoundedRect(QRectF(3.5, 7, 9, 6.5), 1.5, 1.5);
    path.moveTo(5.5, 7);
    path.lineTo(5.5, 5);
    path.cubicTo(5.5, 1.6, 10.5, 1.6, 10.5, 5);
    path.lineTo(10.5, 7);
    return path;
}

QPainterPath warning() {
    QPainterPath path = polyline({{8, 2.5}, {14, 13.2}, {2, 13.2}});
    path.closeSubpath();
    path.moveTo(8, 6.5);
    path.lineTo(8, 9.3);
    path.addEllipse(QPointF(8, 11.3), 0.2, 0.2);
    return path;
}

QPainterPath undoArrow() {
    QPainterPath path = polyline({{6, 3}, {2.8, 6.2}, {6, 9.4}});
    path.moveTo(3, 6.2);
    path.lineTo(9.5, 6.2);
    path.cubicTo(14.3, 6.2, 14.3, 13, 9.5, 13);
    path.lineTo(6.5, 13);
    return path;
}

QPainterPath sun() {
    QPainterPath path;
    path.addEllipse(QPointF(8, 8), 2.8, 2.8);
    for (int i = 0; i < 8; ++i) {
        const qreal angle = i * M_PI / 4;
        const QPointF direction(std::cos(angle), std::sin(angle));
        path.moveTo(QPointF(8, 8) + direction * 5);
        path.lineTo(QPointF(8, 8) + direction * 6.3);
    }
    return path;
}

QPainterPath moon() {
    QPainterPath path;
    path.moveTo(13.2, 9.6);
    path.arcTo(QRectF(2.4, 2.4, 11.2, 11.2), -16, -258);
    path.cubicTo(5.4, 6.6, 8.6, 11.2, 13.2, 9.6);
    return path;
}

QPainterPath pathOf(Glyph::Shape shape) {
    switch (shape) {
        case Glyph::Shape::None:
            return {};
        case Glyph::Shape::Check:
            return check();
        case Glyph::Shape::Disk:
            return disk();
        case Glyph::Shape::Dots:
            return dots();
        case Glyph::Shape::Cloud:
            return cloud();
        case Glyph::Shape::Lock:
            return lock();
        case Glyph::Shape::Warning:
            return warning();
        case Glyph::Shape::Undo:
            return undoArrow();
        case Glyph::Shape::Redo:
            return QTransform(-1, 0, 0, 1, kGrid, 0).map(undoArrow());
        case Glyph::Shape::Sun:
            return sun();
        case Glyph::Shape::Moon:
            return moon();
    }
    return {};
}

}  // namespace

Glyph::Glyph(QQuickItem* parent) : QQuickPaintedItem(parent) {
    setAntialiasing(true);
    setImplicitSize(kGrid, kGrid);
}

void Glyph::setShape(Shape shape) {
    if (shape == m_shape) return;
    m_shape = shape;
    emit shapeChanged();
    update();
}

void Glyph::setColor(const QColor& color) {
    if (color == m_color) return;
    m_color = color;
    emit colorChanged();
    update();
}

void Glyph::paint(QPainter* painter) {
    const qreal scale = std::min(width(), height()) / kGrid;
    painter->scale(scale, scale);
    painter->setPen(QPen(m_color, kStroke, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter->drawPath(pathOf(m_shape));
}

}  // namespace kimdb::qml
