// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

//! Every bound of the system in one place: unit in the name, reason beside it.
namespace kimdb::limits {

using namespace std::chrono_literals;

// Names
inline constexpr std::size_t kNamePartBytesMax = 128;  // a collection or id; fits any file system

// Changes
inline constexpr std::uint64_t kCounterMax = (1ULL << 53) - 1;  // exact in a double (JavaScript)
inline constexpr std::size_t kChangeBytesMax = 1 << 20;         // one change; a paste of ~1 M chars
inline constexpr std::size_t kDepsMax = 4096;                   // heads of one change
inline constexpr std::size_t kLeafScalarsMax = 64;              // what an expunge of one name costs
inline constexpr int kValueDepthMax = 64;                       // nesting of one Value
inline constexpr std::size_t kMapKeyBytesMax = 1024;

// Document files
inline constexpr std::size_t kReplicasPerDocumentMax = 1 << 20;
inline constexpr std::size_t kFileChunkBytesMax = 256 << 20;  // one chunk, inflated

// Frames (KRP/1)
inline constexpr std::size_t kMessageBytesMax = 2 << 20;       // one WebSocket message
inline constexpr std::size_t kMessageRecordsMax = 16'384;      // one per subscription fits
inline constexpr std::size_t kFirstMessageBytesMax = 8 << 10;  // HELLO + AUTH
inline constexpr std::size_t kChunkBytesMax = 256 << 10;       // one CHUNK
inline constexpr int kChunksOutstandingMax = 4;                // CHUNKs without CREDIT
inline constexpr std::size_t kPushBytesMax = 256 << 10;        // one PUSH
inline constexpr int kPushesOutstandingMax = 8;                // PUSHes without ACK
inline constexpr std::size_t kPresenceBytesMax = 1024;
inline constexpr std::size_t kReplicasPerBatchMax = 65'536;
inline constexpr std::size_t kBatchItemsMax = kChunkBytesMax / 8;  // ~6 MiB as structs
inline constexpr std::size_t kOwnIdsMax = 1024;                    // replica ids one SUB may name
inline constexpr std::size_t kTokenBytesMax = 4096;
inline constexpr std::size_t kSubscriptionsMax = 10'000;  // documents on one socket
inline constexpr std::size_t kErrorTextBytesMax = 512;
inline constexpr std::size_t kAgentBytesMax = 64;
inline constexpr std::size_t kUserBytesMax = 256;
inline constexpr std::size_t kLabelsMax = 32;  // of one document or filter
inline constexpr std::size_t kLabelBytesMax = 128;

// Peers
inline constexpr std::size_t kPeerQueueBytesSlow =
    256 << 10;  // from here a peer is served from the log
inline constexpr std::size_t kPeerQueueBytesMax = 1 << 20;  // close 4008
inline constexpr auto kPeerStallMax = 10s;                  // close 4008
inline constexpr auto kHelloWaitMax = 5s;
inline constexpr auto kPingInterval = 15s;
inline constexpr auto kPeerSilenceMax = 45s;

// Reconnect: full jitter
inline constexpr auto kReconnectDelayMin = 250ms;
inline constexpr auto kReconnectDelayMax = 30s;
inline constexpr auto kSessionProvenAfter = 5s;  // then the next wait begins small again

// Presence
inline constexpr auto kPresenceInterval = 50ms;  // <= 20 Hz per sender and room
inline constexpr auto kPresenceTtl = 45s;

// SEEN
inline constexpr auto kSeenInterval = 10s;

// Store
inline constexpr int kShardCountMax = 8;
inline constexpr std::size_t kJournalRecordBytesMax = 64 << 20;  // one atomic batch
inline constexpr std::size_t kJournalGroupBytesMax = 4 << 20;  // one fdatasync; bounds its latency
inline constexpr std::size_t kSegmentBytesMin = 64 << 10;      // a journal file: a quarter of the
inline constexpr std::size_t kSegmentBytesMax = 16 << 20;      //   write buffer within these
inline constexpr std::size_t kStoreBufferBytesMin = 64 << 10;  // write buffer of one store
inline constexpr std::size_t kLogBlockEntriesMax = 256;        // cold entries packed together;
inline constexpr std::size_t kLogBlockBytesMax = 256 << 10;    //   one read unpacks one block
inline constexpr std::size_t kLogBlockRawBytesMax = kJournalRecordBytesMax + kLogBlockBytesMax;
inline constexpr std::size_t kLogHotEntries = 256;    // newest entries stay unpacked
inline constexpr int kStoreBacklogBuffers = 4;        // write buffers held in memory at most
inline constexpr auto kStorageRetryInterval = 250ms;  // full disk or busy shard: try again

}  // namespace kimdb::limits
