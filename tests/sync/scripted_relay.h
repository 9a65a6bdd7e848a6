// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <memory>

#include <kimdb/crdt/document.h>

#include "support/memory_log_store.h"
#include "sync/sync_engine.h"
#include "wire/change_batch.h"
#include "wire/codec.h"
#include "wire/reencode.h"

namespace kimdb::test {

class StoppedClock final : public Clock {
 public:
    std::int64_t wallTime() const override { return 1'700'000'000'000 + now.count(); }
    std::chrono::milliseconds steadyTime() const override { return now; }
    std::chrono::milliseconds now{100'000};
};

//! \brief The real engine with one document over a memory store; the test plays the relay record by
//! record.
class ScriptedRelay final : public sync::SyncDelegate {
 public:
    explicit ScriptedRelay(std::string fingerprint = "here", MemoryLogStore::State folder = {})
        : store(std::move(folder)), random(fingerprint == "here" ? 7 : 8) {
        start(std::move(fingerprint));
    }

    void start(std::string fingerprint) {
        sync::SyncEngine::Options options;
        options.fingerprint = std::move(fingerprint);
        engine = std::make_unique<sync::SyncEngine>(store, clock, random, *this, options);
        store.onDurable([this](store::SeqNo seq) { engine->durable(seq); });
        opened = engine->open().ok();
        load();
    }
    void load() {
        auto loaded = engine->loadDocument(name);
        document = std::make_unique<crdt::Document>(loaded->replica);
        document->setSaltKey(Bytes(loaded->salt_key.view()));
        document->setIncarnation(loaded->incarnation);
        document->setCaptureInterval(0);
        (void)document->receiveAll(loaded->changes, crdt::Origin::Rebuild);
    }

    // ---- the user ----
    Change types(const std::u16string& text) {
        ++clock.now;
        document->begin();
        const auto container = textContainer();
        document->insertText(container, document->textLength(container), text);
        Change change = *document->commit(clock.wallTime());
        appended = engine->appendLocal(name, change);
        return change;
    }
    Change removes(std::size_t position) {
        ++clock.now;
        document->begin();
        document->removeText(textContainer(), position, 1);
        Change change = *document->commit(clock.wallTime());
        appended = engine->appendLocal(name, change);
        return change;
    }
    Change clearsText() {
        ++clock.now;
        document->begin();
        const auto container = textContainer();
        document->removeText(container, 0, document->textLength(container));
        Change change = *document->commit(clock.wallTime());
        appended = engine->appendLocal(name, change);
        return change;
    }
    crdt::ContainerId textContainer() {
        return document->createContainer(crdt::ContainerId::root(), "text",
                                         crdt::ContainerType::Text);
    }
    std::string text() const {
        const auto container = document->container(crdt::ContainerId::root(), "text");
        return container ? document->textUtf8(*container) : std::string();
    }

    // ---- the relay ----
    //! Connects up to SUB and returns it.
    wire::Sub connects(const Hash16& epoch = {{1}}) {
        engine->connectionOpened();
        take<wire::Hello>();
        wire::Welcome welcome;
        welcome.epoch = epoch;
        says(welcome);
        table = {};
        push_tables.clear();
        return *take<wire::Sub>();
    }
    void says(const wire::Record& record) { engine->receive(wire::encodeMessage(record)); }
    //! SUBOK, and the binding to its incarnation reaches the disk.
    void subscribes(const wire::SubOk& ok) {
        says(ok);
        store.sync();
    }
    wire::SubOk subOk(wire::Plan plan, std::uint64_t head = 0) const {
        wire::SubOk ok;
        ok.alias = alias;
        ok.head = head;
        ok.permissions = wire::kRead | wire::kComment | wire::kWrite;
        ok.plan = plan;
        return ok;
    }
    Bytes batchOf(const std::vector<wire::BatchItem>& items) {
        return wire::encodeItems(items, table, table.size(), 0);
    }
    void sendsOps(std::uint64_t prev, const std::vector<wire::BatchItem>& items) {
        says(wire::Ops{alias, prev, prev + items.size(), {}, batchOf(items)});
    }
    void sendsChunk(std::uint64_t prev, const std::vector<wire::BatchItem>& items) {
        wire::Chunk chunk;
        chunk.alias = alias;
        chunk.final = true;
        chunk.prev = prev;
        chunk.last = prev + items.size();
        chunk.batch = batchOf(items);
        says(chunk);
    }
    void refuses(const wire::Push& push, const Change& change, ErrorCode code, bool permanent) {
        says(wire::Nack{alias, push.number, change.replica, change.first,
                        static_cast<std::uint16_t>(code), permanent, 0});
    }

    //! The oldest record of that type the engine has sent; nullopt when there is none.
    template <class R>
    std::optional<R> take() {
        for (auto it = sent.begin(); it != sent.end(); ++it)
            if (const auto* record = std::get_if<R>(&*it)) {
                R out = *record;
                sent.erase(it);
                if constexpr (std::is_same_v<R, wire::Sub>) alias = out.alias;
                return out;
            }
        return std::nullopt;
    }
    //! The changes of the next PUSH.
    std::vector<Change> takePushed(wire::Push* push = nullptr) {
        const auto record = take<wire::Push>();
        std::vector<Change> changes;
        if (!record) return changes;
        if (push) *push = *record;
        const auto items = wire::decodeBatch(record->batch, push_tables[record->alias], 0);
        for (const wire::BatchItem& item : *items) changes.push_back(std::get<Change>(item));
        return changes;
    }

    // ---- SyncDelegate ----
    void sendMessage(Bytes message) override {
        for (wire::Record& record : *wire::decodeMessage(message)) sent.push_back(record);
    }
    void closeConnection(std::uint16_t code, const std::string&, bool retry) override {
        closed = code;
        retries = retry;
    }
    void remoteChanges(const std::string&, const std::vector<Change>& changes) override {
        shown += changes.size();
        (void)document->receiveAll(changes);
    }
    void documentRebuilt(const std::string&) override {
        ++rebuilds;
        load();
    }
    void statusChanged(const std::string&) override {}
    void linkStateChanged(sync::LinkState) override {}
    void presence(const std::string&, std::uint64_t, std::uint64_t, std::chrono::milliseconds,
                  ByteView) override {}
    void rejected(const sync::Rejected& entry) override { refused.push_back(entry); }
    void accepted(const sync::Rejected& entry) override { taken_after_all.push_back(entry); }
    void problem(const Error& error) override { problems.push_back(error); }

    MemoryLogStore store;
    StoppedClock clock;
    SeededRandom random;  // another on another machine
    DocumentName name = DocumentName::parse("notes/one").value();
    std::unique_ptr<sync::SyncEngine> engine;
    std::unique_ptr<crdt::Document> document;
    bool opened = false;
    Result<> appended;
    wire::Alias alias = 0;
    wire::ReplicaTable table;
    std::map<wire::Alias, wire::ReplicaTable> push_tables;
    std::deque<wire::Record> sent;
    std::size_t shown = 0;
    int rebuilds = 0;
    std::uint16_t closed = 0;
    bool retries = false;
    std::vector<sync::Rejected> refused;
    std::vector<sync::Rejected> taken_after_all;
    std::vector<Error> problems;
};

//! \brief Somebody else who writes in the same document.
class OtherReplica {
 public:
    explicit OtherReplica(ReplicaId id) : document(id) {
        document.setSaltKey(Bytes(16, 's'));
        document.setCaptureInterval(0);
    }
    Change types(const std::u16string& text) {
        document.begin();
        const auto container =
            document.createContainer(crdt::ContainerId::root(), "text", crdt::ContainerType::Text);
        document.insertText(container, document.textLength(container), text);
        return *document.commit(++m_time);
    }
    crdt::Document document;

 private:
    std::int64_t m_time = 1'700'000'000'000;
};

}  // namespace kimdb::test
