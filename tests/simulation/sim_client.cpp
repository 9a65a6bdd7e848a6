// SPDX-License-Identifier: MIT
#include "simulation/sim_client.h"

namespace kimdb::sim {
namespace {

constexpr char kText[] = "text";
constexpr char kCount[] = "count";
constexpr char kPlace[] = "place";

DocumentName nameOf(const std::string& text) {
    return DocumentName::parse(text).value();
}

SimStore::Lie lieOf(Mutation mutation) {
    if (mutation == Mutation::PushBeforeDurable) return SimStore::Lie::DurableAtOnce;
    if (mutation == Mutation::TornBatch) return SimStore::Lie::TornBatches;
    return SimStore::Lie::None;
}

}  // namespace

const std::vector<std::string>& documentNames() {
    static const std::vector<std::string> names{"sim/a", "sim/b"};
    return names;
}

SimClient::SimClient(World& world, int index, std::string fingerprint,
                     test::MemoryLogStore::State folder)
    : m_world(world),
      m_index(index),
      m_fingerprint(std::move(fingerprint)),
      m_random(world.random.next()),
      m_store(std::make_unique<SimStore>(std::move(folder), lieOf(world.options.mutation))) {
    start();
}

void SimClient::start() {
    m_documents.clear();
    m_send = nullptr;
    m_close = nullptr;
    sync::SyncEngine::Options options;
    options.agent = "sim";
    options.fingerprint = m_fingerprint;
    m_engine = std::make_unique<sync::SyncEngine>(*m_store, m_world.clock, m_random, *this,
                                                  std::move(options));
    m_store->onDurable([this](store::SeqNo seq) {
        with([seq](sync::SyncEngine& engine) { engine.durable(seq); });
    });
    if (auto ok = m_engine->open(); !ok)
        return m_world.violate("client cannot open its folder: " + ok.error().message);
    for (const std::string& name : documentNames()) load(name);
}

void SimClient::load(const std::string& name) {
    auto loaded = m_engine->loadDocument(nameOf(name));
    if (!loaded) return m_world.violate("document does not load: " + loaded.error().message);
    crdt::Document doc(loaded->replica);
    doc.setIncarnation(loaded->incarnation);
    doc.setSaltKey(Bytes(loaded->salt_key.view()));
    doc.setCaptureInterval(0);
    if (auto ok = doc.receiveAll(loaded->changes, crdt::Origin::Rebuild); !ok)
        m_world.violate("a log does not replay: " + ok.error().message);
    m_documents.insert_or_assign(name, std::move(doc));
    m_world.trace("client %d loads %s for %016llx", m_index, name.c_str(),
                  static_cast<unsigned long long>(loaded->replica));
    if (m_world.options.verbose)
        for (const Change& change : loaded->changes)
            m_world.trace("    %s", m_world.label(change).c_str());
}

const crdt::Document* SimClient::document(const std::string& name) const {
    const auto it = m_documents.find(name);
    return it == m_documents.end() ? nullptr : &it->second;
}

void SimClient::with(const std::function<void(sync::SyncEngine&)>& call) {
    call(*m_engine);
    if (std::exchange(m_close_asked, false) && m_close) {
        const Close close = m_close;
        close();
    }
}

void SimClient::connect(Send send, Close close) {
    m_send = std::move(send);
    m_close = std::move(close);
    with([](sync::SyncEngine& engine) { engine.connectionOpened(); });
}

void SimClient::connectionLost() {
    m_send = nullptr;
    m_close = nullptr;
    with([](sync::SyncEngine& engine) { engine.connectionClosed(); });
}

void SimClient::edit(const std::string& name) {
    crdt::Document& doc = m_documents.at(name);
    const auto change = makeEdit(doc);
    if (!change) return;
    const auto tokens = m_world.tokensIn(*change);
    m_world.trace("client %d edits %s (U+%05X): %016llx:%llu+%llu", m_index, name.c_str(),
                  tokens.empty() ? 0u : static_cast<unsigned>(*tokens.begin()),
                  static_cast<unsigned long long>(change->replica),
                  static_cast<unsigned long long>(change->first),
                  static_cast<unsigned long long>(change->count));
    Result<> appended;
    with([&](sync::SyncEngine& engine) { appended = engine.appendLocal(nameOf(name), *change); });
    if (appended) return;
    if (appended.error().code != ErrorCode::StorageFull) {
        std::string waits;
        for (const OpId& id : doc.missing()) {
            char text[64];
            std::snprintf(text, sizeof text, "; a change held here waits for %016llx:%llu",
                          static_cast<unsigned long long>(id.replica),
                          static_cast<unsigned long long>(id.counter));
            waits += text;
        }
        m_world.violate("an edit was refused: " + appended.error().message + waits);
    }
    load(name);  // the application takes the edit back
}

std::optional<Change> SimClient::makeEdit(crdt::Document& doc) {
    m_world.clock.advance(std::chrono::milliseconds(1));
    const std::int64_t now = m_world.clock.wallTime();
    const auto root = crdt::ContainerId::root();
    const std::uint64_t kind = m_world.random.below(20);
    if (kind == 18) return doc.canUndo() ? doc.undo(now) : std::nullopt;
    if (kind == 19) return doc.canRedo() ? doc.redo(now) : std::nullopt;
    doc.begin();
    const auto text = doc.createContainer(root, kText, crdt::ContainerType::Text);
    const std::size_t length = doc.textLength(text);
    const auto insert = [&] {
        std::u16string inserted;
        for (std::uint64_t n = 1 + m_world.random.below(3); n > 0; --n) {
            const Token token = tokenOf(m_world.tokens++);
            m_world.inserted[now].insert(token);
            inserted += utf16Of(token);
        }
        doc.insertText(text, m_world.random.below(length + 1), inserted);
    };
    if (kind < 9 || length == 0) {
        insert();
    } else if (kind < 12) {
        const std::size_t at = m_world.random.below(length);
        doc.removeText(text, at, std::min<std::size_t>(1 + m_world.random.below(4), length - at));
    } else if (kind < 14) {
        const auto place = doc.createContainer(root, kPlace, crdt::ContainerType::Map);
        const std::string key(1, static_cast<char>('a' + m_world.random.below(3)));
        doc.set(place, key, Value(static_cast<std::int64_t>(m_world.random.below(1000))));
    } else if (kind == 14) {
        doc.remove(root, kPlace);
    } else if (kind == 15) {
        doc.set(root, kText, Value(static_cast<std::int64_t>(7)));  // hides the text and clears it
    } else {
        m_world.counted.insert(tokenOf(m_world.tokens));
        insert();
        doc.increment(doc.createContainer(root, kCount, crdt::ContainerType::Counter), 1);
        return doc.commit(now, false);  // so that the counter is the number of such changes
    }
    return doc.commit(now);
}

void SimClient::syncStore(bool all) {
    test::MemoryLogStore& disk = m_store->disk();
    if (all)
        disk.sync();
    else
        disk.syncSome(1 + m_world.random.below(3));
}

void SimClient::crash() {
    m_store->disk().crash();
    m_store->disk().setFull(false);
    start();
}

void SimClient::restart(test::MemoryLogStore::State folder, std::string fingerprint) {
    m_fingerprint = std::move(fingerprint);
    m_engine.reset();
    m_store = std::make_unique<SimStore>(std::move(folder), lieOf(m_world.options.mutation));
    start();
}

// ---- SyncDelegate ----

void SimClient::sendMessage(Bytes message) {
    if (m_send) m_send(std::move(message));
}

void SimClient::closeConnection(std::uint16_t code, const std::string& text, bool) {
    m_world.trace("client %d ends its session: %d %s", m_index, code, text.c_str());
    m_close_asked = true;
}

void SimClient::remoteChanges(const std::string& name, const std::vector<Change>& changes) {
    m_world.trace("client %d shows %zu changes of %s", m_index, changes.size(), name.c_str());
    for (const Change& change : changes) m_world.trace("    %s", m_world.label(change).c_str());
    const auto it = m_documents.find(name);
    if (it == m_documents.end()) return;
    if (auto ok = it->second.receiveAll(changes); !ok)
        m_world.violate("a remote change does not integrate: " + ok.error().message);
}

void SimClient::documentRebuilt(const std::string& name) {
    m_world.trace("client %d rebuilds %s", m_index, name.c_str());
    load(name);
}

void SimClient::rejected(const sync::Rejected& entry) {
    m_world.trace("client %d: rejected in %s %s (%d)", m_index, entry.document.c_str(),
                  m_world.label(entry.change).c_str(), static_cast<int>(entry.code));
}

void SimClient::accepted(const sync::Rejected& entry) {
    m_world.trace("client %d: accepted after all in %s %s", m_index, entry.document.c_str(),
                  m_world.label(entry.change).c_str());
}

void SimClient::problem(const Error& error) {
    m_world.trace("client %d: problem: %s", m_index, error.message.c_str());
}

}  // namespace kimdb::sim
