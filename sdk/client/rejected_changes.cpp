// SPDX-License-Identifier: MIT
#include "client/rejected_changes.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include "client/variant_value.h"
#include "crdt/op_codec.h"

namespace kimdb {
namespace {

constexpr char kFormat[] = "kimdb-rejected/1";

std::string reasonOf(ErrorCode code) {
    switch (code) {
        case ErrorCode::NotAllowed:
            return "you were not allowed to edit";
        case ErrorCode::Equivocation:
            return "another copy of this folder wrote something else in its place";
        case ErrorCode::NotFound:
            return "the document was deleted";
        case ErrorCode::TooLarge:
            return "the change is too large";
        case ErrorCode::TooOld:
            return "it stands on history that is gone";
        default:
            return "the relay did not accept it";
    }
}

// What was written, in order: typed text, and values with their keys.
QString textOf(const Change& change) {
    std::string text;
    if (change.is_void) return {};
    crdt::OpReader reader(change);
    for (crdt::Op op; reader.next(op);) {
        const bool typed = op.kind == crdt::OpKind::Insert || op.kind == crdt::OpKind::Continue;
        if (typed)
            for (const crdt::TextPiece& piece : op.text) text += piece.utf8;
        if (op.kind != crdt::OpKind::Set || op.value_kind != crdt::ValueKind::Plain) continue;
        const auto value = Value::decode(op.value);
        if (!text.empty()) text += '\n';
        if (op.container_type == crdt::ContainerType::Map) text += std::string(op.key) + ": ";
        if (value) text += value->toJson();
    }
    return stringOf(text);
}

}  // namespace

RejectedChange describe(const sync::Rejected& entry) {
    return {entry.id, stringOf(entry.document), Error{entry.code, reasonOf(entry.code)},
            QDateTime::fromMSecsSinceEpoch(entry.change.time_ms, Qt::UTC), textOf(entry.change)};
}

QByteArray exported(const std::vector<sync::Rejected>& entries) {
    QJsonArray changes;
    for (const sync::Rejected& entry : entries) {
        const RejectedChange words = describe(entry);
        const Bytes bytes = encodeChange(entry.change);
        const QByteArray raw(bytes.data(), static_cast<qsizetype>(bytes.size()));
        changes.append(QJsonObject{
            {QStringLiteral("id"), QString::number(words.id)},
            {QStringLiteral("document"), words.document},
            {QStringLiteral("code"), static_cast<int>(entry.code)},
            {QStringLiteral("reason"), QString::fromStdString(words.reason.message)},
            {QStringLiteral("time"), words.time.toString(Qt::ISODateWithMs)},
            {QStringLiteral("text"), words.text},
            {QStringLiteral("change"), QString::fromLatin1(raw.toBase64())},
        });
    }
    return QJsonDocument(QJsonObject{{QStringLiteral("format"), QLatin1String(kFormat)},
                                     {QStringLiteral("changes"), changes}})
        .toJson();
}

}  // namespace kimdb
