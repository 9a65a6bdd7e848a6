// SPDX-License-Identifier: MIT
// Hostile input cannot make a decoder allocate more than its bound. The test replaces operator new
// and counts what is alive at once.
#include <QtTest>

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "core/bytes.h"
#include "core/limits.h"
#include "wire/codec.h"
#include "wire/random_wire.h"
#include "wire/reencode.h"

namespace {

bool counting = false;
std::size_t alive_bytes = 0;
std::size_t peak_bytes = 0;

void* counted(std::size_t size) {
    void* memory = std::malloc(size ? size : 1);
    if (!memory) throw std::bad_alloc();
    if (counting) peak_bytes = std::max(peak_bytes, alive_bytes += malloc_usable_size(memory));
    return memory;
}

void released(void* memory) {
    if (counting && memory) alive_bytes -= std::min(alive_bytes, malloc_usable_size(memory));
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* memory) noexcept {
    released(memory);
}
void operator delete[](void* memory) noexcept {
    released(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    released(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    released(memory);
}

using namespace kimdb;
using namespace kimdb::wire;

namespace {

constexpr std::size_t kFree = 64 << 10;

template <class Work>
std::size_t peakOf(Work work) {
    alive_bytes = peak_bytes = 0;
    counting = true;
    work();
    counting = false;
    return peak_bytes;
}

std::size_t peakOfBatch(ByteView batch) {
    return peakOf([batch] {
        ReplicaTable table;
        (void)decodeBatch(batch, table, 0);
    });
}

Bytes head(std::uint64_t ids) {
    Bytes batch(1, '\x01');
    ByteWriter(batch).varint(ids);
    return batch;
}

}  // namespace

class TestWireAllocation : public QObject {
    Q_OBJECT
 private slots:
    void theCounterCounts() {
        QVERIFY(peakOf([] { Bytes(100'000, 'x'); }) >= 100'000);
        QVERIFY(peakOf([] {}) == 0);
    }

    void hostileCountsInABatchAllocateNothing() {
        for (const std::uint64_t count : {1'000ULL, 65'536ULL, 1ULL << 40, ~0ULL}) {
            const Bytes ids = head(count);
            QVERIFY(peakOfBatch(ids) <= 16 * ids.size() + 4096);
            Bytes deps = head(1) + Bytes("\x01\0\0\0\0\0\0\0\x51\x02", 10);
            ByteWriter(deps).varint(count);
            QVERIFY(peakOfBatch(deps) <= 16 * deps.size() + 4096);
            Bytes content = head(1) + Bytes("\x01\0\0\0\0\0\0\0\x16\x02\0\1\1", 13);
            ByteWriter(content).varint(count);
            QVERIFY(peakOfBatch(content) <= 16 * content.size() + 4096);
        }
    }

    void aTableOfManyIdsKeepsTheBound() {
        Bytes batch = head(limits::kReplicasPerBatchMax);
        for (std::uint64_t id = 1; id <= limits::kReplicasPerBatchMax; ++id)
            ByteWriter(batch).u64(id);
        QVERIFY(peakOfBatch(batch) <= 16 * batch.size() + kFree);
    }

    // The structs of the items that are there come on top, twice while a vector grows.
    void realItemsCostTheirStructs() {
        SeededRandom random(chosenSeed());
        for (int run = 0; run < 200; ++run) {
            std::vector<BatchItem> items;
            for (std::uint64_t n = randomNumber(random, 400); n > 0; --n)
                items.push_back(randomItem(random, {1, 2, 3}, items));
            ReplicaTable table;
            const Bytes batch = encodeItems(items, table, 0, 0);
            QVERIFY(peakOfBatch(batch) <=
                    16 * batch.size() + kFree + 3 * sizeof(BatchItem) * items.size());
        }
        Bytes marks = head(1) + Bytes("\x01\0\0\0\0\0\0\0", 8);
        marks.append(limits::kMessageBytesMax - marks.size(), '\0');
        QVERIFY(peakOfBatch(marks) <=
                16 * marks.size() + kFree + 3 * sizeof(BatchItem) * limits::kBatchItemsMax);
    }

    void randomBatchesKeepTheBound() {
        SeededRandom random(chosenSeed());
        for (int run = 0; run < 20'000; ++run) {
            const Bytes noise =
                head(1) + Bytes("\x01\0\0\0\0\0\0\0", 8) + random.bytes(random.below(64));
            QVERIFY(peakOfBatch(noise) <= 16 * noise.size() + kFree);
        }
    }

    void hostileMessagesKeepTheBound() {
        Bytes many;
        for (std::size_t i = 0; i < limits::kMessageRecordsMax; ++i) appendRecord(many, Unsub{2});
        QVERIFY(peakOf([&] { (void)decodeMessage(many); }) <=
                2 * many.size() + kFree + sizeof(Record) * limits::kMessageRecordsMax);
        many.append(limits::kMessageBytesMax - many.size(), '\x01');
        QVERIFY(peakOf([&] { (void)decodeMessage(many); }) <= 4096);  // refused while counting
        SeededRandom random(chosenSeed());
        for (int run = 0; run < 20'000; ++run) {
            Bytes damaged = encodeMessage(randomRecord(random));
            damaged[random.below(damaged.size())] = static_cast<char>(random.next());
            QVERIFY(peakOf([&] { (void)decodeMessage(damaged); }) <= 16 * damaged.size() + kFree);
        }
    }
};

QTEST_GUILESS_MAIN(TestWireAllocation)
#include "tst_wire_allocation.moc"
