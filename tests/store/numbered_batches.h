// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>

#include "store/store_fixture.h"

namespace kimdb::test {

//! \brief Batches that a number alone describes, so that a store which holds exactly the first n
//! of them can be told from every other one. Each touches several shards: a log, a key that names
//! the last batch, and a record that is written again and removed in turn.
struct NumberedBatches {
    static constexpr store::SeqNo kKeys = 50;
    static constexpr store::SeqNo kDocs = 7;

    static std::string valueOf(store::SeqNo n) {
        SeededRandom random(n);
        return std::to_string(n) + " " + random.bytes(random.below(40) ? n % 300 : 20'000);
    }
    static std::string docOf(store::SeqNo n) { return "kill/" + std::to_string(n % kDocs); }
    static std::string keyOf(store::SeqNo n) { return "k" + std::to_string(n % kKeys); }
    static bool removes(store::SeqNo n) { return n % 9 == 0; }

    static store::Batch batch(store::SeqNo n) {
        store::Batch batch;
        batch.append(docOf(n), entryAt((n + kDocs - 1) / kDocs, n, valueOf(n)));
        batch.put("kill/head", "n", std::to_string(n));
        if (removes(n))
            batch.eraseRecord("kill", keyOf(n));
        else
            batch.putRecord("kill", keyOf(n), valueOf(n));
        return batch;
    }

    //! Why \a engine does not hold exactly the batches 1 to lastSeq(); empty when it does.
    static std::string difference(const store::Engine& engine) {
        const store::SeqNo last = engine.lastSeq();
        const auto head = engine.get("kill/head", "n");
        if (!head) return head.error().message;
        if (head->value_or("0") != std::to_string(last))
            return "the head is " + head->value_or("0") + ", not " + std::to_string(last);
        for (store::SeqNo n = 1; n <= std::min(kDocs, last); ++n)
            if (std::string wrong = logDifference(engine, n, last); !wrong.empty()) return wrong;
        return recordDifference(engine, last);
    }

 private:
    static std::string logDifference(const store::Engine& engine, store::SeqNo n,
                                     store::SeqNo last) {
        const auto log = engine.readLog(docOf(n), 0, SIZE_MAX);
        if (!log) return log.error().message;
        const store::SeqNo expected = (last - n) / kDocs + 1;
        if (log->size() != expected) return docOf(n) + " has " + std::to_string(log->size());
        for (store::SeqNo i = 0; i < expected; ++i) {
            const store::SeqNo at = n + kDocs * i;
            if (!((*log)[i] == entryAt(i + 1, at, valueOf(at))))
                return docOf(n) + " differs at " + std::to_string(i + 1);
        }
        return {};
    }

    static std::string recordDifference(const store::Engine& engine, store::SeqNo last) {
        std::map<std::string, std::string> expected;
        for (store::SeqNo n = last > kKeys ? last - kKeys + 1 : 1; n <= last; ++n)
            if (!removes(n)) expected[keyOf(n)] = valueOf(n);
        const auto records = engine.scanRecords("kill", "", SIZE_MAX);
        if (!records) return records.error().message;
        if (!std::equal(records->begin(), records->end(), expected.begin(), expected.end(),
                        [](const auto& a, const auto& b) {
                            return a.key == b.first && a.record.value == b.second;
                        }))
            return "the records differ";
        for (store::SeqNo n = last > kKeys ? last - kKeys + 1 : 1; n <= last; ++n) {
            const auto found = engine.record("kill", keyOf(n));
            if (!found) return found.error().message;
            if (found->has_value() == removes(n)) return "the record of " + std::to_string(n);
        }
        return {};
    }
};

}  // namespace kimdb::test
