// SPDX-License-Identifier: MIT
#include "e2e/trace.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <array>
#include <deque>

#include <zlib.h>

#include <kimdb/crdt/document.h>

#include "core/change.h"

namespace kimdb::test {
namespace {

QByteArray readGzip(const QString& path) {
    QByteArray out;
    const gzFile file = gzopen(QFile::encodeName(path).constData(), "rb");
    if (!file) return out;
    std::array<char, 64 << 10> piece;
    for (int n = 0; (n = gzread(file, piece.data(), piece.size())) > 0;)
        out.append(piece.data(), n);
    gzclose(file);
    return out;
}

//! How much of each author's transactions one of them knows, itself included.
using Version = std::array<std::size_t, 2>;

Trace traceFromJson(const QJsonObject& json) {
    Trace trace;
    trace.name = json[u"name"].toString();
    trace.end = json[u"end"].toString();
    std::vector<Version> versions;
    for (const QJsonValue& value : json[u"txns"].toArray()) {
        const QJsonArray txn = value.toArray();
        const auto author = static_cast<std::size_t>(txn[0].toInt());
        Version version{};
        for (const QJsonValue& parent : txn[1].toArray()) {
            const Version& before = versions.at(static_cast<std::size_t>(parent.toInt()));
            for (int i = 0; i < 2; ++i) version[i] = std::max(version[i], before[i]);
        }
        std::vector<TraceTransaction>& own = trace.authors[author];
        if (version[author] != own.size())
            qFatal("an author of the trace is concurrent with itself");
        const QJsonArray edits = txn[2].toArray();
        if (edits.size() != 1) qFatal("a transaction of the trace is not one edit");
        const QJsonArray edit = edits[0].toArray();
        own.push_back({.needs = version[1 - author],
                       .edit = {edit[0].toInt(), edit[1].toInt(), edit[2].toString()}});
        ++version[author];
        versions.push_back(version);
    }
    return trace;
}

//! One author while a trace is generated.
struct Author {
    explicit Author(ReplicaId id) : replica(id) { replica.setSaltKey(Bytes(16, 's')); }
    crdt::Document replica;
    std::vector<Change> made;
    std::size_t known = 0;  // of the other's
};

TraceEdit randomEdit(QRandomGenerator& random, int length) {
    static const QString alphabet = QStringLiteral("abcdefghijklmnopqrstuvwxyz    \n한글é");
    TraceEdit edit;
    if (length > 0 && random.bounded(5) == 0) {
        edit.position = random.bounded(length);
        edit.removed = 1 + random.bounded(std::min(3, length - edit.position));
        return edit;
    }
    edit.position = random.bounded(3) ? length : random.bounded(length + 1);
    for (int n = 1 + random.bounded(3); n > 0; --n)
        edit.inserted += alphabet[random.bounded(alphabet.size())];
    return edit;
}

void write(Author& author, const crdt::ContainerId& text, const TraceEdit& edit) {
    author.replica.begin();
    author.replica.createContainer(crdt::ContainerId::root(), "text", crdt::ContainerType::Text);
    const auto at = static_cast<std::size_t>(edit.position);
    if (edit.removed > 0)
        author.replica.removeText(text, at, static_cast<std::size_t>(edit.removed));
    if (!edit.inserted.isEmpty())
        author.replica.insertText(text, at, edit.inserted.toStdU16String());
    author.made.push_back(author.replica.commit(0).value());
}

void learn(Author& author, const Author& other, std::size_t count) {
    for (; author.known < count; ++author.known)
        if (!author.replica.receive(other.made[author.known])) qFatal("generating a trace failed");
}

}  // namespace

Trace generatedTrace(std::uint32_t seed, std::size_t transactions) {
    QRandomGenerator random(seed);
    const auto text =
        crdt::ContainerId::child(crdt::ContainerId::root(), "text", crdt::ContainerType::Text);
    std::array<Author, 2> authors{Author(1), Author(2)};
    Trace trace{.name = QStringLiteral("generated from seed %1").arg(seed)};
    // Author 1 begins when it knows the first words, as two people do who meet in a document.
    for (std::size_t i = 0; i < transactions; ++i) {
        const std::size_t self = i < 20 ? 0 : random.bounded(2u);
        Author& author = authors[self];
        const Author& other = authors[1 - self];
        const bool meets = random.bounded(16) == 0 || author.made.empty();
        if (meets) learn(author, other, other.made.size());
        const TraceEdit edit =
            randomEdit(random, static_cast<int>(author.replica.textLength(text)));
        write(author, text, edit);
        trace.authors[self].push_back({.needs = author.known, .edit = edit});
    }
    for (std::size_t i : {0, 1}) learn(authors[i], authors[1 - i], authors[1 - i].made.size());
    trace.end = QString::fromStdU16String(authors[0].replica.text(text));
    if (trace.end.toStdU16String() != authors[1].replica.text(text)) qFatal("replicas differ");
    return trace;
}

Trace friendsTrace() {
    const QString folder = qEnvironmentVariable("KIMDB_DATA_DIR");
    const QByteArray json = readGzip(folder + QStringLiteral("/friendsforever.json.gz"));
    if (json.isEmpty()) return generatedTrace(1, 26'000);
    return traceFromJson(QJsonDocument::fromJson(json).object());
}

}  // namespace kimdb::test
