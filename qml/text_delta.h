// SPDX-License-Identifier: MIT
#pragma once

#include <QList>
#include <QString>
#include <utility>

namespace kimdb::qml {

//! \brief One edit of a plain text as a walk over it: keep, remove, insert. What follows the last
//! step is kept. Lengths are UTF-16 units. A value.
//!
//! The editor needs it for one case only: remote edits that arrive during an input-method
//! composition wait, and the edits typed meanwhile have to be carried over them.
class TextDelta {
 public:
    enum class Kind { Keep, Remove, Insert };
    struct Step {
        Kind kind = Kind::Keep;
        qsizetype length = 0;
        QString text;  //!< Insert only
        bool operator==(const Step&) const = default;
    };
    //! One step at its place, in units of the text as it is when the splices before it are done.
    struct Splice {
        qsizetype position = 0;
        qsizetype removed = 0;
        QString inserted;
    };

    static TextDelta splice(qsizetype position, qsizetype removed, const QString& inserted);
    //! The smallest single splice from \a before to \a after that cuts no surrogate pair.
    static TextDelta between(QStringView before, QStringView after, qsizetype offset = 0);

    void keep(qsizetype length);
    void remove(qsizetype length);
    void insert(const QString& text);

    bool isEmpty() const { return m_steps.isEmpty(); }
    const QList<Step>& steps() const { return m_steps; }
    QList<Splice> splices() const;
    QString appliedTo(QString text) const;

    //! Carries two edits of the same text over each other: first' works after \a second, second'
    //! after \a first, and both ways give the same text. Insertions at one place: first's is left.
    static std::pair<TextDelta, TextDelta> transform(const TextDelta& first,
                                                     const TextDelta& second);

 private:
    void append(Kind kind, qsizetype length, const QString& text);
    QList<Step> m_steps;
};

}  // namespace kimdb::qml
