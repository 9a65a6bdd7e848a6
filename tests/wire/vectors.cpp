// SPDX-License-Identifier: MIT
#include "wire/vectors.h"

#include "core/hash.h"
#include "wire/reencode.h"

namespace kimdb::wire {
namespace {

constexpr ReplicaId kAlice = 0x0102030405060708;
constexpr ReplicaId kBob = 0xB0B0B0B0B0B0B0B0;

Hash16 filled(std::uint8_t byte) {
    Hash16 h;
    h.bytes.fill(byte);
    return h;
}

Change keystroke() {
    Change c;
    c.replica = kAlice;
    c.first = 1'000'000;
    c.count = 1;
    c.time_ms = kTimeBase + 2'000'000;
    c.structure = "\x01";
    appendLeaf(c.content, "x");
    return c;
}

Change firstOfStream() {
    Change c;
    c.replica = kBob;
    c.first = 1;
    c.count = 5;
    c.deps = {{kAlice, 1'000'000}};
    c.time_ms = kTimeBase + 2'000'150;
    c.structure = "abc";
    c.salt_key = SaltKey::from("0123456789abcdef");
    appendLeaf(c.content, "hello");
    return c;
}

Change comment() {
    Change c = firstOfStream();
    c.op_class = OpClass::Comment;
    c.incarnation = 7;
    c.schema_version = 2;
    c.time_ms = kTimeBase - 1;
    c.count = 2;
    appendLeaf(c.content, "leaf");
    return c;
}

Change next(const Change& c, Bytes structure) {
    Change n;
    n.replica = c.replica;
    n.first = c.first + c.count;
    n.count = 1;
    n.time_ms = c.time_ms + 120;
    n.structure = std::move(structure);
    return n;
}

Sub exampleSub() {
    Sub sub;
    sub.alias = 2;
    sub.name = "notes/hello";
    sub.incarnation = 1;
    sub.epoch = filled(0xEE);
    sub.position = 300;
    sub.log_hash = filled(0x10);
    sub.own = {kAlice};
    return sub;
}

Sub exampleFeed() {
    Sub sub;
    sub.alias = 4;
    sub.kind = SubKind::Feed;
    sub.name = "notes";
    sub.vector = {{kBob, 9, filled(0x0B), 0}};
    sub.labels = {{"state", "open"}};
    return sub;
}

SubOk exampleSubOk() {
    SubOk ok;
    ok.alias = 2;
    ok.incarnation = 1;
    ok.head = 310;
    ok.log_hash = filled(0x11);
    ok.permissions = kRead | kComment | kWrite;
    ok.plan = Plan::Changes;
    ok.time_base_ms = kTimeBase;
    ok.streams = {{kAlice, 42, filled(0x0A), 0}};
    return ok;
}

Bytes keystrokeBatch() {
    ReplicaTable table = tableOf({kAlice});
    BatchEncoder encoder(table, 1, kTimeBase);
    encoder.add(keystroke());
    return encoder.finish();
}

Bytes markBatch() {
    ReplicaTable table = tableOf({kAlice});
    BatchEncoder encoder(table, 1, kTimeBase);
    encoder.addMark({kAlice, 1'000'000, 1});
    return encoder.finish();
}

Sealed sealed(Change change) {
    change.structure.clear();
    change.content.clear();
    return {change, Sealed::kEncrypted | Sealed::kSigned, "later"};
}

}  // namespace

std::vector<RecordVector> recordVectors() {
    const auto gap = static_cast<std::uint16_t>(ErrorCode::Gap);
    const auto unsupported = static_cast<std::uint16_t>(CloseCode::Unsupported);
    return {
        {"hello", Hello{1, 1, 0, kAlice, 0x5E55105E55105E55, "kimdb/0.1.0", "a.b.c"},
         "26010101000807060504030201555e10555e10555e0b6b696d64622f302e312e3005612e622e63"},
        {"auth", Auth{"a.b.c"}, "070205612e622e63"},
        {"sub", exampleSub(),
         "3d0302000b6e6f7465732f68656c6c6f01eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeac0210101010101010"
         "1010101010101010100108070605040302010000"},
        {"sub-feed", exampleFeed(),
         "53030401056e6f7465730000000000000000000000000000000000000000000000000000000000000000"
         "00000001b0b0b0b0b0b0b0b0090b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0001057374617465046f70656e"},
        {"unsub", Unsub{2}, "020402"},
        {"push", Push{2, 7, filled(0x0A), keystrokeBatch()},
         "1d0502070a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0211c0843d80897a0178"},
        {"credit", Credit{2, 1}, "03060201"},
        {"seen", Seen{2, 310, 0}, "050702b60200"},
        {"presence", Presence{2, 0x5E55105E55105E55, 12, 45'000, "state"},
         "130802555e10555e10555e0cc8df027374617465"},
        {"ping", Ping{300}, "0309ac02"},
        {"pong", Pong{300}, "030aac02"},
        {"welcome",
         Welcome{1, 0, filled(0x57), filled(0xEE), 2 << 20, 256 << 10, 50, kTimeBase, "anonymous",
                 false},
         "3c11010057575757575757575757575757575757eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee808080018080"
         "103280d095ffbc3109616e6f6e796d6f757300"},
        {"authok", AuthOk{kTimeBase + 3'600'000}, "071280adf180bd31"},
        {"subok", exampleSubOk(),
         "38130201b60211111111111111111111111111111111070180d095ffbc310108070605040302012a0a0a"
         "0a0a0a0a0a0a0a0a0a0a0a0a0a0a00"},
        {"doc", Doc{4, 1, DocEvent::Enter, "notes/hello", 77},
         "11140401000b6e6f7465732f68656c6c6f4d"},
        {"chunk", Chunk{2, ChunkKind::Changes, true, 300, 301, {}, keystrokeBatch()},
         "2215020001ac02ad02000000000000000000000000000000000211c0843d80897a0178"},
        {"ack", Ack{2, kAlice, 1'000'000, kDurable}, "0e16020807060504030201c0843d01"},
        {"nack", Nack{2, 7, kAlice, 1'000'000, gap, false, 250},
         "121702070807060504030201c0843d1700fa01"},
        {"ops", Ops{2, 301, 302, {}, markBatch()},
         "1b1802ad02ae02000000000000000000000000000000000210c0843d"},
        {"perm", Perm{2, kRead}, "03190201"},
        {"labels", Labels{2, {{"owner", "kim"}, {"state", "open"}}},
         "181a0202056f776e6572036b696d057374617465046f70656e"},
        {"compact", Compact{2, 42}, "031b022a"},
        {"error", ErrorRecord{unsupported, true, 4, 0, "feeds are not supported"},
         "1e1caa1f01040017666565647320617265206e6f7420737570706f72746564"},
    };
}

std::vector<BatchVector> batchVectors() {
    Change korean = next(keystroke(), "\x01");
    appendLeaf(korean.content, "\xED\x95\x9C");
    const Change erased = next(korean, "\x02");
    Change pasted = next(erased, "\x03\x04");
    appendLeaf(pasted.content, "paste");
    const Change moved = next(pasted, "\x05\x06\x07");
    return {
        {"batch-keystroke", {kAlice}, {keystroke()}, "0211c0843d80897a0178"},
        {"batch-run",
         {kAlice},
         {keystroke(), korean, erased, pasted, moved, voidOf(next(moved, "\x01"))},
         "0211c0843d80897a017802780103ed959c03780205780203040570617374650478030506070778"},
        {"batch-two-replicas",
         {kAlice},
         {keystroke(), firstOfStream()},
         "0301b0b0b0b0b0b0b0b011c0843d80897a01786d01050100c0843d960130313233343536373839616263"
         "646566036162630568656c6c6f"},
        {"batch-extras",
         {},
         {comment()},
         "0102b0b0b0b0b0b0b0b00807060504030201e60d0207020101c0843d0130313233343536373839616263"
         "646566036162630b1468656c6c6f106c656166"},
        {"batch-marks",
         {kAlice, kBob},
         {Mark{kBob, 1, 5}, Mark{kBob, 6, 1}, Mark{kAlice, 300, 1}},
         "042005001800ac02"},
        {"batch-sealed",
         {kAlice},
         {keystroke(), sealed(next(keystroke(), "")), next(next(keystroke(), ""), "\x02")},
         "0211c0843d80897a0178863078056c61746572037802"},
        {"batch-empty", {kAlice}, {}, ""},
    };
}

std::vector<BytesVector> changeVectors() {
    Change first = firstOfStream();
    SaltTree salts(*first.salt_key);
    const Hash16 hash = changeHash(first, salts);
    Bytes derived;
    for (ReplicaId id = derivedReplica(kBob, 1, hash); id != 0; id <<= 8)
        derived += static_cast<char>(id >> 56);
    return {
        {"change-keystroke", encodeChange(keystroke()),
         "01000807060504030201c0843d0180d98f80bd310101020478"},
        {"change-first", encodeChange(first),
         "0180b0b0b0b0b0b0b0b00105010807060504030201c0843d96da8f80bd31036162633031323334353637"
         "3839616263646566061468656c6c6f"},
        {"change-extras", encodeChange(comment()),
         "01d0b0b0b0b0b0b0b0b001020702010807060504030201c0843dffcf95ffbc3103616263303132333435"
         "363738396162636465660b1468656c6c6f106c656166"},
        {"change-void", encodeChange(voidOf(first)),
         "0188b0b0b0b0b0b0b0b00105010807060504030201c0843d96da8f80bd31003031323334353637383961"
         "626364656600"},
        {"salt", Bytes(salts.salt(1, 0).view()), "1a1400516378f30a0b21749142d7f065"},
        {"content-root", Bytes(contentRoot(first, salts).view()),
         "f2315e63dfd76fdf0cf9e442602e8d72"},
        {"change-hash", Bytes(hash.view()), "7cd328967f26df24939d0ffd2850e768"},
        {"rolling-hash", Bytes(rollingHash(Hash16{}, hash).view()),
         "c366803450821e8f6a0e364012dec1a0"},
        {"derived-replica", derived, "d3d9334811f70240"},
        {"derived-salt-key",
         Bytes(derivedSaltKey(*first.salt_key, derivedReplica(kBob, 1, hash)).view()),
         "29e4ac25f76e12d6f138c88f29662435"},
    };
}

Bytes encodeBatch(const BatchVector& vector) {
    ReplicaTable table = tableOf(vector.known);
    return encodeItems(vector.items, table, table.size(), kTimeBase);
}

ReplicaTable tableOf(const std::vector<ReplicaId>& ids) {
    ReplicaTable table;
    for (const ReplicaId id : ids) table.indexOf(id);
    return table;
}

std::string toHex(ByteView bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 0xF];
    }
    return hex;
}

}  // namespace kimdb::wire
