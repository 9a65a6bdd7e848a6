// SPDX-License-Identifier: MIT
#include "crdt/sample_value.h"

namespace kimdb::test {

Value sampleValue(Random& random, int depth) {
    switch (random.below(depth > 0 ? 8 : 6)) {
        case 0:
            return nullptr;
        case 1:
            return random.below(2) == 0;
        case 2:
            return static_cast<std::int64_t>(random.next());
        case 3:
            return 0.5 * static_cast<double>(random.below(1000));
        case 4:
            return std::string(random.below(40), 's');
        case 5:
            return Value::Blob{random.bytes(random.below(30))};
        case 6: {
            Value::Array array;
            for (std::uint64_t n = random.below(5); n > 0; --n)
                array.push_back(sampleValue(random, depth - 1));
            return array;
        }
        default: {
            Value::Object object;
            for (std::uint64_t n = random.below(5); n > 0; --n)
                object["k" + std::to_string(n)] = sampleValue(random, depth - 1);
            return object;
        }
    }
}

}  // namespace kimdb::test
