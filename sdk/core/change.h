// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include <kimdb/ids.h>

#include "core/hash.h"

//! A change is what one transaction of one replica did to one document. This file is its envelope
//! (**format**, docs/PROTOCOL.md "Change envelope"): a clear header that store, wire and relay
//! read, and two opaque parts, `structure` (what was done, without content) and `content`.
//!
//!   u8      version                 1
//!   u8      flags                   bit 0 encrypted, 1 signed, 2 compressed (refused until built:
//!                                   Unsupported), 3 void, 4-5 op class, 6 extras, 7 deps
//!   u64 LE  replica
//!   varint  first, count            counters first … first+count-1
//!   [extras] varint incarnation, varint schema version    iff they are not 1 and 0
//!   [deps]   varint n, n × (u64 LE replica, varint counter)    iff n > 0; ascending by replica,
//!                                   the own previous change is implicit and never listed
//!   varint  time                    ms since 1970, metadata only
//!   varint  length, structure
//!   ---- up to here: the canonical form; change hash = SHA-256(this ‖ content root)[0..16)
//!   [16]    salt key                iff first = 1 (VOID too): the stream's secret, core/hash.h
//!   varint  length, content         leaves, one after the other
//!
//! A leaf is varint(size * 4 + kind), then by kind:
//!   0 whole        size bytes; salt derived from the salt key
//!   1 salted       16 bytes salt, size bytes (its change's node of the key was punctured)
//!   2 expunged     16 bytes leaf hash (size = 0)
//!   3 partial      16 bytes leaf hash, size bytes of what remains (grammar of the owner)
//! Leaf hash = SHA-256(0x00 ‖ salt ‖ bytes)[0..16); root = SHA-256(0x01 ‖ leaf hashes)[0..16),
//! 16 zero bytes without leaves. VOID has neither structure nor leaves.
namespace kimdb {

enum class OpClass : std::uint8_t { Content = 0, Comment = 1, Admin = 2 };

struct Change {
    ReplicaId replica = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    OpClass op_class = OpClass::Content;
    bool is_void = false;
    std::uint32_t incarnation = 1;
    std::uint32_t schema_version = 0;
    std::vector<OpId> deps;
    std::int64_t time_ms = 0;
    Bytes structure;
    std::optional<SaltKey> salt_key;
    Bytes content;  //!< encoded leaves

    std::uint64_t last() const { return first + count - 1; }
    OpId lastId() const { return {replica, last()}; }
    bool operator==(const Change&) const = default;
};

//! \brief The stored form. REQUIRES: the rules above hold (validate() is ok).
Bytes encodeChange(const Change& change);

//! \brief Strict inverse of encodeChange: refuses what encodeChange cannot have written.
//! Errors: Malformed; Unsupported (version, encrypted, signed, compressed); TooLarge
//! (limits::kChangeBytesMax). Allocates in proportion to the input.
Result<Change> decodeChange(ByteView bytes);

//! \brief The grammar rules that hold for any change, whoever made the bytes.
Result<> validateChange(const Change& change);

//! \brief The clear header alone; structure and content are checked for length, not copied.
//! Errors: as decodeChange.
Result<Change> decodeChangeHeader(ByteView bytes);

//! \brief Walks the leaves of an encoded content.
class LeafReader {
 public:
    enum class Kind : std::uint8_t { Whole = 0, Salted = 1, Expunged = 2, Partial = 3 };
    struct Leaf {
        Kind kind = Kind::Whole;
        ByteView fixed;  //!< salt or leaf hash (16 bytes), empty for Whole
        ByteView bytes;
    };
    explicit LeafReader(ByteView content) : m_rest(content) {}
    bool atEnd() const { return m_rest.empty(); }
    bool ok() const { return m_ok; }
    //! REQUIRES: !atEnd(). An empty leaf with ok() == false on damage.
    Leaf next();

 private:
    ByteView m_rest;
    bool m_ok = true;
};

//! \brief Appends one whole leaf to an encoded content.
void appendLeaf(Bytes& content, ByteView bytes);

//! \brief Root hash of the change's content. \a salts is the stream's salt tree.
//! REQUIRES: change.content is well-formed (decodeChange or appendLeaf made it).
Hash16 contentRoot(const Change& change, SaltTree& salts);

//! \brief Identity of the change (SYNC rule 7).
Hash16 changeHash(const Change& change, SaltTree& salts);

//! \brief VOID of a refused change: same counters, same deps, same time (SYNC rule 11).
Change voidOf(const Change& change);

//! \brief Name of the stream that continues \a old_id after equivocation at counter \a n (SYNC
//! rule 6): first 64 bits of SHA-256(old id ‖ n ‖ hash of change n), big endian.
ReplicaId derivedReplica(ReplicaId old_id, std::uint64_t n, const Hash16& change_n);

//! \brief The salt key of a derived stream: both copies of a folder must derive the same.
SaltKey derivedSaltKey(const SaltKey& old_key, ReplicaId new_id);

}  // namespace kimdb
