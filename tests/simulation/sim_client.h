// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <kimdb/crdt/document.h>

#include "simulation/sim_store.h"
#include "simulation/sim_world.h"
#include "sync/sync_engine.h"

namespace kimdb::sim {

//! \brief One installation: the real engine and real documents over a memory store, and somebody
//! who types.
class SimClient final : public sync::SyncDelegate {
 public:
    using Send = std::function<void(Bytes)>;
    using Close = std::function<void()>;
    SimClient(World& world, int index, std::string fingerprint, test::MemoryLogStore::State folder);

    int index() const { return m_index; }
    const std::string& fingerprint() const { return m_fingerprint; }
    const test::MemoryLogStore& disk() const { return m_store->disk(); }
    sync::SyncEngine& engine() { return *m_engine; }
    const crdt::Document* document(const std::string& name) const;
    //! Runs \a call on the engine; closes the engine asked for meanwhile happen after it.
    void with(const std::function<void(sync::SyncEngine&)>& call);

    // ---- what happens to it ----
    void connect(Send send, Close close);
    void connectionLost();
    bool connected() const { return m_send != nullptr; }
    void edit(const std::string& name);
    void syncStore(bool all);
    void crash();
    //! The disk refuses the next writes until it does not.
    void setDiskFull(bool full) { m_store->disk().setFull(full); }
    //! The folder becomes \a folder, of whatever time or machine.
    void restart(test::MemoryLogStore::State folder, std::string fingerprint);

    // ---- SyncDelegate ----
    void sendMessage(Bytes message) override;
    void closeConnection(std::uint16_t code, const std::string& text, bool retry) override;
    void remoteChanges(const std::string& document, const std::vector<Change>& changes) override;
    void documentRebuilt(const std::string& document) override;
    void statusChanged(const std::string&) override {}
    void linkStateChanged(sync::LinkState) override {}
    void presence(const std::string&, std::uint64_t, std::uint64_t, std::chrono::milliseconds,
                  ByteView) override {}
    void rejected(const sync::Rejected& entry) override;
    void accepted(const sync::Rejected& entry) override;
    void problem(const Error& error) override;

 private:
    void start();
    void load(const std::string& name);
    std::optional<Change> makeEdit(crdt::Document& doc);

    World& m_world;
    int m_index;
    std::string m_fingerprint;
    SeededRandom m_random;
    std::unique_ptr<SimStore> m_store;
    std::unique_ptr<sync::SyncEngine> m_engine;
    std::map<std::string, crdt::Document> m_documents;
    Send m_send;
    Close m_close;
    bool m_close_asked = false;
};

//! Names of the documents everybody has open.
const std::vector<std::string>& documentNames();

}  // namespace kimdb::sim
