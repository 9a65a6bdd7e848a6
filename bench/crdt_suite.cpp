// SPDX-License-Identifier: MIT
// The cases B1–B3 of the crdt-benchmarks suite (Jahns) as the peers' driver has them, N = 6,000:
// B1 one user writes, every update goes to a second one; B2 two users write concurrently, each in
// one transaction; B3 1,540 users write once each and everything is merged.
#include <cmath>

#include "bench/crdt_bench.h"
#include "core/utf8.h"

namespace bench {

using namespace kimdb;
using crdt::ContainerId;
using crdt::ContainerType;
using crdt::Document;

namespace {

constexpr std::int64_t kN = 6000;
const int kUsers = static_cast<int>(std::sqrt(static_cast<double>(kN))) * 20;
const ContainerId kMap = ContainerId::child(ContainerId::root(), "map", ContainerType::Map);

using Edits = std::vector<Patch>;

Patch inserts(std::size_t position, const std::string& text) {
    return {position, 0, toUtf16(text)};
}

std::size_t place(Draw& draw, std::size_t last) {
    return static_cast<std::size_t>(draw.integer(0, static_cast<std::int64_t>(last)));
}

// As the driver of the peers names a case: its number becomes the metric.
struct Name {
    std::string peers;
    std::string metric() const {
        std::string number = peers.substr(0, peers.find(' '));
        number[0] = 'b';
        number[2] = '_';
        return "crdt." + number + "_ms";
    }
    Peers::Reading time() const {
        return [pointer = "/R/" + peers + "/time"](const nlohmann::json& line) {
            return numberAt(line, pointer);
        };
    }
};

void oneWriter(Crdt& run, const std::string& name, const Edits& edits) {
    const Name names{name};
    if (!run.options().wants(names.metric())) return;
    Document first, second;
    run.time(
        names.metric(), "one.mjs dmonad B1", names.time(),
        [&] {
            first = Document(1);
            second = Document(2);
        },
        [&] {
            std::vector<Bytes> updates;
            updates.reserve(edits.size());
            for (const Patch& edit : edits)
                if (const auto change = write(first, edit, 1))
                    updates.push_back(encodeChange(*change));
            for (const Bytes& update : updates) (void)second.receive(*decodeChange(update));
            require(first.text(kText) == second.text(kText), name);
        });
}

Edits randomWords(std::int64_t low, std::int64_t high) {
    Edits edits;
    Draw draw(7);
    std::size_t length = 0;
    for (std::int64_t i = 0; i < kN; ++i) {
        const std::size_t at = place(draw, length);
        const std::string word = draw.word(low, high);
        length += word.size();
        edits.push_back(inserts(at, word));
    }
    return edits;
}

Edits insertsAndDeletions() {
    Edits edits;
    Draw draw(8);
    std::size_t length = 0;
    for (std::int64_t i = 0; i < kN; ++i) {
        const std::size_t at = length ? place(draw, length - 1) : 0;
        if (length == 0 || draw.coin()) {
            const std::string word = draw.word(2, 10);
            length += word.size();
            edits.push_back(inserts(at, word));
        } else {
            const auto n = static_cast<std::size_t>(
                draw.integer(1, std::min<std::int64_t>(9, static_cast<std::int64_t>(length - at))));
            length -= n;
            edits.push_back({at, n, u""});
        }
    }
    return edits;
}

void oneWriterCases(Crdt& run) {
    const std::string text = Draw(42).word(kN, kN);
    Edits append, prepend;
    for (std::size_t i = 0; i < text.size(); ++i) {
        append.push_back(inserts(i, text.substr(i, 1)));
        prepend.push_back(inserts(0, text.substr(text.size() - 1 - i, 1)));
    }
    oneWriter(run, "B1.1 append chars", append);
    oneWriter(run, "B1.2 insert string N", {inserts(0, text)});
    oneWriter(run, "B1.3 prepend chars", prepend);
    oneWriter(run, "B1.4 random chars", randomWords(1, 1));
    oneWriter(run, "B1.5 random words", randomWords(2, 10));
    oneWriter(run, "B1.6 insert then delete", {inserts(0, text), {0, text.size(), u""}});
    oneWriter(run, "B1.7 random ins/del", insertsAndDeletions());
}

std::optional<Change> writeAll(Document& doc, const Edits& edits) {
    doc.begin();
    for (const Patch& edit : edits) {
        if (edit.removed) doc.removeText(kText, edit.position, edit.removed);
        if (!edit.inserted.empty()) doc.insertText(kText, edit.position, edit.inserted);
    }
    return doc.commit(1);
}

void twoWriters(Crdt& run, const std::string& name, const std::string& start, const Edits& ones,
                const Edits& others) {
    const Name names{name};
    if (!run.options().wants(names.metric())) return;
    Document first, second;
    run.time(
        names.metric(), "one.mjs dmonad B2", names.time(),
        [&] {
            first = Document(1);
            second = Document(2);
            (void)second.receive(*write(first, inserts(0, start), 1));
        },
        [&] {
            const Bytes one = encodeChange(*writeAll(first, ones));
            const Bytes other = encodeChange(*writeAll(second, others));
            (void)second.receive(*decodeChange(one));
            (void)first.receive(*decodeChange(other));
            require(first.text(kText) == second.text(kText), name);
        });
}

Edits randomEdits(std::uint32_t seed, std::size_t length, std::int64_t low, std::int64_t high,
                  bool removes) {
    Edits edits;
    Draw draw(seed);
    for (std::int64_t i = 0; i < kN; ++i) {
        const std::size_t at = place(draw, length - 1);
        std::string word = draw.word(low, high);
        length += word.size();
        edits.push_back(inserts(at, word));
        if (!removes) continue;
        if (at == length || draw.coin()) {
            word = draw.word(2, 10);
            length += word.size();
            edits.push_back(inserts(at, word));
        } else {
            const auto n = static_cast<std::size_t>(
                draw.integer(1, std::min<std::int64_t>(9, static_cast<std::int64_t>(length - at))));
            length -= n;
            edits.push_back({at, n, u""});
        }
    }
    return edits;
}

void twoWriterCases(Crdt& run) {
    Draw draw(43);
    const std::string start = draw.word(100, 100);
    twoWriters(run, "B2.1 concurrent insert string N", start, {inserts(0, draw.word(kN, kN))},
               {inserts(0, draw.word(kN, kN))});
    twoWriters(run, "B2.2 concurrent random chars", start, randomEdits(11, 100, 1, 1, false),
               randomEdits(12, 100, 1, 1, false));
    twoWriters(run, "B2.3 concurrent random words", start, randomEdits(13, 100, 3, 9, false),
               randomEdits(14, 100, 3, 9, false));
    twoWriters(run, "B2.4 concurrent ins & del", start, randomEdits(15, 100, 3, 9, true),
               randomEdits(16, 100, 3, 9, true));
}

void manyWriters(Crdt& run, const std::string& name, const std::string& peers,
                 const std::function<void(Document&, int)>& edit) {
    const Name names{name};
    if (!run.options().wants(names.metric())) return;
    std::vector<Bytes> updates;
    for (int i = 0; i < kUsers; ++i) {
        Document doc(static_cast<ReplicaId>(i) + 10);
        doc.begin();
        edit(doc, i);
        updates.push_back(encodeChange(*doc.commit(1)));
    }
    Document all(1), one;
    receiveBatch(all, updates);
    run.time(
        names.metric(), peers, names.time(),
        [&] {
            one = Document(11);
            (void)one.receive(*decodeChange(updates[1]));
        },
        [&] {
            receiveBatch(one, updates);
            require(one.toValue() == all.toValue(), name);
        });
}

void manyWriterCases(Crdt& run) {
    const auto in = [](Document& doc) {
        return doc.createContainer(ContainerId::root(), "map", ContainerType::Map);
    };
    const std::string peers = "one.mjs dmonad B3";
    manyWriters(run, "B3.1 set number in map", peers,
                [&](Document& doc, int i) { doc.set(in(doc), "v", i); });
    manyWriters(run, "B3.2 set object in map", peers, [&](Document& doc, int i) {
        Value::Object object;
        object["name"] = std::to_string(i);
        object["address"] = "here";
        doc.set(in(doc), "v", object);
    });
    manyWriters(run, "B3.3 set string in map", peers, [&](Document& doc, int i) {
        std::string text;
        for (int k = 0; k < kUsers; ++k) text += std::to_string(i);
        doc.set(in(doc), "v", text);
    });
    manyWriters(run, "B3.5 insert text", "one.mjs dmonad B3.5",
                [](Document& doc, int i) { doc.insertText(kText, 0, toUtf16(std::to_string(i))); });
}

}  // namespace

void suite(Crdt& run) {
    oneWriterCases(run);
    twoWriterCases(run);
    manyWriterCases(run);
}

}  // namespace bench
