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

void* operator new(std::size_t size) {
    void* p = std::malloc(size);
    if (!p) throw std::bad_alloc();
    now_bytes += malloc_usable_size(p);
    peak_bytes = std::max(peak_bytes, now_bytes);
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
