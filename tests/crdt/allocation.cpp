// SPDX-License-Identifier: MIT
#include "crdt/allocation.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

std::size_t now_bytes = 0;
std::size_t base_bytes = 0;
std::size_t peak_bytes = 0;

}  // namespace

// std::stable_sort takes its buffer from this one.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    void* p = std::malloc(size);
    if (!p) return nullptr;
    now_bytes += malloc_usable_size(p);
    peak_bytes = std::max(peak_bytes, now_bytes);
    return p;
}

void* operator new(std::size_t size) {
    void* p = operator new(size, std::nothrow);
    if (!p) throw std::bad_alloc();
    return p;
}

void operator delete(void* p) noexcept {
    if (p) now_bytes -= malloc_usable_size(p);
    std::free(p);
}

void operator delete(void* p, std::size_t) noexcept {
    operator delete(p);
}

namespace kimdb::test::allocation {

Peak::Peak() {
    base_bytes = peak_bytes = now_bytes;
}
std::size_t Peak::bytes() const {
    return peak_bytes - std::min(peak_bytes, base_bytes);
}

}  // namespace kimdb::test::allocation
