// SPDX-License-Identifier: MIT
#pragma once

#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include <kimdb/kimdb.h>

namespace kimdb::test {

//! \brief A folder for one test and the words to talk about it.
class Folder {
 public:
    QString path(const QString& name = QStringLiteral("db")) const { return m_dir.filePath(name); }
    //! The database in the folder; fails the test when it does not open.
    std::unique_ptr<Database> open(const QString& name = QStringLiteral("db"),
                                   DatabaseOptions options = {}) const {
        auto opened = Database::open(path(name), std::move(options));
        if (!opened)
            qFatal("cannot open %s: %s", qPrintable(path(name)), opened.error().message.c_str());
        return std::move(opened).value();
    }

 private:
    QTemporaryDir m_dir;
};

//! The document \a id; fails the test when there is an error.
inline Document* documentOf(Database& database, const QString& id = QStringLiteral("notes/first")) {
    auto document = database.document(id);
    if (!document) qFatal("cannot open %s: %s", qPrintable(id), document.error().message.c_str());
    return document.value();
}

//! The error in words, empty when there is none.
template <class T>
QByteArray problemOf(const Result<T>& outcome) {
    return outcome ? QByteArray() : QByteArray::fromStdString(outcome.error().message);
}

//! The error's code, 0 when there is none, -1 when it does not say what is wrong.
template <class T>
int codeOf(const Result<T>& outcome) {
    if (outcome) return 0;
    return outcome.error().message.empty() ? -1 : static_cast<int>(outcome.error().code);
}

//! \brief Follows a text by its splices only, as an editor does.
class PlainCopy : public QObject {
 public:
    PlainCopy(Document* document, const Text& text)
        : m_text(text.toString()), m_id(text.containerId()) {
        connect(document, &Document::textChanged, this,
                [this](const crdt::ContainerId& id, const QList<TextSplice>& splices) {
                    if (id != m_id) return;
                    for (const TextSplice& s : splices)
                        m_text.replace(s.position, s.removed, s.inserted);
                });
    }
    const QString& text() const { return m_text; }

 private:
    QString m_text;
    crdt::ContainerId m_id;
};

}  // namespace kimdb::test

#define KIMDB_VERIFY_OK(outcome) QCOMPARE(kimdb::test::problemOf(outcome), QByteArray())
#define KIMDB_COMPARE_ERROR(outcome, expected) \
    QCOMPARE(kimdb::test::codeOf(outcome), static_cast<int>(expected))
