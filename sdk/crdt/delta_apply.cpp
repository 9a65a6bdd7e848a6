// SPDX-License-Identifier: MIT
// A Delta as edits of a text: it is judged as a whole first, then cannot fail. All splices come
// first, from left to right, so that positions are those of the text afterwards; then attributes.
#include <algorithm>
#include <cassert>
#include <set>

#include "core/limits.h"
#include "crdt/delta_steps.h"

namespace kimdb::crdt {

namespace {

using Attributes = std::map<std::string, Value>;
using Steps = std::vector<DeltaStep>;

constexpr std::size_t kBytesMax = limits::kChangeBytesMax / 2;
constexpr std::size_t kIdRunBytes = 24;
constexpr std::size_t kMarkBytes = 64;

Error outside(const char* what) {
    return {ErrorCode::InvalidArgument, std::string("Delta: ") + what};
}

Error tooLarge() {
    return {ErrorCode::TooLarge, "Delta: it does not fit into one change"};
}

// Whether a step of the text as it was is allowed, and what the change takes.
class Judge {
 public:
    Judge(const Document& doc, const ContainerId& text)
        : m_doc(doc), m_text(text), m_length(doc.textLength(text)) {}

    Result<> judge(const Steps& steps) {
        for (const DeltaStep& step : steps) {
            if (step.kind == DeltaStep::Kind::Insert)
                m_bytes += unmarkBytes();
            else if (step.length > m_length + 1 - m_at)
                return outside("it goes beyond the end of the text");
            m_bytes += step.bytes;
            if (!isBoundary()) return outside("it cuts a character in two");
            if (step.kind == DeltaStep::Kind::Insert) {
                goes_beyond |= m_at > m_length;
                continue;
            }
            if (step.kind == DeltaStep::Kind::Delete) {
                goes_beyond |= m_at + step.length > m_length;
                m_bytes += kIdRunBytes * m_doc.idsOf(m_text, m_at, step.length).size();
            }
            m_at += step.length;
            if (!isBoundary()) return outside("it cuts a character in two");
            if (m_bytes > kBytesMax) return tooLarge();
        }
        return m_bytes > kBytesMax ? Result<>(tooLarge()) : Result<>();
    }

    bool goes_beyond = false;  //!< the end of the text is deleted, or something stands behind it

 private:
    bool isBoundary() const {
        if (m_at == 0 || m_at >= m_length) return true;
        const Cursor cursor = m_doc.cursorAt(m_text, m_at, Cursor::Side::Before);
        return m_doc.resolve(m_text, cursor) == m_at;
    }
    // Of attributes that an insertion here may get from its neighbours and must not have.
    std::size_t unmarkBytes() const {
        std::size_t bytes = 0;
        for (const std::size_t at : {m_at - (m_at > 0), m_at})
            for (const auto& [key, value] : m_doc.attributes(m_text, at))
                bytes += kMarkBytes + key.size();
        return bytes;
    }

    const Document& m_doc;
    const ContainerId& m_text;
    std::size_t m_length = 0;
    std::size_t m_at = 0;
    std::size_t m_bytes = 0;
};

class Editor {
 public:
    Editor(Document& doc, const ContainerId& text) : m_doc(doc), m_text(text) {}

    // The newline at the end of a whole Delta becomes the end of the text.
    void replaceAll(Steps steps) {
        const std::size_t length = m_doc.textLength(m_text);
        Attributes end;
        if (!steps.empty() && steps.back().text.ends_with(u'\n')) {
            end = marksOf(steps.back().attributes);
            steps.back().text.pop_back();
            if (--steps.back().length == 0) steps.pop_back();
        }
        m_doc.removeText(m_text, 0, length);
        insert(0, steps);
        format();
        setEnd(end);
    }

    void apply(const Steps& steps, bool goes_beyond) {
        if (goes_beyond) realizeEnd();
        const std::size_t length = m_doc.textLength(m_text);
        std::size_t at = 0;
        std::size_t kept = 0;  // of the text as it was
        for (auto step = steps.begin(); step != steps.end();) {
            if (step->kind == DeltaStep::Kind::Insert) {
                const auto end = std::find_if(step, steps.end(), [](const DeltaStep& s) {
                    return s.kind != DeltaStep::Kind::Insert;
                });
                at += insert(at, {step, end});
                step = end;
                continue;
            }
            const std::size_t n = std::min(step->length, length - kept);
            if (step->kind == DeltaStep::Kind::Delete) m_doc.removeText(m_text, at, n);
            if (step->kind == DeltaStep::Kind::Retain) {
                m_formats.push_back({at, n, n < step->length, {*step}, false});
                at += n;
            }
            kept += n;
            ++step;
        }
        format();
        if (goes_beyond) takeEnd();
    }

 private:
    struct Format {
        std::size_t position = 0;
        std::size_t length = 0;
        bool at_end = false;  // the end of the text too
        Steps steps;          // side by side
        bool is_insert = false;
    };

    static Attributes marksOf(const DeltaAttributes& attributes) {
        Attributes out;
        for (const auto& [key, value] : attributes)
            if (value && !isCommentKey(key)) out.emplace(key, *value);
        return out;
    }

    // Inserts of one place at once, so that none gets attributes of its neighbour.
    std::size_t insert(std::size_t at, Steps steps) {
        if (steps.empty()) return 0;
        std::u16string text;
        for (const DeltaStep& step : steps) text += step.text;
        m_doc.insertText(m_text, at, text);
        m_formats.push_back({at, text.size(), false, std::move(steps), true});
        return text.size();
    }

    void format() {
        for (const Format& f : std::exchange(m_formats, {})) {
            if (f.is_insert)
                formatInserted(f);
            else
                formatRetained(f);
        }
    }

    void formatRetained(const Format& f) {
        for (const auto& [key, value] : f.steps.front().attributes) {
            if (isCommentKey(key)) {
                if (!value && m_removed.insert(key).second) m_doc.removeComment(m_text, key);
                if (value && f.length > 0 && !m_doc.attributes(m_text, f.position).contains(key))
                    m_doc.comment(m_text, f.position, f.length, *value);
                continue;
            }
            put(f.position, f.length, key, value);
            if (f.at_end) m_doc.setBlock(m_text, m_doc.textLength(m_text), key, value);
        }
    }

    void formatInserted(const Format& f) {
        const Attributes had = m_doc.attributes(m_text, f.position);
        std::set<std::string> keys;
        for (const auto& [key, value] : had)
            if (!isCommentKey(key)) keys.insert(key);
        std::set<std::string> near = commentsBeside(f);
        for (const DeltaStep& step : f.steps)
            for (const auto& [key, value] : step.attributes)
                if (!near.contains(key)) keys.insert(key);
        for (const std::string& key : keys) {
            const auto before = had.find(key);
            std::size_t at = f.position;
            for (auto step = f.steps.begin(); step != f.steps.end();) {
                const std::optional<Value> value = wanted(*step, key);
                std::size_t n = 0;
                for (; step != f.steps.end() && wanted(*step, key) == value; ++step)
                    n += step->length;
                const bool same = before == had.end() ? !value : value == before->second;
                if (!same && isCommentKey(key))
                    m_doc.comment(m_text, at, n, *value);
                else if (!same)
                    put(at, n, key, value);
                at += n;
            }
        }
    }

    static std::optional<Value> wanted(const DeltaStep& step, const std::string& key) {
        const auto found = step.attributes.find(key);
        return found == step.attributes.end() ? std::nullopt : found->second;
    }

    // Comments are where they were made: typing at their edge does not make another one.
    std::set<std::string> commentsBeside(const Format& f) const {
        std::set<std::string> keys;
        const std::size_t before = f.position - (f.position > 0);
        for (const std::size_t at : {before, f.position, f.position + f.length})
            for (const auto& [key, value] : m_doc.attributes(m_text, at))
                if (isCommentKey(key)) keys.insert(key);
        return keys;
    }

    void put(std::size_t at, std::size_t n, const std::string& key,
             const std::optional<Value>& value) {
        if (value)
            m_doc.mark(m_text, at, n, key, *value, expandOf(key));
        else
            m_doc.unmark(m_text, at, n, key, expandOf(key));
    }

    void setEnd(const Attributes& wanted) {
        const std::size_t end = m_doc.textLength(m_text);
        const Attributes had = m_doc.attributes(m_text, end);
        for (const auto& [key, value] : had)
            if (!isCommentKey(key) && !wanted.contains(key))
                m_doc.setBlock(m_text, end, key, std::nullopt);
        for (const auto& [key, value] : wanted)
            if (const auto old = had.find(key); old == had.end() || old->second != value)
                m_doc.setBlock(m_text, end, key, value);
    }

    // The end of the text as a newline of it, so that it can be deleted or written behind.
    void realizeEnd() {
        const std::size_t end = m_doc.textLength(m_text);
        DeltaStep step{DeltaStep::Kind::Insert, 1, u"\n", {}, 0};
        for (const auto& [key, value] : m_doc.attributes(m_text, end))
            if (!isCommentKey(key)) step.attributes.emplace(key, value);
        insert(end, {step});
        format();
    }

    void takeEnd() {
        const std::size_t length = m_doc.textLength(m_text);
        Attributes end;
        if (length > 0 && m_doc.text(m_text).back() == u'\n') {
            for (const auto& [key, value] : m_doc.attributes(m_text, length - 1))
                if (!isCommentKey(key)) end.emplace(key, value);
            m_doc.removeText(m_text, length - 1, 1);
        }
        setEnd(end);
    }

    Document& m_doc;
    const ContainerId& m_text;
    std::vector<Format> m_formats;
    std::set<std::string> m_removed;
};

}  // namespace

Result<> applyDelta(Document& doc, const ContainerId& text, const Value& delta, Comments comments) {
    assert(doc.inTransaction());
    if (text.type() != ContainerType::Text)
        return Error{ErrorCode::WrongType, "Delta: the container is no text"};
    const auto steps = readDelta(delta, comments);
    if (!steps) return steps.error();
    Judge judge(doc, text);
    if (auto ok = judge.judge(*steps); !ok) return ok;
    Editor(doc, text).apply(*steps, judge.goes_beyond);
    return {};
}

Result<> setDelta(Document& doc, const ContainerId& text, const Value& delta, Comments comments) {
    assert(doc.inTransaction());
    if (text.type() != ContainerType::Text)
        return Error{ErrorCode::WrongType, "Delta: the container is no text"};
    auto steps = readDelta(delta, comments);
    if (!steps) return steps.error();
    std::size_t bytes = kIdRunBytes * doc.idsOf(text, 0, doc.textLength(text)).size();
    for (const DeltaStep& step : *steps) {
        if (step.kind != DeltaStep::Kind::Insert)
            return outside("a whole text consists of inserts");
        bytes += step.bytes;
    }
    if (bytes > kBytesMax) return tooLarge();
    Editor(doc, text).replaceAll(std::move(*steps));
    return {};
}

}  // namespace kimdb::crdt
