// SPDX-License-Identifier: MIT
// The handles on containers: each call is checked here, then written by Document::Impl.
#include <QPointer>

#include "client/document_impl.h"
#include "client/variant_value.h"
#include "core/limits.h"

namespace kimdb {
namespace {

Error closed() {
    return Error{ErrorCode::Closed, "the document is closed"};
}

Result<std::string> checkedKey(const QString& key) {
    std::string utf8 = utf8Of(key);
    if (utf8.size() > limits::kMapKeyBytesMax)
        return Error{ErrorCode::InvalidArgument, "a key may have 1024 bytes at most"};
    return utf8;
}

//! One `set` or nested map of an update, checked before anything is written.
struct Assignment {
    crdt::ContainerId map;
    std::string key;
    std::optional<Value> value;  //!< nullopt: the key shows a map
};

Result<std::size_t> flatten(const crdt::ContainerId& map, const QVariantMap& values, int depth,
                            std::vector<Assignment>& out) {
    if (depth > limits::kValueDepthMax)
        return Error{ErrorCode::TooLarge, "the update is nested too deeply"};
    std::size_t bytes = 0;
    for (auto it = values.begin(); it != values.end(); ++it) {
        auto key = checkedKey(it.key());
        if (!key) return key.error();
        bytes += key->size() + 64;
        const int type = it.value().typeId();
        if (type == QMetaType::QVariantMap || type == QMetaType::QVariantHash) {
            const auto child = crdt::ContainerId::child(map, *key, crdt::ContainerType::Map);
            out.push_back({map, *key, std::nullopt});
            auto nested = flatten(child, it.value().toMap(), depth + 1, out);
            if (!nested) return nested.error();
            bytes += *nested;
            continue;
        }
        auto value = valueOf(it.value());
        if (!value) return value.error();
        bytes += value->encode().size();
        out.push_back({map, *key, std::move(value).value()});
    }
    return bytes;
}

crdt::ContainerId childOf(const crdt::ContainerId& map, const QString& key,
                          crdt::ContainerType type) {
    return crdt::ContainerId::child(map, utf8Of(key), type);
}

bool splitsPair(const std::u16string& text, std::size_t at) {
    return at > 0 && at < text.size() && QChar::isLowSurrogate(text[at]) &&
           QChar::isHighSurrogate(text[at - 1]);
}

}  // namespace

// ---- Map ----

QVariant Map::value(const QString& key) const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return {};
    return m_document->m_impl->variantAt(m_id, utf8Of(key));
}

bool Map::contains(const QString& key) const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return false;
    const crdt::Document& replica = m_document->m_impl->replica;
    const std::string utf8 = utf8Of(key);
    return replica.value(m_id, utf8) || replica.container(m_id, utf8);
}

QStringList Map::keys() const {
    QStringList out;
    if (!m_document || !m_document->m_impl->isShown(m_id)) return out;
    for (const std::string& key : m_document->m_impl->replica.keys(m_id)) out.append(stringOf(key));
    return out;
}

Result<> Map::set(const QString& key, const QVariant& value) {
    if (!m_document) return closed();
    const auto utf8 = checkedKey(key);
    if (!utf8) return utf8.error();
    const auto plain = valueOf(value);
    if (!plain) return plain.error();
    Document::Impl& impl = *m_document->m_impl;
    return impl.edit({m_id, utf8->size() + plain->encode().size()},
                     [&] { impl.replica.set(m_id, *utf8, *plain); });
}

Result<> Map::remove(const QString& key) {
    if (!m_document) return closed();
    const auto utf8 = checkedKey(key);
    if (!utf8) return utf8.error();
    if (!contains(key)) return {};
    Document::Impl& impl = *m_document->m_impl;
    return impl.edit({m_id, utf8->size()}, [&] { impl.replica.remove(m_id, *utf8); });
}

Result<> Map::update(const QVariantMap& values) {
    if (!m_document) return closed();
    std::vector<Assignment> assignments;
    const auto bytes = flatten(m_id, values, 1, assignments);
    if (!bytes) return bytes.error();
    Document::Impl& impl = *m_document->m_impl;
    return impl.edit({m_id, *bytes}, [&] {
        for (const Assignment& a : assignments) {
            if (a.value)
                impl.replica.set(a.map, a.key, *a.value);
            else
                impl.replica.createContainer(a.map, a.key, crdt::ContainerType::Map);
        }
    });
}

Map Map::map(const QString& key) {
    return Map(m_document, childOf(m_id, key, crdt::ContainerType::Map));
}

Text Map::text(const QString& key) {
    return Text(m_document, childOf(m_id, key, crdt::ContainerType::Text));
}

Counter Map::counter(const QString& key) {
    return Counter(m_document, childOf(m_id, key, crdt::ContainerType::Counter));
}

// ---- Text ----

QString Text::toString() const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return {};
    return QString::fromStdU16String(m_document->m_impl->replica.text(m_id));
}

int Text::length() const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return 0;
    return static_cast<int>(m_document->m_impl->replica.textLength(m_id));
}

Result<> Text::insert(int position, const QString& text) {
    return replace(position, 0, text);
}

Result<> Text::remove(int position, int count) {
    return replace(position, count, {});
}

Result<> Text::replace(int position, int count, const QString& text) {
    if (!m_document) return closed();
    const int end = length();
    if (position < 0 || count < 0 || position > end || count > end - position)
        return Error{ErrorCode::InvalidArgument, "the range is outside the text"};
    if (count == 0 && text.isEmpty()) return {};
    Document::Impl& impl = *m_document->m_impl;
    const auto at = static_cast<std::size_t>(position);
    const std::u16string_view inserted(reinterpret_cast<const char16_t*>(text.utf16()),
                                       static_cast<std::size_t>(text.size()));
    return impl.edit({m_id, utf8Of(text).size()}, [&] {
        if (count == 0) return impl.replica.insertText(m_id, at, inserted);
        // A range that cuts a pair is rounded outward; what replaces it starts where the range then
        // does.
        const bool cuts_pair = !inserted.empty() && splitsPair(impl.replica.text(m_id), at);
        impl.replica.removeText(m_id, at, static_cast<std::size_t>(count));
        if (!inserted.empty()) impl.replica.insertText(m_id, cuts_pair ? at - 1 : at, inserted);
    });
}

crdt::Cursor Text::cursorAt(int position, crdt::Cursor::Side side) const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return {};
    const int clamped = qBound(0, position, length());
    return m_document->m_impl->replica.cursorAt(m_id, static_cast<std::size_t>(clamped), side);
}

std::optional<int> Text::resolve(const crdt::Cursor& cursor) const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return std::nullopt;
    const auto position = m_document->m_impl->replica.resolve(m_id, cursor);
    return position ? std::optional<int>(static_cast<int>(*position)) : std::nullopt;
}

// ---- Counter ----

qint64 Counter::value() const {
    if (!m_document || !m_document->m_impl->isShown(m_id)) return 0;
    return m_document->m_impl->replica.counter(m_id);
}

Result<> Counter::increment(qint64 delta) {
    if (!m_document) return closed();
    if (delta == 0) return {};
    Document::Impl& impl = *m_document->m_impl;
    return impl.edit({m_id, 0}, [&] { impl.replica.increment(m_id, delta); });
}

}  // namespace kimdb
