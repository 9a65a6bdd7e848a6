// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kimdb/crdt/document.h>

#include "crdt/counter.h"
#include "crdt/element_list.h"
#include "crdt/lww_map.h"
#include "crdt/marks.h"
#include "crdt/rga.h"

namespace kimdb::crdt {

//! \brief The state of one container. It exists from the first operation that names it, whether it
//! is shown or not; lives as long as the document.
struct Container {
    Container(ContainerId container_id, const ReplicaTable& replicas);

    ContainerId id;
    ContainerType type;
    LwwMap map;                         //!< Map, Set
    std::unique_ptr<Rga> text;          //!< Text
    std::unique_ptr<Marks> marks;       //!< Text, once it has had one
    std::unique_ptr<ElementList> list;  //!< List
    std::unique_ptr<Counter> counter;   //!< Counter
    std::map<std::pair<std::string, ContainerType>, std::unique_ptr<Container>> children;
    std::size_t event_batch = 0;  //!< the last batch with an event of it, and where that is
    std::size_t event_index = 0;

    //! The child that \a key shows, if it shows one and something was ever done to it.
    Container* shownChild(const std::string& key) const;
    //! The order of a text's characters or a list's elements; nullptr when it has none.
    Rga* sequence() const { return text ? text.get() : list ? &list->order() : nullptr; }
    Marks& ensureMarks();
    bool canToggle(const ReplicaTable& replicas, const IdRun& run) const;
};

//! \brief All containers of a document, from the root down.
class ContainerTree {
 public:
    explicit ContainerTree(const ReplicaTable& replicas);

    Container& root() { return *m_root; }
    const Container& root() const { return *m_root; }
    //! nullptr when no operation has named it.
    Container* find(const ContainerId& id) const;
    Container& ensure(const ContainerId& id);
    Container& ensureChild(Container& parent, const std::string& key, ContainerType type);
    //! By encoded path (op_codec.h). REQUIRES: the path was read by OpReader.
    Container& ensure(ByteView encoded);
    //! Whether anything was done to what this operation made in a list, or a root keeps it.
    bool hasElement(OpId origin, ContainerType type) const {
        return m_elements.count({origin, type}) > 0;
    }
    //! The container that a list's element shows, if it shows one and something was done to it.
    Container* shownBy(const Register& element) const;
    template <class F>
    void forEach(F&& f) const {
        std::vector<Container*> open{m_root.get()};
        for (const auto& [name, child] : m_elements) open.push_back(child.get());
        while (!open.empty()) {
            Container* at = open.back();
            open.pop_back();
            f(*at);
            for (const auto& [name, child] : at->children) open.push_back(child.get());
        }
    }
    //! Gives every container of a list's element to f, ascending by its name.
    template <class F>
    void forEachElement(F&& f) const {
        for (const auto& [name, child] : m_elements) f(*child);
    }
    //! The text that holds a character; nullptr if none does.
    Container* textOf(OpId character) const;

 private:
    const ReplicaTable& m_replicas;
    Container& ensureElement(OpId origin, ContainerType type);

    std::unique_ptr<Container> m_root;
    // children of list elements
    std::map<std::pair<OpId, ContainerType>, std::unique_ptr<Container>> m_elements;
    std::vector<Container*> m_texts;
    mutable Container* m_last = nullptr;  // whoever was asked for is asked for again
    struct Named {
        Bytes encoded;
        Container* container = nullptr;
    };
    std::array<Named, 4> m_named;  // that were decoded last: changes write to a few in turns
    std::size_t m_next_named = 0;  // which one the next takes the place of
};

}  // namespace kimdb::crdt
