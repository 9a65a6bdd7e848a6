// SPDX-License-Identifier: MIT
// How a run must end, whatever happened in it.
#include <algorithm>

#include "simulation/sim_cluster.h"

namespace kimdb::sim {
namespace {

using Log = std::vector<store::LogEntry>;

const Log& durableLog(const test::MemoryLogStore& disk, const std::string& name) {
    static const Log kEmpty;
    const auto it = disk.durable().documents.find(name);
    return it == disk.durable().documents.end() ? kEmpty : it->second.log;
}

std::optional<Change> changeOf(const store::LogEntry& entry) {
    auto change = decodeChange(entry.change);
    return change ? std::optional(std::move(*change)) : std::nullopt;
}

std::set<Token> tokensIn(const World& world, const Log& log) {
    std::set<Token> tokens;
    for (const store::LogEntry& entry : log)
        if (const auto change = changeOf(entry)) tokens.merge(world.tokensIn(*change));
    return tokens;
}

std::string describe(const std::set<Token>& tokens) {
    std::string out;
    for (const Token t : tokens) {
        char hex[16];
        std::snprintf(hex, sizeof hex, " U+%05X", static_cast<unsigned>(t));
        out += hex;
    }
    return out;
}

std::set<Bytes> changesIn(const Log& log) {
    std::set<Bytes> changes;
    for (const store::LogEntry& entry : log)
        if (!entry.change.empty()) changes.insert(entry.change);
    return changes;
}

std::string describe(const std::set<Bytes>& changes) {
    std::string out;
    for (const Bytes& bytes : changes) {
        const auto change = decodeChange(bytes);
        if (!change) continue;
        out += " " + labelOf({change->replica, change->first}) + (change->is_void ? " VOID" : "");
    }
    return out.empty() ? " nothing" : out;
}

template <class T>
std::set<T> minus(const std::set<T>& a, const std::set<T>& b) {
    std::set<T> out;
    std::ranges::set_difference(a, b, std::inserter(out, out.end()));
    return out;
}

std::set<Token> common(const std::set<Token>& a, const std::set<Token>& b) {
    std::set<Token> out;
    std::ranges::set_intersection(a, b, std::inserter(out, out.end()));
    return out;
}

std::vector<sync::Rejected> rejectedIn(SimClient& client, const std::string& name) {
    auto list = client.engine().rejectedList();
    if (!list) return {};
    std::erase_if(*list, [&](const sync::Rejected& entry) { return entry.document != name; });
    return std::move(*list);
}

std::set<Token> rejectedTokens(const World& world, SimClient& client, const std::string& name) {
    std::set<Token> tokens;
    for (const sync::Rejected& entry : rejectedIn(client, name))
        tokens.merge(world.tokensIn(entry.change));
    return tokens;
}

// A token that stands twice in a text.
std::optional<Token> twice(const std::string& text, const std::set<Token>& except) {
    std::set<Token> seen;
    for (const Token t : tokensOf(text))
        if (!seen.insert(t).second && !except.contains(t)) return t;
    return std::nullopt;
}

// Which streams of a log continue which after a fork (SYNC rule 6): the keys of their salts tell.
class Families {
 public:
    explicit Families(const Log& log) {
        for (const store::LogEntry& entry : log)
            if (const auto change = changeOf(entry); change && change->salt_key)
                m_keys.emplace(change->replica, *change->salt_key);
    }
    bool areOne(ReplicaId a, ReplicaId b) const { return oldest(a) == oldest(b); }

 private:
    ReplicaId oldest(ReplicaId stream) const {
        const auto key = m_keys.find(stream);
        if (key == m_keys.end()) return stream;
        for (const auto& [older, older_key] : m_keys)
            if (derivedSaltKey(older_key, stream) == key->second) return oldest(older);
        return stream;
    }

    std::map<ReplicaId, SaltKey> m_keys;
};

}  // namespace

bool Cluster::quiet() const {
    return unquiet().empty();
}

std::string Cluster::unquiet() const {
    for (const auto& client : m_clients) {
        const std::string who = "client " + std::to_string(client->index());
        if (client->engine().linkState() != sync::LinkState::Online) return who + " is not online";
        for (const std::string& name : documentNames()) {
            const auto status = client->engine().status(DocumentName::parse(name).value());
            if (!status.live) return who + " is not live in " + name;
            if (!status.saved) return who + " has not saved " + name;
            if (status.queued > 0)
                return who + " has " + std::to_string(status.queued) + " queued in " + name;
        }
    }
    return {};
}

// What somebody who is still there holds of a document: nothing of it may be lost.
std::set<Token> Cluster::alive(const std::string& name) const {
    std::set<Token> tokens = tokensIn(m_world, durableLog(m_relay.disk(), name));
    for (const auto& client : m_clients) {
        tokens.merge(tokensIn(m_world, durableLog(client->disk(), name)));
        tokens.merge(rejectedTokens(m_world, *client, name));
    }
    return tokens;
}

void Cluster::check() {
    heal();
    std::map<std::string, std::set<Token>> alive_before;
    for (const auto& client : m_clients) client->syncStore(true);
    for (const std::string& name : documentNames()) alive_before[name] = alive(name);
    settle();
    for (const std::string& name : documentNames())
        if (!m_world.violation) checkDocument(name, alive_before[name]);
}

void Cluster::checkDocument(const std::string& name, const std::set<Token>& alive_before) {
    const Log& log = durableLog(m_relay.disk(), name);
    crdt::Document model(0);
    const Families families(log);
    std::map<ReplicaId, std::uint64_t> heads;
    std::map<Token, ReplicaId> once;
    std::set<Token> accepted_twice;  // in both branches of a fork, as decision 0042 says
    for (const store::LogEntry& entry : log) {
        const auto change = changeOf(entry);
        if (!change) return m_world.violate("the relay's log cannot be read");
        std::uint64_t& head = heads[entry.replica];
        if (entry.first != head + 1) m_world.violate("counters are not dense in " + name);
        head = entry.first + entry.count - 1;
        for (const Token token : m_world.tokensIn(*change)) {
            const auto [first, is_new] = once.emplace(token, change->replica);
            if (is_new) continue;
            if (!families.areOne(first->second, change->replica))
                m_world.violate("accepted twice in " + name + ": " + m_world.label(*change));
            accepted_twice.insert(token);
        }
        if (auto received = model.receive(*change); !received)
            m_world.violate("the model cannot take a change: " + received.error().message);
    }
    if (!accepted_twice.empty()) m_world.met_fork_limit = true;
    for (const OpId missing : model.missing())
        m_world.violate("the relay's log of " + name + " lacks " + labelOf(missing));

    const std::set<Token> accepted = tokensIn(m_world, log);
    std::set<Token> refused;
    for (const auto& client : m_clients) {
        const crdt::Document& shown = *client->document(name);
        const std::string who = "client " + std::to_string(client->index());
        if (shown.toValue() != model.toValue())
            m_world.violate(who + " shows another " + name + " than the relay's log");
        if (const auto broken = shown.checkInvariants()) m_world.violate(who + ": " + *broken);
        checkSameChanges(*client, name);
        const std::set<Token> rejected = rejectedTokens(m_world, *client, name);
        // A fork's loser is kept there too, though a copy of the folder that never knew of its
        // acceptance may have moved the same edit to a derived stream.
        for (const sync::Rejected& entry : rejectedIn(*client, name)) {
            if (entry.code == ErrorCode::Equivocation) continue;
            const auto both = common(m_world.tokensIn(entry.change), accepted);
            if (both.empty()) continue;
            if (!families.areOne(entry.change.replica, once.at(*both.begin())))
                m_world.violate(who + " lists accepted changes of " + name +
                                " as rejected:" + describe(both));
            m_world.met_fork_limit = true;
        }
        refused.insert(rejected.begin(), rejected.end());
    }
    std::set<Token> kept = accepted;
    kept.insert(refused.begin(), refused.end());
    if (const auto lost = minus(alive_before, kept); !lost.empty())
        m_world.violate("lost in " + name + ":" + describe(lost));

    const auto root = crdt::ContainerId::root();
    if (const auto text = model.container(root, "text"))
        if (const auto token = twice(model.textUtf8(*text), accepted_twice))
            m_world.violate("inserted twice in " + name + ":" + describe({*token}));
    const auto counter = model.container(root, "count");
    const auto expected = static_cast<std::int64_t>(common(m_world.counted, accepted).size() +
                                                    common(m_world.counted, accepted_twice).size());
    if (counter && model.reports().empty() && model.counter(*counter) != expected)
        m_world.violate("the counter of " + name + " is " +
                        std::to_string(model.counter(*counter)) + ", not " +
                        std::to_string(expected));
}

void Cluster::checkSameChanges(const SimClient& client, const std::string& name) {
    const std::set<Bytes> here = changesIn(durableLog(client.disk(), name));
    const std::set<Bytes> relay = changesIn(durableLog(m_relay.disk(), name));
    if (here == relay) return;
    m_world.violate("client " + std::to_string(client.index()) + " holds other changes of " + name +
                    ": here" + describe(minus(here, relay)) + ", at the relay" +
                    describe(minus(relay, here)));
}

}  // namespace kimdb::sim
