// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QColor>
#include <QQuickPaintedItem>

namespace kimdb::qml {

//! \brief A line icon on a 16 × 16 grid in any colour and size: crisp at any scale, needs no image
//! plugin.
class Glyph : public QQuickPaintedItem {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(Shape shape READ shape WRITE setShape NOTIFY shapeChanged)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY colorChanged)

 public:
    enum class Shape {
        None,
        Check,    //!< everything is where it should be
        Disk,     //!< on this device
        Dots,     //!< under way
        Cloud,    //!< away from the relay
        Lock,     //!< not allowed
        Warning,  //!< needs attention
        Undo,
        Redo,
        Sun,
        Moon,
    };
    Q_ENUM(Shape)

    explicit Glyph(QQuickItem* parent = nullptr);

    Shape shape() const { return m_shape; }
    void setShape(Shape shape);
    QColor color() const { return m_color; }
    void setColor(const QColor& color);

    void paint(QPainter* painter) override;

 signals:
    void shapeChanged();
    void colorChanged();

 private:
    Shape m_shape = Shape::None;
    QColor m_color = Qt::black;
};

}  // namespace kimdb::qml
