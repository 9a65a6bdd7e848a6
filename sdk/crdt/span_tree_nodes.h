// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "crdt/span_tree.h"

//! The nodes of a SpanTree, for the files that it is written in.
namespace kimdb::crdt {

inline constexpr int kSpansMax = 32;
inline constexpr int kChildrenMax = 32;
inline constexpr Slot kPageSlots = 64;
inline constexpr std::uint32_t kMixedPage = UINT32_MAX;
inline constexpr std::uint32_t kNewPage = UINT32_MAX - 1;  // belongs to whoever comes first

// Bytes of the first `scalars` scalars.
inline std::uint32_t bytesOf(std::string_view utf8, std::uint32_t scalars) {
    std::size_t i = 0;
    while (scalars > 0 && i < utf8.size()) {
        const auto lead = static_cast<std::uint8_t>(utf8[i]);
        i += lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        --scalars;
    }
    return static_cast<std::uint32_t>(i);
}

struct SpanTree::Node {
    Inner* parent = nullptr;
    std::uint16_t pos = 0;  // among the parent's children
    std::uint16_t n = 0;
    bool is_leaf = true;
};

struct SpanTree::Leaf : Node {
    std::uint32_t id = 0;  // in m_leaves
    std::uint32_t units = 0;
    Leaf* previous = nullptr;
    Leaf* next = nullptr;
    std::array<Span, kSpansMax> spans;
};

struct SpanTree::Inner : Node {
    Inner() { is_leaf = false; }
    std::array<Node*, kChildrenMax> children;
    std::array<std::uint32_t, kChildrenMax> units;

    void put(int at, Node* child, std::uint32_t child_units) {
        children[at] = child;
        units[at] = child_units;
        child->parent = this;
        child->pos = static_cast<std::uint16_t>(at);
    }
    std::uint32_t sum() const {
        std::uint32_t total = 0;
        for (int i = 0; i < n; ++i) total += units[i];
        return total;
    }
};

struct SpanTree::Page {
    std::uint32_t leaf = 0;  // of all its slots, or kMixedPage
    std::unique_ptr<std::array<std::uint32_t, kPageSlots>> leaves;
};

}  // namespace kimdb::crdt
