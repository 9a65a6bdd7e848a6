// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/store_rows.h"

namespace bench {

//! \brief A store that people use instead, opened in an empty folder of its own.
//! Whatever fails ends the benchmark.
class StorePeer {
 public:
    virtual ~StorePeer() = default;
    //! Rows [from, to), in commits of \a per_commit, each on the disk (flushed) before the next
    //! begins unless \a durable is false.
    virtual void put(const Rows& rows, std::size_t from, std::size_t to, std::size_t per_commit,
                     bool durable) = 0;
    //! Until all of it is where it stays for reading.
    virtual void settle() {}
    //! How many of the rows were found, with the right value.
    virtual std::size_t get(const Rows& rows, const std::vector<std::uint32_t>& numbers) = 0;
};

//! \brief How one is opened. With a cache of \a cache_bytes where there is such a thing.
struct StorePeerKind {
    std::string name;
    std::size_t per_commit;  //!< what it is measured with
    std::unique_ptr<StorePeer> (*open)(const std::string& folder, std::size_t cache_bytes);
};

//! \brief Those whose libraries were there when this was built.
const std::vector<StorePeerKind>& storePeers();

[[noreturn]] void failPeer(const std::string& what);

}  // namespace bench
