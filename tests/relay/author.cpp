// SPDX-License-Identifier: MIT
#include "relay/author.h"

namespace kimdb::test {

Change Author::writesAt(std::uint64_t first, const std::string& text) const {
    Change change;
    change.replica = replica;
    change.first = first;
    change.count = 1;
    change.time_ms = 1'700'000'000'000;
    change.structure = Bytes(1, 1);
    if (first == 1) change.salt_key = m_key;
    appendLeaf(change.content, text);
    return change;
}

Change Author::writes(const std::string& text, std::vector<OpId> deps) {
    Change change = writesAt(head + 1, text);
    change.deps = std::move(deps);
    takes(change);
    return change;
}

wire::Sealed Author::seals() const {
    wire::Sealed sealed{writesAt(head + 1, ""), wire::Sealed::kEncrypted, "\xC0\xDE"};
    sealed.head.structure.clear();
    sealed.head.content.clear();
    return sealed;
}

void Author::takes(const Change& change) {
    hash_before = hash;
    hash = rollingHash(hash, hashOf(change));
    head = change.last();
}

Hash16 Author::hashOf(const Change& change) const {
    return changeHash(change, m_salts);
}

std::string textOf(const Change& change) {
    if (change.content.empty()) return {};
    return std::string(LeafReader(change.content).next().bytes);
}

}  // namespace kimdb::test
