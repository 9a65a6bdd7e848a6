// SPDX-License-Identifier: MIT
#include "store/group_commit.h"

#include <cassert>
#include <chrono>

#include "core/limits.h"

namespace kimdb::store {

GroupCommit::GroupCommit(JournalWriter& writer, SeqNo durable)
    : m_writer(writer), m_durable(durable), m_thread([this] { run(); }) {}

GroupCommit::~GroupCommit() {
    stop();
}

void GroupCommit::onDurable(LogStore::DurableHandler handler) {
    const std::lock_guard lock(m_mutex);
    m_handler = std::move(handler);
}

Result<> GroupCommit::append(Bytes record) {
    {
        const std::lock_guard lock(m_mutex);
        if (!m_health) return m_health;
        if (m_stop) return Error{ErrorCode::Closed, "the store is closed"};
        m_queue.push_back(std::move(record));
    }
    m_wake.notify_all();
    return {};
}

Result<> GroupCommit::health() const {
    const std::lock_guard lock(m_mutex);
    return m_health;
}

std::future<Result<>> GroupCommit::whenDurable(SeqNo seq) {
    std::promise<Result<>> promise;
    std::future<Result<>> future = promise.get_future();
    const std::lock_guard lock(m_mutex);
    if (durableSeq() >= seq)
        promise.set_value({});
    else if (m_ended)
        promise.set_value(m_health ? Result<>(Error{ErrorCode::Closed, "the store is closed"})
                                   : m_health);
    else
        m_waiters.emplace(seq, std::move(promise));
    return future;
}

void GroupCommit::retryNow() {
    {
        const std::lock_guard lock(m_mutex);
        m_retry = true;
    }
    m_wake.notify_all();
}

void GroupCommit::stop() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_all();
    if (m_thread.joinable()) m_thread.join();
}

void GroupCommit::run() {
    for (;;) {
        const std::vector<Bytes> group = takeGroup();
        if (group.empty()) break;
        if (auto ok = writeGroup(group, durableSeq() + 1); !ok) {
            setHealth(ok);
            failWaiters(ok.error());
            publish(durableSeq());
            return;
        }
        publish(durableSeq() + group.size());
    }
    failWaiters({ErrorCode::Closed, "the store is closed"});
}

std::vector<Bytes> GroupCommit::takeGroup() {
    std::unique_lock lock(m_mutex);
    m_wake.wait(lock, [this] { return m_stop || !m_queue.empty(); });
    std::vector<Bytes> group;
    std::size_t bytes = 0;
    while (!m_queue.empty()) {
        bytes += m_queue.front().size();
        if (!group.empty() && bytes > limits::kJournalGroupBytesMax) break;
        group.push_back(std::move(m_queue.front()));
        m_queue.pop_front();
    }
    return group;
}

Result<> GroupCommit::writeGroup(const std::vector<Bytes>& group, SeqNo first) {
    for (int failures = 0;;) {
        const Result<> done = m_writer.write(group, first, first - 1);
        if (done) {
            if (!health()) setHealth({});
            return {};
        }
        if (done.error().code == ErrorCode::StorageFull) {
            setHealth(done);
            publish(durableSeq());
            if (!waitForSpace()) return done;
        } else if (++failures == 2) {
            return Error{ErrorCode::StorageFailed,
                         "the journal failed: " + done.error().message +
                             "; check the disk and open the database again"};
        }
    }
}

// False: the store is closing and the wait is over.
bool GroupCommit::waitForSpace() {
    std::unique_lock lock(m_mutex);
    m_wake.wait_for(lock, limits::kStorageRetryInterval, [this] { return m_stop || m_retry; });
    m_retry = false;
    return !m_stop;
}

void GroupCommit::setHealth(Result<> health) {
    const std::lock_guard lock(m_mutex);
    m_health = std::move(health);
}

void GroupCommit::publish(SeqNo durable) {
    std::vector<std::promise<Result<>>> ready;
    {
        const std::lock_guard lock(m_mutex);
        m_durable.store(durable, std::memory_order_release);
        const auto end = m_waiters.upper_bound(durable);
        for (auto it = m_waiters.begin(); it != end; ++it) ready.push_back(std::move(it->second));
        m_waiters.erase(m_waiters.begin(), end);
    }
    for (auto& promise : ready) promise.set_value({});
    tell(durable);
}

void GroupCommit::tell(SeqNo durable) {
    const std::lock_guard telling(m_telling);
    LogStore::DurableHandler handler;
    {
        const std::lock_guard lock(m_mutex);
        handler = m_handler;
    }
    if (handler) handler(durable);
}

void GroupCommit::tellHealth() {
    tell(durableSeq());
}

void GroupCommit::failWaiters(const Error& error) {
    std::multimap<SeqNo, std::promise<Result<>>> waiters;
    {
        const std::lock_guard lock(m_mutex);
        m_ended = true;
        waiters.swap(m_waiters);
    }
    for (auto& [seq, promise] : waiters) promise.set_value(error);
}

}  // namespace kimdb::store
