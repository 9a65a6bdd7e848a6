// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <kimdb/crdt/document.h>

#include "core/change.h"

namespace kimdb::test {

inline const crdt::ContainerId kRoot = crdt::ContainerId::root();
inline const crdt::ContainerId kText =
    crdt::ContainerId::child(kRoot, "t", crdt::ContainerType::Text);
inline const crdt::ContainerId kMap =
    crdt::ContainerId::child(kRoot, "m", crdt::ContainerType::Map);
inline const crdt::ContainerId kList =
    crdt::ContainerId::child(kRoot, "l", crdt::ContainerType::List);
inline const crdt::ContainerId kSet =
    crdt::ContainerId::child(kRoot, "s", crdt::ContainerType::Set);
inline const crdt::ContainerId kCounter =
    crdt::ContainerId::child(kRoot, "c", crdt::ContainerType::Counter);

//! \brief Somebody with a replica; every verb is a transaction of its own.
class Person {
 public:
    explicit Person(ReplicaId id) : doc(id) { doc.setCaptureInterval(0); }

    void types(std::size_t at, const std::u16string& text) {
        for (std::size_t i = 0; i < text.size(); ++i) inserts(at + i, text.substr(i, 1));
    }
    void inserts(std::size_t at, const std::u16string& text) {
        doc.begin();
        doc.insertText(kText, at, text);
        keep(doc.commit(1));
    }
    void removes(std::size_t at, std::size_t length = 1) {
        doc.begin();
        doc.removeText(kText, at, length);
        keep(doc.commit(1));
    }
    //! One transaction of anything.
    void edits(const std::function<void(crdt::Document&)>& edit) {
        doc.begin();
        edit(doc);
        keep(doc.commit(1));
    }
    void puts(const crdt::ContainerId& map, const std::string& key, const Value& value) {
        doc.begin();
        doc.set(map, key, value);
        keep(doc.commit(1));
    }
    void drops(const std::string& key) {
        doc.begin();
        doc.remove(kRoot, key);
        keep(doc.commit(1));
    }
    void creates(const std::string& key, crdt::ContainerType type) {
        doc.begin();
        doc.createContainer(kRoot, key, type);
        keep(doc.commit(1));
    }
    void counts(std::int64_t delta) {
        doc.begin();
        doc.increment(kCounter, delta);
        keep(doc.commit(1));
    }
    void undoes() { keep(doc.undo(1)); }
    void redoes() { keep(doc.redo(1)); }
    std::string text() const { return doc.textUtf8(kText); }

    crdt::Document doc;
    std::vector<Change> written;

 private:
    void keep(const std::optional<Change>& change) {
        if (change) written.push_back(*change);
    }
};

//! Everybody gets everything, twice and the newest first.
template <class... People>
void sync(People&... people) {
    std::vector<Change> all;
    (all.insert(all.end(), people.written.begin(), people.written.end()), ...);
    const auto deliver = [&](Person& to) {
        for (auto change = all.rbegin(); change != all.rend(); ++change)
            if (!to.doc.receive(*change)) to.doc = crdt::Document();
        for (const Change& change : all)
            if (!to.doc.receive(change)) to.doc = crdt::Document();
    };
    (deliver(people), ...);
}

}  // namespace kimdb::test
