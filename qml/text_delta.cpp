// SPDX-License-Identifier: MIT
#include "qml/text_delta.h"

#include <algorithm>

namespace kimdb::qml {
namespace {

//! Reads a delta in pieces; past its end there is nothing but kept text.
class Reader {
 public:
    explicit Reader(const QList<TextDelta::Step>& steps) : m_steps(steps) {}

    bool atEnd() const { return m_index == m_steps.size(); }
    bool inserts() const { return !atEnd() && m_steps[m_index].kind == TextDelta::Kind::Insert; }
    bool removes() const { return !atEnd() && m_steps[m_index].kind == TextDelta::Kind::Remove; }
    QString takeInsertion() { return m_steps[m_index++].text; }
    //! Units left in the step; \a fallback past the end.
    qsizetype left(qsizetype fallback) const {
        return atEnd() ? fallback : m_steps[m_index].length - m_used;
    }
    void skip(qsizetype length) {
        if (atEnd()) return;
        m_used += length;
        if (m_used < m_steps[m_index].length) return;
        m_used = 0;
        ++m_index;
    }

 private:
    const QList<TextDelta::Step>& m_steps;
    qsizetype m_index = 0;
    qsizetype m_used = 0;
};

bool cutsPair(QStringView text, qsizetype at) {
    return at > 0 && at < text.size() && text[at - 1].isHighSurrogate() &&
           text[at].isLowSurrogate();
}

}  // namespace

TextDelta TextDelta::splice(qsizetype position, qsizetype removed, const QString& inserted) {
    TextDelta delta;
    delta.keep(position);
    delta.insert(inserted);
    delta.remove(removed);
    return delta;
}

TextDelta TextDelta::between(QStringView before, QStringView after, qsizetype offset) {
    const qsizetype shorter = std::min(before.size(), after.size());
    qsizetype prefix = 0;
    while (prefix < shorter && before[prefix] == after[prefix]) ++prefix;
    if (cutsPair(before, prefix) || cutsPair(after, prefix)) --prefix;
    qsizetype suffix = 0;
    while (suffix < shorter - prefix &&
           before[before.size() - 1 - suffix] == after[after.size() - 1 - suffix]) {
        ++suffix;
    }
    if (cutsPair(before, before.size() - suffix) || cutsPair(after, after.size() - suffix)) {
        --suffix;
    }
    const qsizetype removed = before.size() - prefix - suffix;
    const QString inserted = after.mid(prefix, after.size() - prefix - suffix).toString();
    if (removed == 0 && inserted.isEmpty()) return {};
    return splice(offset + prefix, removed, inserted);
}

void TextDelta::keep(qsizetype length) {
    append(Kind::Keep, length, {});
}

void TextDelta::remove(qsizetype length) {
    append(Kind::Remove, length, {});
}

void TextDelta::insert(const QString& text) {
    append(Kind::Insert, text.size(), text);
}

void TextDelta::append(Kind kind, qsizetype length, const QString& text) {
    if (length == 0) return;
    if (m_steps.isEmpty() || m_steps.last().kind != kind) {
        m_steps.append({kind, length, text});
        return;
    }
    m_steps.last().length += length;
    m_steps.last().text += text;
}

QList<TextDelta::Splice> TextDelta::splices() const {
    QList<Splice> result;
    qsizetype position = 0;
    for (const Step& step : m_steps) {
        switch (step.kind) {
            case Kind::Keep:
                position += step.length;
                break;
            case Kind::Remove:
                result.append({position, step.length, {}});
                break;
            case Kind::Insert:
                result.append({position, 0, step.text});
                position += step.length;
                break;
        }
    }
    return result;
}

QString TextDelta::appliedTo(QString text) const {
    for (const Splice& splice : splices()) {
        text.replace(splice.position, splice.removed, splice.inserted);
    }
    return text;
}

std::pair<TextDelta, TextDelta> TextDelta::transform(const TextDelta& first,
                                                     const TextDelta& second) {
    Reader a(first.m_steps);
    Reader b(second.m_steps);
    TextDelta over_b;
    TextDelta over_a;
    while (!a.atEnd() || !b.atEnd()) {
        if (a.inserts()) {
            const QString text = a.takeInsertion();
            over_b.insert(text);
            over_a.keep(text.size());
            continue;
        }
        if (b.inserts()) {
            const QString text = b.takeInsertion();
            over_a.insert(text);
            over_b.keep(text.size());
            continue;
        }
        const qsizetype length = std::min(a.left(b.left(0)), b.left(a.left(0)));
        if (a.removes() && !b.removes()) over_b.remove(length);
        if (b.removes() && !a.removes()) over_a.remove(length);
        if (!a.removes() && !b.removes()) {
            over_b.keep(length);
            over_a.keep(length);
        }
        a.skip(length);
        b.skip(length);
    }
    return {over_b, over_a};
}

}  // namespace kimdb::qml
