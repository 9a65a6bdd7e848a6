// SPDX-License-Identifier: MIT
#include "crdt/sample_changes.h"

#include <algorithm>
#include <optional>

#include <kimdb/crdt/document.h>

#include "core/clock.h"
#include "crdt/people.h"
#include "crdt/sample_value.h"

namespace kimdb::test {

using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;

namespace {

const std::u16string kWords[] = {
    u"a", u"word ", u"é", u"😀", u"\n", u"한글", std::u16string(90, u'p')};

std::size_t place(SeededRandom& random, std::size_t n) {
    return static_cast<std::size_t>(random.below(n + 1));
}

void editList(Document& doc, SeededRandom& random) {
    const ContainerId list = doc.createContainer(kRoot, "l", ContainerType::List);
    const std::size_t n = doc.listLength(list);
    switch (random.below(n ? 6 : 2)) {
        case 0:
            return doc.insertItems(list, place(random, n),
                                   {sampleValue(random, 2), sampleValue(random, 1)});
        case 1:
            return doc.insertText(doc.insertContainer(list, 0, ContainerType::Text), 0, u"item");
        case 2:
            return doc.setItem(list, random.below(n), sampleValue(random, 2));
        case 3:
            return doc.removeItems(list, random.below(n), 1);
        default:
            return doc.moveItem(list, random.below(n), random.below(n));
    }
}

void format(Document& doc, SeededRandom& random, const ContainerId& text) {
    const std::size_t length = doc.textLength(text);
    const std::size_t at = place(random, length);
    switch (random.below(5)) {
        case 0:
            return (void)doc.comment(text, at, 5, "note");
        case 1:
            return doc.setBlock(text, at, "heading", sampleValue(random, 0));
        case 2:
            return doc.unmark(text, at, 9, "bold");
        default:
            return doc.mark(text, at, 1 + random.below(20), random.below(2) ? "bold" : "link",
                            sampleValue(random, 1), static_cast<crdt::Expand>(random.below(4)));
    }
}

void edit(Document& doc, SeededRandom& random) {
    const ContainerId text = doc.createContainer(kRoot, "t", ContainerType::Text);
    const std::size_t length = doc.textLength(text);
    switch (random.below(15)) {
        case 9:
        case 10:
        case 11:
            return editList(doc, random);
        case 12:
        case 13:
            return format(doc, random, text);
        case 14: {
            const ContainerId set = doc.createContainer(kRoot, "s", ContainerType::Set);
            const Value member = static_cast<std::int64_t>(random.below(5));
            return random.below(3) ? doc.addMember(set, member) : doc.removeMember(set, member);
        }
        case 0:
        case 1:
        case 2:
            return doc.insertText(text, place(random, length), kWords[random.below(7)]);
        case 3:
        case 4:
            return doc.removeText(text, place(random, length), 1 + random.below(9));
        case 5:
            return doc.set(doc.createContainer(kRoot, "m", ContainerType::Map),
                           "key" + std::to_string(random.below(5)), sampleValue(random, 3));
        case 6:
            return doc.increment(doc.createContainer(kRoot, "c", ContainerType::Counter),
                                 static_cast<std::int64_t>(random.next()));
        case 7:
            return doc.insertText(doc.createContainer(kRoot, "n", ContainerType::Text), 0, u"n");
        default:
            return doc.remove(kRoot, random.below(3) ? "n" : "c");
    }
}

std::optional<Change> write(Document& doc, SeededRandom& random, std::uint64_t edits) {
    const std::uint64_t what = random.below(8);
    if (what == 0) return doc.undo(1);
    if (what == 1) return doc.redo(1);
    doc.begin();
    for (; edits > 0; --edits) edit(doc, random);
    return doc.commit(1'700'000'000'000);
}

}  // namespace

std::vector<Change> sampleChanges(std::uint64_t seed, std::size_t count) {
    SeededRandom random(seed);
    std::vector<Person> people;
    for (const ReplicaId id : {ReplicaId{1}, ReplicaId{0x8000'0000'0000'0000}, UINT64_MAX})
        people.emplace_back(id);
    std::vector<Change> changes;
    while (changes.size() < count) {
        Person& author = people[random.below(people.size())];
        for (const Change& change : changes)
            if (random.below(4) > 0) (void)author.doc.receive(change);
        if (const auto change = write(author.doc, random, 1 + random.below(4)))
            changes.push_back(*change);
    }
    return changes;
}

std::vector<Change> largeChanges() {
    SeededRandom random(1);
    Document doc(7);
    std::vector<Change> changes;
    doc.setCaptureInterval(0);  // an undo that takes back the paste too leaves nothing to delete
    const auto keep = [&](const std::optional<Change>& change) {
        changes.push_back(change.value());
    };
    doc.begin();
    doc.createContainer(kRoot, "t", ContainerType::Text);
    std::u16string paste;
    while (paste.size() < 6000) paste += kWords[random.below(7)];
    doc.insertText(kText, 0, paste);
    keep(doc.commit(1));
    doc.begin();
    for (std::size_t at = 0; at < doc.textLength(kText); at += 5) doc.removeText(kText, at, 3);
    keep(doc.commit(2));
    keep(doc.undo(3));
    doc.begin();
    doc.removeText(kText, 0, doc.textLength(kText));
    keep(doc.commit(4));
    keep(doc.undo(5));
    doc.begin();
    doc.createContainer(kRoot, "m", ContainerType::Map);
    for (int i = 0; i < 300; ++i) doc.set(kMap, "key" + std::to_string(i), sampleValue(random, 4));
    keep(doc.commit(6));
    keep(doc.undo(7));
    doc.begin();
    for (int i = 0; i < 400; ++i) edit(doc, random);
    keep(doc.commit(8));
    return changes;
}

}  // namespace kimdb::test
