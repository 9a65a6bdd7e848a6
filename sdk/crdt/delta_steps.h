// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <kimdb/crdt/delta.h>

namespace kimdb::crdt {

using DeltaAttributes = std::map<std::string, std::optional<Value>>;  // nullopt: none any more

//! \brief One operation of a Delta, checked.
struct DeltaStep {
    enum class Kind : std::uint8_t { Insert, Retain, Delete };
    Kind kind = Kind::Retain;
    std::size_t length = 0;      //!< UTF-16 units
    std::u16string text;         //!< Insert; of an embed kEmbedCharacter
    DeltaAttributes attributes;  //!< an embed's object is under kEmbedKey
    std::size_t bytes = 0;       //!< what it takes in a change, more or less

    bool isEmbed() const { return kind == Kind::Insert && attributes.contains(kEmbedKey); }
};

inline bool isCommentKey(std::string_view key) {
    return !key.empty() && key[0] == '#';
}

//! \brief Reads any value as a Delta. Errors: Malformed, Unsupported, TooLarge.
Result<std::vector<DeltaStep>> readDelta(const Value& delta, Comments comments);

//! \brief Writes a Delta in its shortest form: operations alike are joined, inserts stand in front
//! of deletes, and no retain without attributes is last.
class DeltaWriter {
 public:
    void insert(std::u16string_view text, const std::map<std::string, Value>& attributes);
    void insertEmbed(const Value& object, const std::map<std::string, Value>& attributes);
    //! Text with embeds in it, which are those with the attribute kEmbedKey.
    void insertRun(std::u16string_view text, std::map<std::string, Value> attributes);
    void retain(std::size_t length, const DeltaAttributes& attributes = {});
    void remove(std::size_t length);
    Value take();

 private:
    void append(const char* kind, Value what, Value::Object attributes);
    void flushRetained();
    void flushText();
    void closeGap();

    Value::Array m_ops;
    // Not in it yet: what was retained last, or what was inserted and removed at one place.
    std::size_t m_retained = 0;
    Value::Object m_retained_marks;
    std::string m_text;
    Value::Object m_marks;
    std::size_t m_removed = 0;
};

}  // namespace kimdb::crdt
