// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include <kimdb/ids.h>

namespace kimdb {

//! \brief Appends to a caller's buffer: LEB128 integers, little-endian words, bytes with length.
class ByteWriter {
 public:
    explicit ByteWriter(Bytes& out) : m_out(out) {}

    void u8(std::uint8_t v) { m_out.push_back(static_cast<char>(v)); }
    void u64(std::uint64_t v) { fixed(v, 8); }
    void u32(std::uint32_t v) { fixed(v, 4); }
    void varint(std::uint64_t v) {
        while (v >= 0x80) {
            u8(static_cast<std::uint8_t>(v | 0x80));
            v >>= 7;
        }
        u8(static_cast<std::uint8_t>(v));
    }
    void zigzag(std::int64_t v) {
        varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
    }
    void raw(ByteView v) { m_out.append(v); }
    void bytes(ByteView v) {
        varint(v.size());
        raw(v);
    }
    std::size_t size() const { return m_out.size(); }

 private:
    void fixed(std::uint64_t v, int n) {
        for (int i = 0; i < n; ++i) u8(static_cast<std::uint8_t>(v >> (8 * i)));
    }
    Bytes& m_out;
};

//! \brief Reads what ByteWriter wrote. Strict: a varint must be the shortest form and fit 64 bits;
//! after the first violation every read returns zero or empty and ok() stays false. Allocates
//! nothing.
class ByteReader {
 public:
    explicit ByteReader(ByteView in) : m_in(in) {}

    bool ok() const { return m_ok; }
    bool atEnd() const { return m_pos == m_in.size(); }
    //! All input was read and none of it was wrong.
    bool done() const { return m_ok && atEnd(); }
    std::size_t position() const { return m_pos; }
    std::size_t remaining() const { return m_ok ? m_in.size() - m_pos : 0; }
    void fail() { m_ok = false; }

    std::uint8_t u8() {
        if (remaining() < 1) return m_ok = false, std::uint8_t{0};
        return static_cast<std::uint8_t>(m_in[m_pos++]);
    }
    std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
    std::uint64_t u64() { return fixed(8); }
    std::uint64_t varint() {
        std::uint64_t v = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const std::uint8_t b = u8();
            if (!m_ok) return 0;
            if (shift == 63 && b > 1) break;
            v |= static_cast<std::uint64_t>(b & 0x7F) << shift;
            if (b < 0x80) {
                if (b == 0 && shift > 0) break;  // not the shortest form
                return v;
            }
        }
        m_ok = false;
        return 0;
    }
    //! A varint that must not exceed \a max.
    std::uint64_t varint(std::uint64_t max) {
        const std::uint64_t v = varint();
        if (v > max) return m_ok = false, std::uint64_t{0};
        return v;
    }
    //! A count of things that take at least \a each bytes: refused when they cannot be in the rest.
    std::size_t count(std::uint64_t max, std::size_t each) {
        const std::uint64_t v = varint(max);
        if (each > 0 && v > remaining() / each) return m_ok = false, std::size_t{0};
        return static_cast<std::size_t>(v);
    }
    std::int64_t zigzag() {
        const std::uint64_t v = varint();
        return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
    }
    ByteView raw(std::size_t n) {
        if (n > remaining()) return m_ok = false, ByteView();
        m_pos += n;
        return m_in.substr(m_pos - n, n);
    }
    //! Length-prefixed bytes of at most \a max. A view into the input.
    ByteView bytes(std::size_t max) {
        const std::uint64_t n = varint(max);
        return m_ok ? raw(static_cast<std::size_t>(n)) : ByteView();
    }

 private:
    std::uint64_t fixed(int n) {
        if (remaining() < static_cast<std::size_t>(n)) return m_ok = false, std::uint64_t{0};
        std::uint64_t v = 0;
        for (int i = 0; i < n; ++i)
            v |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(m_in[m_pos++])) << (8 * i);
        return v;
    }
    ByteView m_in;
    std::size_t m_pos = 0;
    bool m_ok = true;
};

}  // namespace kimdb
