// SPDX-License-Identifier: MIT
#include "client/variant_value.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QJsonValue>
#include <cmath>
#include <limits>

#include "core/limits.h"
#include "core/utf8.h"

namespace kimdb {
namespace {

Error refused(const QVariant& variant, const char* why) {
    const char* name = variant.typeName() ? variant.typeName() : "this type";
    return Error{ErrorCode::InvalidArgument, std::string("a value of type ") + name + " " + why};
}

bool isJson(int type) {
    return type == QMetaType::QJsonValue || type == QMetaType::QJsonObject ||
           type == QMetaType::QJsonArray;
}

QVariant fromJson(const QVariant& json) {
    switch (json.typeId()) {
        case QMetaType::QJsonObject:
            return json.toJsonObject().toVariantMap();
        case QMetaType::QJsonArray:
            return json.toJsonArray().toVariantList();
        default:
            return json.toJsonValue().toVariant();
    }
}

Result<Value> convert(const QVariant& variant, int depth);

Result<Value> convertList(const QVariantList& list, int depth) {
    Value::Array out;
    out.reserve(static_cast<std::size_t>(list.size()));
    for (const QVariant& item : list) {
        Result<Value> value = convert(item, depth + 1);
        if (!value) return value.error();
        out.push_back(std::move(value).value());
    }
    return Value(std::move(out));
}

Result<Value> convertMap(const QVariantMap& map, int depth) {
    Value::Object out;
    for (auto it = map.begin(); it != map.end(); ++it) {
        Result<Value> value = convert(it.value(), depth + 1);
        if (!value) return value.error();
        out.insert_or_assign(utf8Of(it.key()), std::move(value).value());
    }
    return Value(std::move(out));
}

Result<Value> convertNumber(const QVariant& variant) {
    switch (variant.typeId()) {
        case QMetaType::ULong:
        case QMetaType::ULongLong: {
            const quint64 number = variant.toULongLong();
            if (number > static_cast<quint64>(std::numeric_limits<qint64>::max()))
                return refused(variant, "is above 2^63 - 1; store it as text or bytes");
            return Value(static_cast<std::int64_t>(number));
        }
        case QMetaType::Double:
        case QMetaType::Float: {
            const double number = variant.toDouble();
            if (!std::isfinite(number)) return refused(variant, "is not a finite number");
            return Value(number);
        }
        default:
            return Value(static_cast<std::int64_t>(variant.toLongLong()));
    }
}

Result<Value> convert(const QVariant& variant, int depth) {
    if (depth > limits::kValueDepthMax)
        return Error{ErrorCode::TooLarge, "the value is nested too deeply; flatten it"};
    const int type = variant.typeId();
    if (isJson(type)) return convert(fromJson(variant), depth);
    switch (type) {
        case QMetaType::UnknownType:
        case QMetaType::Nullptr:
            return Value();
        case QMetaType::Bool:
            return Value(variant.toBool());
        case QMetaType::Char:
        case QMetaType::SChar:
        case QMetaType::UChar:
        case QMetaType::Short:
        case QMetaType::UShort:
        case QMetaType::Int:
        case QMetaType::UInt:
        case QMetaType::Long:
        case QMetaType::LongLong:
        case QMetaType::ULong:
        case QMetaType::ULongLong:
        case QMetaType::Float:
        case QMetaType::Double:
            return convertNumber(variant);
        case QMetaType::QByteArray:
            return Value(Value::Blob{variant.toByteArray().toStdString()});
        case QMetaType::QStringList:
        case QMetaType::QVariantList:
            return convertList(variant.toList(), depth);
        case QMetaType::QVariantMap:
        case QMetaType::QVariantHash:
            return convertMap(variant.toMap(), depth);
        case QMetaType::QString:
        case QMetaType::QChar:
        case QMetaType::QUrl:
        case QMetaType::QDate:
        case QMetaType::QTime:
        case QMetaType::QDateTime:
        case QMetaType::QUuid:
        case QMetaType::QColor:
            return Value(utf8Of(variant.toString()));
        default:
            return refused(variant, "cannot be stored; convert it to text, numbers or bytes");
    }
}

}  // namespace

std::string utf8Of(const QString& text) {
    return toUtf8(std::u16string_view(reinterpret_cast<const char16_t*>(text.utf16()),
                                      static_cast<std::size_t>(text.size())));
}

QString stringOf(std::string_view utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

Result<Value> valueOf(const QVariant& variant) {
    return convert(variant, 1);
}

QVariant variantOf(const Value& value) {
    if (const bool* b = value.asBool()) return *b;
    if (const std::int64_t* i = value.asInt()) return static_cast<qint64>(*i);
    if (const double* d = value.asDouble()) return *d;
    if (const std::string* s = value.asString()) return stringOf(*s);
    if (const Value::Blob* blob = value.asBlob()) return QByteArray::fromStdString(blob->bytes);
    if (const Value::Array* array = value.asArray()) {
        QVariantList out;
        for (const Value& item : *array) out.append(variantOf(item));
        return out;
    }
    if (const Value::Object* object = value.asObject()) {
        QVariantMap out;
        for (const auto& [key, item] : *object) out.insert(stringOf(key), variantOf(item));
        return out;
    }
    return QVariant::fromValue(nullptr);
}

}  // namespace kimdb
