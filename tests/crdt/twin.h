// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"
#include "crdt/event_copy.h"
#include "crdt/naive_document.h"

namespace kimdb::test {

//! \brief A change as the engine wrote it and as the model did.
struct TwinChange {
    Change engine;
    NaiveChange model;
};

//! \brief One replica twice: the engine and the naive model, which do everything together and have
//! to show the same after every step. Positions count scalars. The first difference is kept, as
//! are the words for what was done.
class Twin {
 public:
    using Box = crdt::ContainerId;

    explicit Twin(ReplicaId id, Mistake mistake = Mistake::None);
    Twin(const Twin&) = delete;

    const crdt::Document& doc() const { return *m_doc; }
    const NaiveDocument& model() const { return m_model; }
    ReplicaId id() const { return m_doc->replica(); }
    const std::optional<std::string>& difference() const { return m_difference; }
    //! What was done since the last call.
    std::string words() { return std::exchange(m_words, {}); }

    // ---- one transaction ----
    void begin();
    std::optional<TwinChange> commit(bool undoable = true);
    void type(const Box& text, std::size_t position, const std::u32string& inserted);
    void erase(const Box& text, std::size_t position, std::size_t n);
    Box make(const Box& map, const std::string& key, crdt::ContainerType type);
    void set(const Box& map, const std::string& key, const Value& value);
    void drop(const Box& map, const std::string& key);
    void count(const Box& counter, std::int64_t delta);
    void insertItems(const Box& list, std::size_t position, const std::vector<Value>& values);
    Box insertChild(const Box& list, std::size_t position, crdt::ContainerType type);
    void setItem(const Box& list, std::size_t index, const Value& value);
    void setChild(const Box& list, std::size_t index, crdt::ContainerType type);
    void removeItems(const Box& list, std::size_t position, std::size_t n);
    void moveItem(const Box& list, std::size_t from, std::size_t to);
    void putMember(const Box& set, const Value& member, bool present);
    void mark(const Box& text, std::size_t from, std::size_t to, const std::string& key,
              const std::optional<Value>& value, crdt::Expand expand);
    void comment(const Box& text, std::size_t from, std::size_t to, const Value& value);
    void uncomment(const Box& text, const std::string& key);
    void block(const Box& text, std::size_t position, const std::string& key,
               const std::optional<Value>& value);

    // ---- whole changes ----
    std::optional<TwinChange> undo() { return reverted("undo", m_doc->undo(1), m_model.undo()); }
    std::optional<TwinChange> redo() { return reverted("redo", m_doc->redo(1), m_model.redo()); }
    //! Erases the characters of a range for good.
    std::optional<TwinChange> expunge(const Box& text, std::size_t position, std::size_t n);
    void receive(const TwinChange& change);
    //! The engine starts again from these, in this order, at once or one by one; the model goes on.
    void restart(const std::vector<TwinChange>& log, bool at_once);
    //! The relay refused the own change that begins there. \a log holds all that arrived here; the
    //! VOID changes replace theirs in it and are returned.
    std::vector<TwinChange> refuse(std::uint64_t first, std::vector<TwinChange>& log);

    void holdCursor(const Box& text, std::size_t position, bool after);
    //! Compares everything that can be asked for.
    void check();

 private:
    struct HeldCursor {
        Box text;
        crdt::Cursor engine;
        NaiveAnchor model;
    };
    bool isInside(const Box& list, std::size_t index);
    std::size_t unit(const Box& text, std::size_t scalar) const;
    std::optional<TwinChange> reverted(const char* word, const std::optional<Change>& engine,
                                       const std::optional<NaiveChange>& model);
    std::optional<TwinChange> pair(const std::optional<Change>& engine,
                                   const std::optional<NaiveChange>& model);
    void say(const std::string& words) { m_words += (m_words.empty() ? "" : ", ") + words; }
    void differ(const std::string& how);
    void listen();
    void checkCursors();
    void checkSpans(const Box& text);

    std::optional<crdt::Document> m_doc;
    NaiveDocument m_model;
    EventCopy m_copy;  // kept up to date by events alone
    std::vector<HeldCursor> m_cursors;
    std::optional<std::string> m_difference;
    std::string m_words;
};

std::string utf8(const std::u32string& text);
std::u16string utf16(const std::u32string& text);

}  // namespace kimdb::test
