// SPDX-License-Identifier: MIT
#include "sync/shared.h"

#include "core/limits.h"
#include "wire/codec.h"

namespace kimdb::sync {

void Outbox::send(const wire::Record& record) {
    Bytes bytes = wire::encodeMessage(record);
    // One message carries many records; the first of a session stays alone and small.
    if (m_messages.empty() || m_messages.back().size() + bytes.size() > limits::kPushBytesMax)
        m_messages.push_back(std::move(bytes));
    else
        m_messages.back() += bytes;
}

void Outbox::problem(Error error) {
    notify([error = std::move(error)](SyncDelegate& delegate) { delegate.problem(error); });
}

void Outbox::flush(SyncDelegate& delegate) {
    if (m_flushing) return;
    m_flushing = true;
    while (!m_messages.empty() || !m_notices.empty() || !m_changed.empty()) {
        if (!m_messages.empty()) {
            const Bytes message = std::move(m_messages.front());
            m_messages.pop_front();
            delegate.sendMessage(message);
        } else if (!m_notices.empty()) {
            const auto notice = std::move(m_notices.front());
            m_notices.pop_front();
            notice(delegate);
        } else {
            const auto document = m_changed.extract(m_changed.begin()).value();
            delegate.statusChanged(document);
        }
    }
    m_flushing = false;
}

Result<> Shared::mint() {
    Identity next = identity;
    next.mint(random);
    store::Batch batch;
    next.save(batch);
    const auto seq = store.commit(std::move(batch));
    if (!seq) return seq.error();
    identity = std::move(next);
    minted = true;
    return {};
}

void Shared::endSession(std::uint16_t code, const std::string& text) {
    outbox.notify(
        [code, text](SyncDelegate& delegate) { delegate.closeConnection(code, text, true); });
    online = false;
}

}  // namespace kimdb::sync
