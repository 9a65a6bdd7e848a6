// SPDX-License-Identifier: MIT
#pragma once

#include <QColor>
#include <QObject>
#include <QPointer>
#include <QString>
#include <QVariant>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include <kimdb/crdt/document.h>

namespace kimdb {

class Counter;
class Database;
class Map;
class Presence;
class SyncStatus;
class Text;
class UndoManager;

//! \brief One splice in UTF-16 units of the text before it.
struct TextSplice {
    int position = 0;
    int removed = 0;
    QString inserted;
};

//! \brief One document: a root map with nested containers, edited locally at once and merged with
//! everyone else's edits.
//!
//! Edits are visible in memory when the call returns and are journalled in the background; they
//! never wait for the network or the disk. Every edit call is a transaction of its own unless it is
//! inside transaction(). An edit that returns an error has changed nothing. When the disk takes no
//! writes, edits still succeed: they are kept in memory, syncStatus() says Failed, and they are
//! journalled when there is space again; only when 10,000 of them wait are further ones refused
//! with StorageFull.
//!
//! Signals come when an edit is complete and, for remote edits, from the event loop, where
//! integrating takes at most 4 ms of a turn. Slots may edit: what they do is announced after what
//! is being announced. They must not delete the database (use deleteLater()).
//! Thread: the database's. Owner: the database.
class Document : public QObject {
    Q_OBJECT
    Q_MOC_INCLUDE(<kimdb / sync_status.h>)
    Q_PROPERTY(QString id READ id CONSTANT)
    Q_PROPERTY(kimdb::SyncStatus* syncStatus READ syncStatus CONSTANT)
    Q_PROPERTY(bool readOnly READ readOnly NOTIFY readOnlyChanged)
 public:
    ~Document() override;
    QString id() const;
    Database* database() const;
    Map root();
    //! Shorthand for root().text(key).
    Text text(const QString& key);

    //! Merges \a values into the root map, recursively, in one change. A null value stays a null;
    //! use Map::remove to remove. Errors: NotAllowed (read-only), StorageFull, TooLarge.
    Result<> update(const QVariantMap& values);
    Result<> update(std::initializer_list<std::pair<QString, QVariant>> values);
    //! Runs \a edits as one change: atomic here and everywhere. Nested calls join the outer one.
    //! When an edit in it was too large, the others stand and the error is returned here too.
    //! Errors: NotAllowed and StorageFull (\a edits is not called), TooLarge.
    Result<> transaction(const std::function<void()>& edits);
    //! The whole document.
    QVariantMap toVariantMap() const;

    UndoManager* undoManager();
    Presence* presence();
    SyncStatus* syncStatus() const;
    bool readOnly() const;

 signals:
    //! Something changed, by whomever; one signal per transaction or received batch, after the
    //! finer ones.
    void changed(kimdb::crdt::Origin origin);
    //! A text changed. Applied in order to a plain copy, the splices reproduce the text.
    void textChanged(const kimdb::crdt::ContainerId& text, const QList<kimdb::TextSplice>& splices,
                     kimdb::crdt::Origin origin);
    void mapChanged(const kimdb::crdt::ContainerId& map, const QStringList& keys,
                    kimdb::crdt::Origin origin);
    //! The document was loaded anew (a refused change was taken out): read everything again.
    void reloaded();
    void readOnlyChanged();

 private:
    friend class Database;
    friend class Map;
    friend class Text;
    friend class Counter;
    friend class UndoManager;
    friend class Presence;
    friend class DocumentInspector;
    class Impl;
    Document(Database* database, std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

//! \brief A handle on a map: copy it freely; it does nothing once its document is gone.
class Map {
 public:
    QVariant value(
        const QString& key) const;  //!< invalid when absent; containers as QVariantMap/QString/…
    bool contains(const QString& key) const;
    QStringList keys() const;
    Result<> set(const QString& key, const QVariant& value);
    Result<> remove(const QString& key);
    Result<> update(const QVariantMap& values);
    //! The child container. Taking a handle writes nothing: the first edit makes the container when
    //! the key does not show one of that type. Two devices that make "the same" one get one.
    Map map(const QString& key);
    Text text(const QString& key);
    Counter counter(const QString& key);
    const crdt::ContainerId& containerId() const { return m_id; }

 private:
    friend class Document;
    Map(Document* document, crdt::ContainerId id) : m_document(document), m_id(std::move(id)) {}
    QPointer<Document> m_document;
    crdt::ContainerId m_id;
};

//! \brief A handle on a text. Positions are UTF-16 units as in QString; a range that cuts a
//! surrogate pair is rounded.
class Text {
 public:
    QString toString() const;
    int length() const;
    //! Errors: InvalidArgument (outside the text), NotAllowed, TooLarge (about 1 MiB), StorageFull,
    //! Closed.
    Result<> insert(int position, const QString& text);
    Result<> remove(int position, int length);
    Result<> replace(int position, int length, const QString& text);  //!< one change
    crdt::Cursor cursorAt(int position, crdt::Cursor::Side side = crdt::Cursor::Side::After) const;
    std::optional<int> resolve(const crdt::Cursor& cursor) const;
    const crdt::ContainerId& containerId() const { return m_id; }
    Document* document() const { return m_document; }

 private:
    friend class Document;
    friend class Map;
    Text(Document* document, crdt::ContainerId id) : m_document(document), m_id(std::move(id)) {}
    QPointer<Document> m_document;
    crdt::ContainerId m_id;
};

//! \brief A handle on a counter: concurrent increments add up.
class Counter {
 public:
    qint64 value() const;
    Result<> increment(qint64 delta = 1);

 private:
    friend class Map;
    Counter(Document* document, crdt::ContainerId id) : m_document(document), m_id(std::move(id)) {}
    QPointer<Document> m_document;
    crdt::ContainerId m_id;
};

}  // namespace kimdb

Q_DECLARE_METATYPE(kimdb::crdt::Origin)
Q_DECLARE_METATYPE(kimdb::crdt::ContainerId)
Q_DECLARE_METATYPE(kimdb::TextSplice)
