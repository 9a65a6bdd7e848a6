// SPDX-License-Identifier: MIT
#include "wire/random_wire.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "core/bytes.h"
#include "core/limits.h"

namespace kimdb::wire {
namespace {

// Fills a record with allowed values by the field list that the codec itself uses would prove
// nothing about its order; so each kind is filled by hand, and the vectors fix the order.
Hash16 randomHash(Random& random) {
    if (random.below(4) == 0) return {};
    return Hash16::from(random.bytes(16));
}
std::uint32_t number32(Random& random) {
    return static_cast<std::uint32_t>(randomNumber(random, UINT32_MAX));
}
std::uint64_t counter(Random& random) {
    return randomNumber(random, limits::kCounterMax);
}
std::int64_t time(Random& random) {
    return static_cast<std::int64_t>(counter(random));
}
std::string text(Random& random, std::size_t bytes_max) {
    static constexpr const char* kPieces[] = {
        "a", "/", "~", "\xC3\xA9", "\xED\x95\x9C", "\xF0\x9F\x98\x80"};
    std::string s;
    for (std::uint64_t n = random.below(bytes_max / 4 + 1); n > 0; --n)
        s += kPieces[random.below(6)];
    return s;
}
Bytes bytes(Random& random, std::size_t max) {
    return random.bytes(randomNumber(random, max));
}
std::vector<StreamState> streams(Random& random) {
    std::vector<StreamState> list(random.below(4));
    for (StreamState& s : list)
        s = {random.replicaId(), counter(random), randomHash(random), counter(random)};
    return list;
}
std::vector<std::pair<std::string, std::string>> labels(Random& random) {
    std::vector<std::pair<std::string, std::string>> list(random.below(4));
    for (std::size_t i = 0; i < list.size(); ++i)
        list[i] = {std::to_string(i) + text(random, 100), text(random, limits::kLabelBytesMax)};
    return list;
}
std::uint8_t permissions(Random& random) {
    return static_cast<std::uint8_t>(random.below(16));
}
std::pair<std::uint64_t, std::uint64_t> range(Random& random) {
    const std::uint64_t a = counter(random);
    const std::uint64_t b = counter(random);
    return std::minmax(a, b);
}

Record randomClientRecord(Random& random) {
    const Alias alias = number32(random);
    switch (random.below(10)) {
        case 0: {
            const auto version = std::max(1u, number32(random));
            return Hello{1,
                         version,
                         random.next(),
                         random.replicaId(),
                         random.next(),
                         text(random, limits::kAgentBytesMax),
                         bytes(random, limits::kTokenBytesMax)};
        }
        case 1:
            return Auth{bytes(random, limits::kTokenBytesMax)};
        case 2: {
            Sub sub;
            sub.alias = alias;
            sub.kind = static_cast<SubKind>(random.below(2));
            sub.name = text(random, 257);
            sub.incarnation = number32(random);
            sub.epoch = randomHash(random);
            sub.position = counter(random);
            sub.log_hash = randomHash(random);
            for (std::uint64_t n = random.below(3); n > 0; --n)
                sub.own.push_back(random.replicaId());
            sub.vector = streams(random);
            sub.labels = labels(random);
            return sub;
        }
        case 3:
            return Unsub{alias};
        case 4:
            return Push{alias, randomNumber(random, UINT64_MAX), randomHash(random),
                        bytes(random, 300)};
        case 5:
            return Credit{alias, number32(random)};
        case 6:
            return Seen{alias, counter(random), counter(random)};
        case 7:
            return Presence{alias, random.next(), random.next(), number32(random),
                            bytes(random, limits::kPresenceBytesMax)};
        case 8:
            return Ping{randomNumber(random, UINT64_MAX)};
        default:
            return Pong{randomNumber(random, UINT64_MAX)};
    }
}

Record randomRelayRecord(Random& random) {
    const Alias alias = number32(random);
    const auto [prev, last] = range(random);
    const auto code = static_cast<std::uint16_t>(random.next());
    switch (random.below(12)) {
        case 0:
            return Welcome{
                number32(random),    random.next(),    randomHash(random),
                randomHash(random),  number32(random), number32(random),
                number32(random),    time(random),     text(random, limits::kUserBytesMax),
                random.below(2) == 1};
        case 1:
            return AuthOk{time(random)};
        case 2:
            return SubOk{alias,
                         number32(random),
                         counter(random),
                         randomHash(random),
                         permissions(random),
                         static_cast<Plan>(random.below(6)),
                         time(random),
                         streams(random)};
        case 3:
            return Doc{alias, number32(random), static_cast<DocEvent>(random.below(2)),
                       text(random, 257), counter(random)};
        case 4:
            return Chunk{alias,
                         static_cast<ChunkKind>(random.below(2)),
                         random.below(2) == 1,
                         prev,
                         last,
                         randomHash(random),
                         bytes(random, 300)};
        case 5:
            return Ack{alias, random.replicaId(), counter(random),
                       static_cast<std::uint8_t>(random.below(4))};
        case 6:
            return Nack{alias, random.next(),        random.replicaId(), counter(random),
                        code,  random.below(2) == 1, number32(random)};
        case 7:
            return Ops{alias, prev, last, randomHash(random), bytes(random, 300)};
        case 8:
            return Perm{alias, permissions(random)};
        case 9:
            return Labels{alias, labels(random)};
        case 10:
            return Compact{alias, counter(random)};
        default: {
            const bool has_alias = random.below(2) == 1;
            return ErrorRecord{code, has_alias, has_alias ? alias : 0, number32(random),
                               text(random, limits::kErrorTextBytesMax)};
        }
    }
}

void addRandomLeaf(Random& random, Bytes& content) {
    ByteWriter out(content);
    const Bytes leaf = bytes(random, 80);
    switch (random.below(8)) {
        case 0:
            out.varint(leaf.size() * 4 + 1);
            out.raw(random.bytes(16));
            out.raw(leaf);
            break;
        case 1:
            out.varint(2);
            out.raw(random.bytes(16));
            break;
        case 2:
            out.varint(leaf.size() * 4 + 3);
            out.raw(random.bytes(16));
            out.raw(leaf);
            break;
        default:
            appendLeaf(content, leaf);
    }
}

// The stream of an item and the counter behind it.
std::pair<ReplicaId, std::uint64_t> after(const BatchItem& item) {
    if (const auto* mark = std::get_if<Mark>(&item))
        return {mark->replica, mark->first + mark->count};
    const auto* sealed = std::get_if<Sealed>(&item);
    const Change& change = sealed ? sealed->head : std::get<Change>(item);
    return {change.replica, change.last() + 1};
}

}  // namespace

std::uint64_t randomNumber(Random& random, std::uint64_t max) {
    const std::uint64_t v = random.next() >> random.below(64);
    return max == UINT64_MAX ? v : v % (max + 1);
}

Record randomRecord(Random& random) {
    return random.below(2) ? randomClientRecord(random) : randomRelayRecord(random);
}

Change randomChange(Random& random, const std::vector<ReplicaId>& replicas) {
    Change c;
    c.replica = replicas[random.below(replicas.size())];
    c.first = random.below(4) ? 1 + randomNumber(random, limits::kCounterMax - 1) : 1;
    c.count = random.below(3) ? 1 : 1 + randomNumber(random, limits::kCounterMax - c.first);
    c.op_class = random.below(3) ? OpClass::Content : static_cast<OpClass>(random.below(3));
    c.is_void = random.below(6) == 0;
    if (random.below(4) == 0) c.incarnation = number32(random);
    if (random.below(4) == 0) c.schema_version = number32(random);
    for (const ReplicaId id : replicas)
        if (id != c.replica && random.below(4) == 0)
            c.deps.push_back({id, 1 + randomNumber(random, limits::kCounterMax - 1)});
    c.time_ms = random.below(2) ? time(random) : 1'700'000'000'000 + number32(random);
    if (c.first == 1) c.salt_key = SaltKey::from(random.bytes(16));
    if (c.is_void) return c;
    c.structure = bytes(random, random.below(2) ? 1 : 40);
    for (std::uint64_t n = random.below(3); n > 0; --n) addRandomLeaf(random, c.content);
    return c;
}

BatchItem randomItem(Random& random, const std::vector<ReplicaId>& replicas,
                     const std::vector<BatchItem>& before) {
    Change c = randomChange(random, replicas);
    if (!before.empty() && random.below(2)) {  // continue the stream of the item before
        const auto [replica, next] = after(before.back());
        if (next <= limits::kCounterMax) {
            std::erase_if(c.deps, [id = replica](const OpId& dep) { return dep.replica == id; });
            c.replica = replica;
            c.first = next;
            c.count = 1;
            c.salt_key.reset();
        }
    }
    if (random.below(5) == 0) return Mark{c.replica, c.first, c.count};
    if (random.below(8) > 0) return c;
    c.structure.clear();
    c.content.clear();
    return Sealed{c, static_cast<std::uint8_t>((1 + random.below(7)) << 4), bytes(random, 80)};
}

std::uint64_t chosenSeed() {
    const char* chosen = std::getenv("KIMDB_SEED");
    const std::uint64_t seed = chosen ? std::strtoull(chosen, nullptr, 0) : std::random_device{}();
    std::printf("KIMDB_SEED=%llu\n", static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    return seed;
}

}  // namespace kimdb::wire
