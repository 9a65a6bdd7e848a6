// SPDX-License-Identifier: MIT
#include "core/change.h"

#include "core/bytes.h"
#include "core/limits.h"

namespace kimdb {
namespace {

constexpr std::uint8_t kVersion = 1;
enum Flag : std::uint8_t {
    kEncrypted = 1 << 0,
    kSigned = 1 << 1,
    kCompressed = 1 << 2,
    kVoid = 1 << 3,
    kClassShift = 4,
    kExtras = 1 << 6,
    kDeps = 1 << 7,
};

Error malformed(const char* what) {
    return {ErrorCode::Malformed, std::string("change: ") + what};
}

bool hasExtras(const Change& c) {
    return c.incarnation != 1 || c.schema_version != 0;
}

void writeCanonical(const Change& c, ByteWriter& out) {
    out.u8(kVersion);
    out.u8(static_cast<std::uint8_t>((c.is_void ? kVoid : 0) |
                                     static_cast<int>(c.op_class) << kClassShift |
                                     (hasExtras(c) ? kExtras : 0) | (c.deps.empty() ? 0 : kDeps)));
    out.u64(c.replica);
    out.varint(c.first);
    out.varint(c.count);
    if (hasExtras(c)) {
        out.varint(c.incarnation);
        out.varint(c.schema_version);
    }
    if (!c.deps.empty()) {
        out.varint(c.deps.size());
        for (const OpId& dep : c.deps) {
            out.u64(dep.replica);
            out.varint(dep.counter);
        }
    }
    out.varint(static_cast<std::uint64_t>(c.time_ms));
    out.bytes(c.structure);
}

// Reads the canonical form; leaves `structure` as a view so that header readers copy nothing.
Result<> readCanonical(ByteReader& in, Change& c, ByteView& structure) {
    const std::uint8_t version = in.u8();
    const std::uint8_t flags = in.u8();
    if (!in.ok()) return malformed("cut off");
    if (version != kVersion)
        return Error{ErrorCode::Unsupported, "change: envelope version " + std::to_string(version) +
                                                 " is newer than this program; update it"};
    if (flags & (kEncrypted | kSigned | kCompressed))
        return Error{ErrorCode::Unsupported,
                     "change: encrypted, signed and compressed changes are not supported yet"};
    c.is_void = flags & kVoid;
    const int op_class = flags >> kClassShift & 3;
    if (op_class > 2) return malformed("unknown op class");
    c.op_class = static_cast<OpClass>(op_class);
    c.replica = in.u64();
    c.first = in.varint(limits::kCounterMax);
    c.count = in.varint(limits::kCounterMax);
    if (flags & kExtras) {
        c.incarnation = static_cast<std::uint32_t>(in.varint(UINT32_MAX));
        c.schema_version = static_cast<std::uint32_t>(in.varint(UINT32_MAX));
        if (!hasExtras(c)) return malformed("needless extras");
    }
    if (flags & kDeps) {
        const std::size_t n = in.count(limits::kDepsMax, 9);
        if (n == 0) return malformed("needless deps");
        c.deps.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            OpId dep;
            dep.replica = in.u64();
            dep.counter = in.varint(limits::kCounterMax);
            c.deps.push_back(dep);
        }
    }
    c.time_ms =
        static_cast<std::int64_t>(in.varint(static_cast<std::uint64_t>(limits::kCounterMax)));
    structure = in.bytes(limits::kChangeBytesMax);
    if (!in.ok()) return malformed("cut off or out of range");
    return {};
}

Result<> readWhole(ByteView bytes, Change& c, ByteView& structure, ByteView& content) {
    if (bytes.size() > limits::kChangeBytesMax)
        return Error{ErrorCode::TooLarge, "change: larger than 1 MiB; split the transaction"};
    ByteReader in(bytes);
    if (auto ok = readCanonical(in, c, structure); !ok) return ok;
    if (c.first == 1) {
        const ByteView key = in.raw(16);
        if (!in.ok()) return malformed("salt key is missing");
        c.salt_key = SaltKey::from(key);
    }
    content = in.bytes(limits::kChangeBytesMax);
    if (!in.done()) return malformed("cut off or followed by other bytes");
    return {};
}

Result<> validateHeader(const Change& c) {
    if (c.replica == 0) return malformed("replica id 0");
    if (c.first == 0 || c.count == 0) return malformed("counter 0");
    if (c.first > limits::kCounterMax || c.count > limits::kCounterMax - c.first + 1)
        return malformed("counter overflow");
    if (c.salt_key.has_value() != (c.first == 1)) return malformed("salt key belongs to counter 1");
    if (c.time_ms < 0) return malformed("negative time");
    if (c.deps.size() > limits::kDepsMax) return malformed("too many deps");
    for (std::size_t i = 0; i < c.deps.size(); ++i) {
        if (c.deps[i].isNull() || c.deps[i].replica == 0) return malformed("null dep");
        if (c.deps[i].replica == c.replica)
            return malformed("the own previous change is an implicit dep");
        if (i > 0 && c.deps[i - 1].replica >= c.deps[i].replica)
            return malformed("deps are not in order");
    }
    return {};
}

Result<> validateParts(const Change& c, ByteView structure, ByteView content) {
    if (c.is_void && (!structure.empty() || !content.empty()))
        return malformed("VOID carries operations");
    LeafReader leaves(content);
    while (!leaves.atEnd() && leaves.ok()) leaves.next();
    if (!leaves.ok()) return malformed("damaged leaf");
    return {};
}

}  // namespace

Bytes encodeChange(const Change& change) {
    Bytes out;
    out.reserve(40 + change.structure.size() + change.content.size());
    ByteWriter writer(out);
    writeCanonical(change, writer);
    if (change.salt_key) writer.raw(change.salt_key->view());
    writer.bytes(change.content);
    return out;
}

namespace {

Result<> decodeInto(Change& c, ByteView bytes) {
    ByteView structure;
    ByteView content;
    if (auto ok = readWhole(bytes, c, structure, content); !ok) return ok;
    if (auto ok = validateHeader(c); !ok) return ok;
    if (auto ok = validateParts(c, structure, content); !ok) return ok;
    c.structure = structure;
    c.content = content;
    return {};
}

}  // namespace

Result<Change> decodeChange(ByteView bytes) {
    Result<Change> decoded{Change()};  // decoded where it stays: moving one takes its time
    if (auto ok = decodeInto(*decoded, bytes); !ok) decoded = ok.error();
    return decoded;
}

Result<Change> decodeChangeHeader(ByteView bytes) {
    Change c;
    ByteView structure;
    ByteView content;
    if (auto ok = readWhole(bytes, c, structure, content); !ok) return ok.error();
    if (auto ok = validateHeader(c); !ok) return ok.error();
    return c;
}

Result<> validateChange(const Change& change) {
    if (auto ok = validateHeader(change); !ok) return ok;
    return validateParts(change, change.structure, change.content);
}

LeafReader::Leaf LeafReader::next() {
    // What a keystroke has: whole, and short enough for a head of one byte.
    const auto first = static_cast<std::uint8_t>(m_rest[0]);
    if ((first & 0x83) == 0 && (first >> 2) < m_rest.size()) {
        const ByteView bytes = m_rest.substr(1, first >> 2);
        m_rest.remove_prefix(1 + bytes.size());
        return {Kind::Whole, {}, bytes};
    }
    ByteReader in(m_rest);
    const std::uint64_t head = in.varint();
    const std::uint64_t size = head >> 2;
    Leaf leaf;
    leaf.kind = static_cast<Kind>(head & 3);
    if (leaf.kind != Kind::Whole) leaf.fixed = in.raw(16);
    if (leaf.kind == Kind::Expunged && size != 0) in.fail();
    if (in.ok() && size <= in.remaining())
        leaf.bytes = in.raw(static_cast<std::size_t>(size));
    else
        in.fail();
    if (!in.ok()) {
        m_ok = false;
        m_rest = {};
        return {};
    }
    m_rest.remove_prefix(in.position());
    return leaf;
}

void appendLeaf(Bytes& content, ByteView bytes) {
    ByteWriter out(content);
    out.varint(bytes.size() * 4);
    out.raw(bytes);
}

Hash16 contentRoot(const Change& change, SaltTree& salts) {
    if (change.content.empty()) return {};
    Bytes hashes(1, '\x01');
    std::uint64_t index = 0;
    const char zero = 0;
    for (LeafReader leaves(change.content); !leaves.atEnd(); ++index) {
        const LeafReader::Leaf leaf = leaves.next();
        switch (leaf.kind) {
            case LeafReader::Kind::Whole: {
                const Hash16 salt = salts.salt(change.first, index);
                hashes.append(
                    sha256Truncated({ByteView(&zero, 1), salt.view(), leaf.bytes}).view());
                break;
            }
            case LeafReader::Kind::Salted:
                hashes.append(sha256Truncated({ByteView(&zero, 1), leaf.fixed, leaf.bytes}).view());
                break;
            case LeafReader::Kind::Expunged:
            case LeafReader::Kind::Partial:
                hashes.append(leaf.fixed);
                break;
        }
    }
    return sha256Truncated({hashes});
}

Hash16 changeHash(const Change& change, SaltTree& salts) {
    Bytes canonical;
    ByteWriter out(canonical);
    writeCanonical(change, out);
    const Hash16 root = contentRoot(change, salts);
    return sha256Truncated({canonical, root.view()});
}

Change voidOf(const Change& change) {
    Change v = change;
    v.is_void = true;
    v.op_class = OpClass::Content;
    v.structure.clear();
    v.content.clear();
    return v;
}

ReplicaId derivedReplica(ReplicaId old_id, std::uint64_t n, const Hash16& change_n) {
    char input[16];
    for (int i = 0; i < 8; ++i) {
        input[i] = static_cast<char>(old_id >> (56 - 8 * i));
        input[8 + i] = static_cast<char>(n >> (56 - 8 * i));
    }
    const Hash16 h = sha256Truncated({ByteView(input, 16), change_n.view()});
    ReplicaId id = 0;
    for (int i = 0; i < 8; ++i) id = id << 8 | h.bytes[i];
    return id ? id : 1;  // 0 is "no replica"; one chance in 2^64
}

SaltKey derivedSaltKey(const SaltKey& old_key, ReplicaId new_id) {
    char id[8];
    for (int i = 0; i < 8; ++i) id[i] = static_cast<char>(new_id >> (56 - 8 * i));
    return sha256Truncated({"kimdb derived salt key", old_key.view(), ByteView(id, 8)});
}

}  // namespace kimdb
