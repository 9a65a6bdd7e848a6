// SPDX-License-Identifier: MIT
// Compiled beside the headers; the smallest program that links a KimDB library.
#include <kimdb/ids.h>

int main() {
    return kimdb::DocumentName::parse("hello").ok() ? 0 : 1;
}
