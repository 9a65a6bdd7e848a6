// SPDX-License-Identifier: MIT
#include <kimdb/presence.h>

#include <array>

#include "client/document_impl.h"
#include "client/presence_impl.h"
#include "client/variant_value.h"
#include "core/hash.h"

namespace kimdb {
namespace {

//! Each carries white text at a contrast of 4.5:1 or better.
constexpr std::array<QRgb, 8> kPresenceColors = {0xFFD6336C, 0xFF0B7285, 0xFF5F3DC4, 0xFFA84300,
                                                 0xFF237A36, 0xFF1864AB, 0xFF862E9C, 0xFF8A6100};

QColor colorOfName(const std::string& name) {
    return QColor(kPresenceColors[crc32c(name) % kPresenceColors.size()]);
}

Participant participantOf(std::uint64_t session, const crdt::PresenceState& state) {
    return {.session = session,
            .name = stringOf(state.name),
            .color = QColor(static_cast<QRgb>(state.color | 0xFF000000)),
            .anchor = state.anchor,
            .head = state.head,
            .custom = variantOf(Value(state.custom)).toMap()};
}

}  // namespace

Presence::Presence(Document* document) : m_impl(std::make_unique<Impl>()) {
    m_impl->document = document->m_impl.get();
}

Presence::~Presence() = default;

QString Presence::name() const {
    return stringOf(m_impl->self.name);
}

void Presence::setName(const QString& name) {
    std::string utf8 = utf8Of(name);
    if (m_impl->announced && utf8 == m_impl->self.name) return;
    m_impl->self.name = std::move(utf8);
    m_impl->announceSelf();
    emit selfChanged();
}

QColor Presence::color() const {
    return m_impl->color ? *m_impl->color : colorOfName(m_impl->self.name);
}

void Presence::setColor(const QColor& color) {
    if (m_impl->color == color) return;
    m_impl->color = color;
    m_impl->announceSelf();
    emit selfChanged();
}

void Presence::setSelection(const crdt::Cursor& anchor, const crdt::Cursor& head) {
    if (m_impl->self.anchor == anchor && m_impl->self.head == head) return;
    m_impl->self.anchor = anchor;
    m_impl->self.head = head;
    m_impl->announceSelf();
}

void Presence::clearSelection() {
    if (!m_impl->self.anchor && !m_impl->self.head) return;
    m_impl->self.anchor.reset();
    m_impl->self.head.reset();
    m_impl->announceSelf();
}

void Presence::setCustom(const QVariantMap& custom) {
    const auto value = valueOf(custom);
    if (!value) return m_impl->document->reportProblem(value.error());
    m_impl->self.custom = *value->asObject();
    m_impl->announceSelf();
}

QList<Participant> Presence::others() const {
    QList<Participant> out;
    for (const auto& [session, state] : m_impl->manager.states())
        out.append(participantOf(session, state));
    return out;
}

void Presence::Impl::announceSelf() {
    announced = true;
    crdt::PresenceState state = self;
    state.color = (color ? *color : colorOfName(self.name)).rgb() & 0xFFFFFF;
    const auto encoded = state.encode();
    if (!encoded) return document->reportProblem(encoded.error());
    document->sendPresence(*encoded);
}

void Presence::Impl::receive(Presence& q, const PresenceNews& news) {
    std::optional<crdt::PresenceState> state;
    if (!news.state.empty()) {
        auto decoded = crdt::PresenceState::decode(news.state);
        if (!decoded) return;  // a newer program may say more than we understand
        state = std::move(decoded).value();
    }
    const bool known = manager.states().contains(news.session);
    if (!manager.apply(news.session, news.clock, news.ttl, state, news.received)) return;
    if (!state)
        emit q.left(news.session);
    else if (known)
        emit q.updated(news.session);
    else
        emit q.joined(news.session);
}

void Presence::Impl::expire(Presence& q, std::chrono::milliseconds now) {
    const auto before = manager.states();
    if (manager.expire(now)) emitGone(q, before);
}

void Presence::Impl::clear(Presence& q) {
    const auto before = manager.states();
    manager.clear();
    emitGone(q, before);
}

void Presence::Impl::emitGone(Presence& q, const States& before) {
    for (const auto& [session, state] : before)
        if (!manager.states().contains(session)) emit q.left(session);
}

}  // namespace kimdb
