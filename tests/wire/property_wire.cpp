// SPDX-License-Identifier: MIT
// Whatever the protocol allows travels unchanged and has one encoding.
#include <QtTest>

#include <algorithm>

#include "core/limits.h"
#include "wire/codec.h"
#include "wire/random_wire.h"
#include "wire/reencode.h"

using namespace kimdb;
using namespace kimdb::wire;

class PropertyWire : public QObject {
    Q_OBJECT
 private slots:
    void messagesRoundTrip() {
        SeededRandom random(chosenSeed());
        for (int run = 0; run < 5000; ++run) {
            std::vector<Record> records;
            Bytes message;
            for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
                records.push_back(randomRecord(random));
                appendRecord(message, records.back());
            }
            const auto back = decodeMessage(message);
            QVERIFY2(back.ok(), back.ok() ? "" : back.error().message.c_str());
            QVERIFY(*back == records);
        }
    }

    // Both sides keep their tables from batch to batch, as a session does; now and then the sender
    // states again what the receiver has.
    void batchesRoundTripThroughAGrowingTable() {
        SeededRandom random(chosenSeed());
        for (int session = 0; session < 100; ++session) {
            std::vector<ReplicaId> replicas(1 + random.below(5));
            for (ReplicaId& id : replicas) id = random.replicaId();
            std::sort(replicas.begin(), replicas.end());
            const auto time_base = static_cast<std::int64_t>(randomNumber(random, 1ULL << 50));
            ReplicaTable sent;
            ReplicaTable received;
            for (int batch = 0; batch < 20; ++batch) {
                const std::size_t known =
                    random.below(4) ? received.size() : random.below(received.size() + 1);
                std::vector<BatchItem> items;
                for (std::uint64_t n = random.below(6); n > 0; --n)
                    items.push_back(randomItem(random, replicas, items));
                const Bytes bytes = encodeItems(items, sent, known, time_base);
                const auto back = decodeBatch(bytes, received, time_base);
                QVERIFY2(back.ok(), back.ok() ? "" : back.error().message.c_str());
                QVERIFY(*back == items);
                QCOMPARE(received.size(), sent.size());
            }
        }
    }

    void randomBytesAreRefusedOrHaveThisOneEncoding() {
        SeededRandom random(chosenSeed());
        for (int run = 0; run < 20'000; ++run) {
            const Bytes noise = random.bytes(random.below(64));
            ReplicaTable table;
            for (ReplicaId id = 1; id < 4; ++id) table.indexOf(id);
            const auto items = decodeBatch(noise, table, 1000);
            if (items.ok()) QVERIFY(reencoded(noise, *items, table, 1000) == noise);
            const auto records = decodeMessage(noise);
            if (!records.ok())
                QVERIFY(records.error().code == ErrorCode::Malformed ||
                        records.error().code == ErrorCode::TooLarge);
        }
    }
};

QTEST_GUILESS_MAIN(PropertyWire)
#include "property_wire.moc"
