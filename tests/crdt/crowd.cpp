// SPDX-License-Identifier: MIT
#include "crdt/crowd.h"

#include "crdt/people.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;

Crowd::Crowd(std::uint64_t seed, std::size_t replicas) : random(seed) {
    for (std::size_t i = 0; i < replicas; ++i) {
        m_members.push_back(std::make_unique<Member>());
        m_members.back()->doc = Document(100 + (i * 7) % replicas);
        m_members.back()->doc.setCaptureInterval(below(2) ? 0 : 500);
    }
}

void Crowd::run(std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) {
        Member& member = *m_members[below(m_members.size())];
        if (below(3) == 0) {  // hears of some, its own among them
            const std::size_t end = member.heard + below(changes.size() - member.heard + 1);
            for (; member.heard < end; ++member.heard)
                (void)member.doc.receive(changes[member.heard]);
        } else if (auto change = write(member.doc)) {
            changes.push_back(std::move(*change));
            reverts.push_back(m_reverted);
        }
    }
}

void Crowd::meet() {
    for (const auto& member : m_members)
        for (; member->heard < changes.size(); ++member->heard)
            (void)member->doc.receive(changes[member->heard]);
}

std::vector<Change> Crowd::writes(Document& doc, std::size_t steps) {
    std::vector<Change> written;
    for (std::size_t i = 0; i < steps; ++i)
        if (auto change = write(doc)) written.push_back(std::move(*change));
    return written;
}

std::optional<Change> Crowd::write(Document& doc) {
    m_time_ms += static_cast<std::int64_t>(below(700));
    const std::size_t choice = below(12);
    m_reverted = choice < 2;
    if (choice == 0) return doc.undo(m_time_ms);
    if (choice == 1) return doc.redo(m_time_ms);
    if (choice == 2 && below(6) == 0) {
        const std::size_t length = doc.textLength(kText);
        const auto ids = doc.idsOf(kText, below(length + 1), 1 + below(4));
        if (!ids.empty()) return doc.expunge(ids, m_time_ms);
    }
    doc.begin();
    for (std::size_t n = 1 + below(3); n > 0; --n) edit(doc);
    return doc.commit(m_time_ms, below(10) > 0);
}

std::u16string Crowd::words() {
    static const char16_t* const kWords[] = {u"a",      u"word ", u"é",
                                             u"naïve ", u"😀",     u"long words in one go "};
    return kWords[below(6)];
}

void Crowd::editText(Document& doc, const ContainerId& text) {
    const std::size_t length = doc.textLength(text);
    const std::size_t at = below(length + 1);
    switch (below(4)) {
        case 0: {  // types on
            std::size_t to = at;
            for (std::size_t n = below(6); n > 0; --n) {
                const std::u16string piece = words();
                doc.insertText(text, to, piece);
                to += piece.size();
            }
            break;
        }
        case 1:  // deletes backwards, or forwards
            for (std::size_t n = below(5); n > 0; --n)
                doc.removeText(text, below(2) && at > n ? at - 1 : at, 1);
            break;
        case 2:
            doc.removeText(text, at, below(8));
            break;
        default:
            doc.insertText(text, at, words());
    }
}

void Crowd::editList(Document& doc, const ContainerId& list) {
    const std::size_t length = doc.listLength(list);
    const std::size_t at = below(length + 1);
    const Value value = static_cast<int>(below(100));
    switch (below(7)) {
        case 0:
            return doc.removeItems(list, at, below(3));
        case 1:
            if (length > 0) doc.moveItem(list, below(length), below(length));
            return;
        case 2:
            if (length > 0) doc.setItem(list, below(length), value);
            return;
        case 3:
            return editText(doc, doc.insertContainer(list, at, ContainerType::Text));
        case 4:
            return doc.set(doc.insertContainer(list, at, ContainerType::Map), "k", value);
        default:
            return doc.insertItems(list, at, {value, Value("item")});
    }
}

void Crowd::editMarks(Document& doc, const ContainerId& text) {
    const std::size_t length = doc.textLength(text);
    const std::size_t at = below(length + 1);
    switch (below(5)) {
        case 0:
            return doc.unmark(text, at, below(9), "bold");
        case 1:
            doc.comment(text, at, below(9), "why");
            return;
        case 2:
            return doc.setBlock(text, at, "heading", Value(static_cast<int>(below(3))));
        case 3:
            return doc.mark(text, at, below(9), "link", "http://a", crdt::Expand::None);
        default:
            return doc.mark(text, at, below(9), "bold", true);
    }
}

void Crowd::edit(Document& doc) {
    const auto child = [&](const char* key, ContainerType type) {
        return doc.createContainer(kRoot, key, type);
    };
    switch (below(14)) {
        case 10:
        case 11:
            return editList(doc, child("l", ContainerType::List));
        case 12:
            return editMarks(doc, child("t", ContainerType::Text));
        case 13: {
            const ContainerId set = child("s", ContainerType::Set);
            const int member = static_cast<int>(below(4));
            return below(3) ? doc.addMember(set, member) : doc.removeMember(set, member);
        }
        case 0:
            doc.increment(child("c", ContainerType::Counter), 5 - static_cast<int>(below(9)));
            break;
        case 1:
            doc.set(child("m", ContainerType::Map),
                    std::string(1, static_cast<char>('a' + below(4))),
                    static_cast<int>(below(100)));
            break;
        case 2:
            editText(doc, doc.createContainer(child("m", ContainerType::Map), "note",
                                              ContainerType::Text));
            break;
        case 3: {
            static const char* const kKeys[] = {"m", "c", "t", "n"};
            if (below(3) == 0)
                doc.remove(kRoot, kKeys[below(4)]);
            else
                doc.set(kRoot, "n", std::string("plain"));
            break;
        }
        case 4:
            editText(doc, child("n", ContainerType::Text));
            break;
        default:
            editText(doc, child("t", ContainerType::Text));
    }
}

}  // namespace kimdb::test
