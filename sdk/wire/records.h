// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kimdb/ids.h>

#include "core/hash.h"

//! The records of KRP/1 as plain structs. Bytes and rules: docs/PROTOCOL.md (normative); codec:
//! wire/codec.h. Field order here is field order on the wire.
namespace kimdb::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr char kSubprotocol[] = "kimdb.v1";

//! A document or feed within one session. Client aliases are even, relay aliases odd; never reused.
using Alias = std::uint32_t;

enum class RecordType : std::uint8_t {
    Hello = 0x01,
    Auth = 0x02,
    Sub = 0x03,
    Unsub = 0x04,
    Push = 0x05,
    Credit = 0x06,
    Seen = 0x07,
    Presence = 0x08,
    Ping = 0x09,
    Pong = 0x0A,
    Welcome = 0x11,
    AuthOk = 0x12,
    SubOk = 0x13,
    Doc = 0x14,
    Chunk = 0x15,
    Ack = 0x16,
    Nack = 0x17,
    Ops = 0x18,
    Perm = 0x19,
    Labels = 0x1A,
    Compact = 0x1B,
    Error = 0x1C,
    // 0x20–0x2F reserved: blobs, client snapshots, receipts
};

//! Codes of ERROR records; also the WebSocket close code when the session ends with it.
enum class CloseCode : std::uint16_t {
    Normal = 1000,
    Protocol = 4001,
    Denied = 4003,
    Slow = 4008,
    TooBig = 4009,
    Rate = 4029,
    GoingAway = 4100,
    EpochChanged = 4101,
    Replaced = 4102,
    Auth = 4401,
    // about one document or record only; the session goes on
    Unsupported = 4010,
    InvalidName = 4011,
    UnknownAlias = 4012,
};

enum Permission : std::uint8_t { kRead = 1, kComment = 2, kWrite = 4, kAdmin = 8 };

struct StreamState {  //!< of one (document, incarnation, replica)
    ReplicaId replica = 0;
    std::uint64_t head = 0;   //!< last counter the relay holds; 0: none
    Hash16 hash;              //!< rolling hash there
    std::uint64_t floor = 0;  //!< backup floor (SYNC rule 20), own counter; 0: no verified backup
    bool operator==(const StreamState&) const = default;
};

struct Hello {
    std::uint32_t version_min = kProtocolVersion;
    std::uint32_t version_max = kProtocolVersion;
    std::uint64_t features = 0;
    ReplicaId replica = 0;
    std::uint64_t session = 0;  //!< random per connection; fences older ones (SYNC rule 8)
    std::string agent;          //!< program and version
    Bytes token;                //!< compact JWS or empty (anonymous)
    bool operator==(const Hello&) const = default;
};
struct Auth {
    Bytes token;
    bool operator==(const Auth&) const = default;
};
struct AuthOk {
    std::int64_t expires_ms = 0;  //!< relay wall time; 0: never
    bool operator==(const AuthOk&) const = default;
};
struct Welcome {
    std::uint32_t version = kProtocolVersion;
    std::uint64_t features = 0;
    Hash16 store_id;
    Hash16 epoch;  //!< random per restore
    std::uint32_t message_bytes_max = 0;
    std::uint32_t push_bytes_max = 0;
    std::uint32_t presence_interval_ms = 0;
    std::int64_t relay_time_ms = 0;
    std::string user;  //!< as whom the relay knows this session
    bool resumed = false;
    bool operator==(const Welcome&) const = default;
};

enum class SubKind : std::uint8_t { Document = 0, Feed = 1 };
struct Sub {
    Alias alias = 0;
    SubKind kind = SubKind::Document;
    std::string name;               //!< "collection/id", or "collection" for a feed
    std::uint32_t incarnation = 0;  //!< 0: unbound (created offline, SYNC rule 22)
    Hash16 epoch;                   //!< zero: none known
    std::uint64_t position = 0;     //!< held
    Hash16 log_hash;                //!< of the document's log at position
    std::vector<ReplicaId> own;     //!< every id of this user here with changes in this document
    std::vector<StreamState>
        vector;  //!< instead of a position: what is held, with hashes (floor 0)
    std::vector<std::pair<std::string, std::string>> labels;  //!< filter of a feed
    bool operator==(const Sub&) const = default;
};

enum class Plan : std::uint8_t {
    UpToDate = 0,
    Changes = 1,   //!< CHUNKs from position
    Snapshot = 2,  //!< snapshot CHUNKs, then changes
    Gap = 3,       //!< position is below what the relay still has and no snapshot exists
    Reconcile =
        4,       //!< other epoch or other log hash (SYNC rule 19): streams lists all; CHUNKs from 0
    Denied = 5,  //!< no read permission; streams of own ids are true all the same
};
struct SubOk {
    Alias alias = 0;
    std::uint32_t incarnation = 1;
    std::uint64_t head = 0;  //!< doc_seq
    Hash16 log_hash;         //!< at head
    std::uint8_t permissions = 0;
    Plan plan = Plan::UpToDate;
    std::int64_t time_base_ms = 0;     //!< times in batches of this document are relative to it
    std::vector<StreamState> streams;  //!< own ids asked for (all streams on Reconcile)
    bool operator==(const SubOk&) const = default;
};
struct Unsub {
    Alias alias = 0;
    bool operator==(const Unsub&) const = default;
};
enum class DocEvent : std::uint8_t { Enter = 0, Leave = 1 };
struct Doc {
    Alias feed = 0;
    Alias alias = 0;
    DocEvent event = DocEvent::Enter;
    std::string name;
    std::uint64_t shard_seq = 0;
    bool operator==(const Doc&) const = default;
};

//! Encoded changes (wire/change_batch.h); opaque at this level.
enum class ChunkKind : std::uint8_t { Changes = 0, Snapshot = 1 };
struct Chunk {
    Alias alias = 0;
    ChunkKind kind = ChunkKind::Changes;
    bool final = false;      //!< catch-up ends here; live OPS follow
    std::uint64_t prev = 0;  //!< holds positions (prev, last]
    std::uint64_t last = 0;
    Hash16 mac;  //!< certificate of (store, document, last, rolling hash), SYNC rule 19
    Bytes batch;
    bool operator==(const Chunk&) const = default;
};
struct Credit {
    Alias alias = 0;
    std::uint32_t chunks = 0;
    bool operator==(const Credit&) const = default;
};
struct Push {
    Alias alias = 0;
    std::uint64_t number = 0;  //!< session-local, grows per PUSH
    Hash16 hash_before;        //!< rolling hash of the stream before the first change
    Bytes batch;               //!< changes of one stream, consecutive
    bool operator==(const Push&) const = default;
};
enum AckFlag : std::uint8_t { kDurable = 1, kDuplicate = 2 };
struct Ack {
    Alias alias = 0;
    ReplicaId replica = 0;
    std::uint64_t counter = 0;  //!< cumulative
    std::uint8_t flags = 0;
    bool operator==(const Ack&) const = default;
};
struct Nack {
    Alias alias = 0;
    std::uint64_t number = 0;  //!< of the PUSH
    ReplicaId replica = 0;
    std::uint64_t first = 0;  //!< of the change refused
    std::uint16_t code = 0;  //!< ErrorCode: Gap, MissingDependencies, Equivocation, NotAllowed, …
    bool permanent = false;
    std::uint32_t retry_ms = 0;
    bool operator==(const Nack&) const = default;
};
//! Marks stand only for changes that this very session pushed and that were accepted or answered
//! as duplicates; all else, own ids included, comes with its body (docs/decisions/0040-marks.md).
struct Ops {
    Alias alias = 0;
    std::uint64_t prev = 0;
    std::uint64_t last = 0;
    Hash16 mac;
    Bytes batch;
    bool operator==(const Ops&) const = default;
};
struct Seen {
    Alias alias = 0;
    std::uint64_t position = 0;      //!< SYNC rule 21
    std::uint64_t undo_horizon = 0;  //!< own counter; 0: not told
    bool operator==(const Seen&) const = default;
};
struct Presence {
    Alias alias = 0;
    std::uint64_t session = 0;  //!< the relay overwrites it with the sender's
    std::uint64_t clock = 0;
    std::uint32_t ttl_ms = 0;
    Bytes state;  //!< empty: gone
    bool operator==(const Presence&) const = default;
};
struct Perm {
    Alias alias = 0;
    std::uint8_t permissions = 0;
    bool operator==(const Perm&) const = default;
};
struct Labels {
    Alias alias = 0;
    std::vector<std::pair<std::string, std::string>> labels;
    bool operator==(const Labels&) const = default;
};
struct Compact {
    Alias alias = 0;
    std::uint64_t floor = 0;
    bool operator==(const Compact&) const = default;
};
struct Ping {
    std::uint64_t nonce = 0;
    bool operator==(const Ping&) const = default;
};
struct Pong {
    std::uint64_t nonce = 0;
    bool operator==(const Pong&) const = default;
};
struct ErrorRecord {
    std::uint16_t code = 0;  //!< CloseCode
    bool has_alias = false;  //!< about one document; the session goes on
    Alias alias = 0;
    std::uint32_t retry_ms = 0;
    std::string text;  //!< for people, never content
    bool operator==(const ErrorRecord&) const = default;
};

using Record =
    std::variant<Hello, Auth, Sub, Unsub, Push, Credit, Seen, Presence, Ping, Pong, Welcome, AuthOk,
                 SubOk, Doc, Chunk, Ack, Nack, Ops, Perm, Labels, Compact, ErrorRecord>;

}  // namespace kimdb::wire
