// SPDX-License-Identifier: MIT
#pragma once

#include <QtTest>

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "core/limits.h"
#include "relay/author.h"
#include "relay/core/relay_core.h"
#include "support/memory_log_store.h"
#include "wire/change_batch.h"
#include "wire/codec.h"

namespace kimdb::test {

inline constexpr std::uint8_t kAllRights = 15;

class ManualClock final : public Clock {
 public:
    std::int64_t wallTime() const override { return 1'700'000'000'000 + m_now.count(); }
    std::chrono::milliseconds steadyTime() const override { return m_now; }
    void passes(std::chrono::milliseconds time) { m_now += time; }

 private:
    std::chrono::milliseconds m_now{1'000'000};
};

//! Without grants: what the relay's own entries and its default say holds.
inline relay::Identity userNamed(ByteView name) {
    relay::Identity who;
    who.user = name;
    return who;
}

class RelayWorld;

//! \brief A client that speaks the wire's bytes with a core.
class Client {
 public:
    Client(RelayWorld& world, relay::PeerId peer) : m_world(world), m_peer(peer) {}

    relay::PeerId peer() const { return m_peer; }
    void says(const wire::Record& record);
    void saysBytes(ByteView message);
    void hello(ReplicaId replica, const Bytes& token = {});
    //! SUB of somebody who holds nothing.
    wire::Alias subscribes(const std::string& document, std::vector<ReplicaId> own = {});
    wire::Alias subscribesFrom(wire::Sub sub);
    //! The same with everything up to its answer and the end of catch-up read away.
    wire::Alias joins(const std::string& document);
    std::uint64_t pushes(wire::Alias alias, const Hash16& before,
                         const std::vector<Change>& changes);
    std::uint64_t pushesItems(wire::Alias alias, const Hash16& before,
                              const std::vector<wire::BatchItem>& items);
    //! Writes \a text as the next change of \a author and pushes it.
    Change types(wire::Alias alias, Author& author, const std::string& text,
                 std::vector<OpId> deps = {});

    //! The next record that came, if it is a T; fails the test otherwise.
    template <class T>
    T gets();
    //! Drops records until a T.
    template <class T>
    std::optional<T> next();
    bool hearsNothing() const { return inbox.empty(); }
    void forgets() { inbox.clear(); }
    //! Changes and marks in a batch of the document \a alias.
    std::vector<wire::BatchItem> items(wire::Alias alias, const Bytes& batch);

    std::deque<wire::Record> inbox;
    std::size_t messages = 0;
    std::size_t bytes = 0;
    std::optional<std::uint16_t> closed;
    std::int64_t time_base_ms = 0;

 private:
    friend class RelayWorld;
    RelayWorld& m_world;
    relay::PeerId m_peer;
    wire::Alias m_next_alias = 2;
    std::uint64_t m_push_number = 0;
    std::map<wire::Alias, wire::ReplicaTable> m_out;
    std::map<wire::Alias, wire::ReplicaTable> m_in;
};

//! \brief A relay's core over a memory store, and its clients.
class RelayWorld final : public relay::CoreDelegate {
 public:
    explicit RelayWorld(relay::RelayCore::Options options = {});

    Client& opens(bool loopback = true);
    //! Connected, greeted, WELCOME read away.
    Client& connects(ReplicaId replica, const Bytes& token = {});
    void hangsUp(Client& client);
    void turn() { core->endTurn(); }
    //! The disk has taken everything; the turn ends.
    void syncs();
    void passes(std::chrono::milliseconds time);
    //! Power loss and a new process on what the disk had. All connections are gone.
    void crashes();
    void restartsFrom(MemoryLogStore::State state, bool restored);

    void send(relay::PeerId peer, Bytes message) override;
    void close(relay::PeerId peer, std::uint16_t code, const std::string& text) override;

    ManualClock clock;
    SeededRandom random{7};
    std::unique_ptr<MemoryLogStore> store;
    std::unique_ptr<relay::RelayCore> core;

 private:
    void starts(bool restored);

    relay::RelayCore::Options m_options;
    relay::PeerId m_next_peer = 1;
    std::map<relay::PeerId, std::unique_ptr<Client>> m_clients;
};

template <class T>
T Client::gets() {
    if (inbox.empty()) {
        QTest::qFail("the client hears nothing", __FILE__, __LINE__);
        return {};
    }
    const wire::Record record = std::move(inbox.front());
    inbox.pop_front();
    if (const T* expected = std::get_if<T>(&record)) return *expected;
    const QString got = QString("another record came: variant index %1").arg(record.index());
    QTest::qFail(qPrintable(got), __FILE__, __LINE__);
    return {};
}

template <class T>
std::optional<T> Client::next() {
    while (!inbox.empty()) {
        const wire::Record record = std::move(inbox.front());
        inbox.pop_front();
        if (const T* found = std::get_if<T>(&record)) return *found;
    }
    return {};
}

}  // namespace kimdb::test
