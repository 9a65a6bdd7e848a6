// SPDX-License-Identifier: MIT
#pragma once

#include <QString>
#include <cstdint>
#include <vector>

namespace kimdb::test {

//! \brief One edit of a trace: delete, then insert, in UTF-16 units.
struct TraceEdit {
    int position = 0;
    int removed = 0;
    QString inserted;
};

//! \brief One transaction of one of two authors. It starts from all of the author's own earlier
//! ones and the first `needs` of the other's: that is what its recorded parents come to.
struct TraceTransaction {
    std::size_t needs = 0;
    TraceEdit edit;
};

//! \brief Two people writing one text, each partly without knowing of the other.
struct Trace {
    QString name;
    std::vector<TraceTransaction> authors[2];
    QString end;  //!< what both see when they know everything; author 0 has the lower replica id
};

//! \brief The recording "friendsforever" of KIMDB_DATA_DIR, or a generated trace of its shape when
//! it is not there.
Trace friendsTrace();

//! \brief A trace of about \a transactions transactions from \a seed. Its end is what two
//! crdt::Document replicas that were never on a network come to.
Trace generatedTrace(std::uint32_t seed, std::size_t transactions);

}  // namespace kimdb::test
