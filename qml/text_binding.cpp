// SPDX-License-Identifier: MIT
#include "qml/text_binding.h"

#include <QGuiApplication>
#include <QInputMethod>
#include <QQuickTextDocument>
#include <QScopedValueRollback>
#include <QStyleHints>
#include <QTextBlock>
#include <QTextCursor>
#include <algorithm>
#include <chrono>

#include <kimdb/presence.h>
#include <kimdb/undo_manager.h>

namespace kimdb::qml {
namespace {

//! A lone high surrogate that is not followed by its other half within this time is dropped.
constexpr std::chrono::milliseconds kHeldTime{1000};

//! \a text as a QTextDocument shows it, unit by unit: what it takes for a paragraph end is one.
//! '\r' would swallow a following '\n'; it is shown as a space.
QString displayed(QString text) {
    for (QChar& c : text) {
        const char16_t unit = c.unicode();
        if (unit == QChar::ParagraphSeparator || unit == QChar::LineSeparator || unit == 0xFDD0 ||
            unit == 0xFDD1) {
            c = QLatin1Char('\n');
        } else if (unit == '\r') {
            c = QLatin1Char(' ');
        }
    }
    return text;
}

//! \a text with U+FFFD for each half of a surrogate pair that stands alone, as the document has it.
QString withoutLoneSurrogates(QString text) {
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (!text[i].isSurrogate()) continue;
        const bool pair =
            text[i].isHighSurrogate() && i + 1 < text.size() && text[i + 1].isLowSurrogate();
        if (pair) {
            ++i;
        } else {
            text[i] = QChar::ReplacementCharacter;
        }
    }
    return text;
}

//! Where a caret at \a position is after \a splice. An insertion exactly there pushes it only
//! if \a pushed: a caret stays in front of what another writes, a selection's start does not.
int movedBy(const TextDelta::Splice& splice, int position, bool pushed) {
    const int at = static_cast<int>(splice.position);
    const int removed_end = at + static_cast<int>(splice.removed);
    const int inserted = static_cast<int>(splice.inserted.size());
    if (position < at || (position == at && !pushed)) return position;
    if (position < removed_end) return at;
    return position - static_cast<int>(splice.removed) + inserted;
}

}  // namespace

TextBinding::TextBinding(QObject* parent) : QObject(parent) {
    m_publish_timer.setSingleShot(true);
    m_publish_timer.setInterval(0);
    connect(&m_publish_timer, &QTimer::timeout, this, &TextBinding::publishSelection);
    m_held_timer.setSingleShot(true);
    m_held_timer.setInterval(kHeldTime);
    connect(&m_held_timer, &QTimer::timeout, this, &TextBinding::resync);
}

TextBinding::~TextBinding() {
    detach();
}

void TextBinding::setDocument(DocumentElement* document) {
    if (document == m_document) return;
    if (m_document) m_document->disconnect(this);
    m_document = document;
    emit documentChanged();
    if (m_document) {
        connect(m_document, &DocumentElement::readyChanged, this, &TextBinding::attach);
    }
    attach();
}

void TextBinding::setKey(const QString& key) {
    if (key == m_key) return;
    m_key = key;
    emit keyChanged();
    attach();
}

void TextBinding::setEditor(QQuickItem* editor) {
    if (editor == m_editor) return;
    detach();
    m_editor = editor;
    emit editorChanged();
    attach();
}

void TextBinding::setLineHeight(qreal factor) {
    if (factor == m_line_height) return;
    m_line_height = factor;
    emit lineHeightChanged();
    formatBlocks();
}

void TextBinding::attach() {
    detach();
    if (!m_editor || !m_document || !m_document->isReady()) return;
    const auto* holder = m_editor->property("textDocument").value<QQuickTextDocument*>();
    if (!holder) {
        qWarning("KimDB: TextBinding.editor is not a TextArea or TextEdit");
        return;
    }
    m_text_document = holder->textDocument();
    m_text_document->setUndoRedoEnabled(false);
    m_attached = m_document->document();
    m_text = m_attached->text(m_key);
    connect(m_text_document, &QTextDocument::contentsChange, this, &TextBinding::onContentsChange);
    connect(m_attached, &kimdb::Document::textChanged, this, &TextBinding::onTextChanged);
    connect(m_attached, &kimdb::Document::reloaded, this, &TextBinding::resync);
    connect(m_attached->undoManager(), &UndoManager::changed, this, &TextBinding::undoChanged);
    // The editor's class is private to Qt, its signals are public: connected by name.
    connect(m_editor, SIGNAL(cursorPositionChanged()), this, SLOT(onSelectionChanged()));
    connect(m_editor, SIGNAL(selectionStartChanged()), this, SLOT(onSelectionChanged()));
    connect(m_editor, SIGNAL(selectionEndChanged()), this, SLOT(onSelectionChanged()));
    connect(m_editor, &QQuickItem::activeFocusChanged, this, &TextBinding::onSelectionChanged);
    connect(m_editor, SIGNAL(inputMethodComposingChanged()), this, SLOT(onComposingChanged()));
    resync();
    formatBlocks();
    emit undoChanged();
}

void TextBinding::detach() {
    if (m_text_document) m_text_document->disconnect(this);
    if (m_editor) m_editor->disconnect(this);
    if (m_attached) {
        m_attached->disconnect(this);
        m_attached->undoManager()->disconnect(this);
        m_attached->presence()->clearSelection();
    }
    m_publish_timer.stop();
    m_held_timer.stop();
    m_pending.clear();
    m_held = false;
    m_text.reset();
    m_attached = nullptr;
    m_text_document = nullptr;
}

// ---- from the editor to the document ----

void TextBinding::onContentsChange(int position, int removed, int added) {
    if (m_applying || !m_text) return;
    // The counts may include the last paragraph's end, which is no character of the text.
    const int length = m_text_document->characterCount() - 1;
    removed = std::min(removed, static_cast<int>(m_shadow.size()) - position);
    added = std::min(added, length - position);
    if (m_held || removed < 0 || added < 0 || m_shadow.size() - removed + added != length) {
        position = 0;
        removed = static_cast<int>(m_shadow.size());
        added = length;
    }
    QString now = editorText(position, added);
    const QStringView before = QStringView(m_shadow).mid(position, removed);
    m_held = false;
    m_held_timer.stop();
    TextDelta delta = TextDelta::between(before, now, position);
    QString inserted;
    for (const TextDelta::Step& step : delta.steps()) inserted += step.text;
    const QString whole = withoutLoneSurrogates(inserted);
    if (whole != inserted) {
        if (inserted.back().isHighSurrogate()) {
            m_held = true;
            m_held_timer.start();
        } else {
            QMetaObject::invokeMethod(this, &TextBinding::resync, Qt::QueuedConnection);
        }
        const TextDelta::Splice first = delta.splices().first();
        const qsizetype taken =
            delta.steps().last().kind == TextDelta::Kind::Remove ? delta.steps().last().length : 0;
        delta = TextDelta::splice(first.position, taken, m_held ? whole.chopped(1) : whole);
    }
    if (delta.isEmpty() || delta.splices().isEmpty()) return;
    m_shadow = delta.appliedTo(m_shadow);
    write(std::move(delta));
    if (!m_pending.isEmpty() && !mustWait()) {
        QMetaObject::invokeMethod(this, &TextBinding::flush, Qt::QueuedConnection);
    }
    emit settled();
}

void TextBinding::write(TextDelta delta) {
    for (TextDelta& waiting : m_pending) {
        std::tie(delta, waiting) = TextDelta::transform(delta, waiting);
    }
    const QScopedValueRollback<bool> guard(m_writing, true);
    Result<> edited;
    const Result<> committed = m_attached->transaction([&] {
        for (const TextDelta::Splice& splice : delta.splices()) {
            if (!edited) return;
            edited = splice.removed > 0 ? m_text->remove(int(splice.position), int(splice.removed))
                                        : m_text->insert(int(splice.position), splice.inserted);
        }
    });
    const Result<>& failed = edited ? committed : edited;
    if (failed) return;
    // Never edit a QTextDocument inside contentsChange: its layout does not know yet.
    QMetaObject::invokeMethod(this, &TextBinding::resync, Qt::QueuedConnection);
    emit refused(QString::fromStdString(failed.error().message));
}

void TextBinding::undo() {
    if (!canUndo()) return;
    QGuiApplication::inputMethod()->commit();
    const QScopedValueRollback<bool> guard(m_undoing, true);
    m_attached->undoManager()->undo();
}

void TextBinding::redo() {
    if (!canRedo()) return;
    QGuiApplication::inputMethod()->commit();
    const QScopedValueRollback<bool> guard(m_undoing, true);
    m_attached->undoManager()->redo();
}

bool TextBinding::canUndo() const {
    return m_attached && m_attached->undoManager()->canUndo();
}

bool TextBinding::canRedo() const {
    return m_attached && m_attached->undoManager()->canRedo();
}

// ---- from the document to the editor ----

void TextBinding::onTextChanged(const crdt::ContainerId& text, const QList<TextSplice>& splices,
                                crdt::Origin origin) {
    if (m_writing || !m_text || text != m_text->containerId()) return;
    if (origin == crdt::Origin::Rebuild) {
        resync();
        return;
    }
    QList<TextDelta::Splice> steps;
    steps.reserve(splices.size());
    for (const TextSplice& s : splices) steps.append({s.position, s.removed, s.inserted});
    if (mustWait() || !m_pending.isEmpty()) {
        for (const TextDelta::Splice& s : steps) {
            m_pending.append(TextDelta::splice(s.position, s.removed, s.inserted));
        }
        return;
    }
    show(steps);
    if (m_undoing) placeCaret(steps);
    emit settled();
}

void TextBinding::show(const QList<TextDelta::Splice>& splices) {
    Selection kept = selection();
    const bool has_selection = kept.anchor != kept.head;
    const bool reversed = kept.head < kept.anchor;
    int view_position = 0;
    QMetaObject::invokeMethod(m_editor, "positionAt", Q_RETURN_ARG(int, view_position),
                              Q_ARG(qreal, 0), Q_ARG(qreal, m_view_top));
    QTextCursor view(m_text_document);  // moves with the text
    view.setPosition(view_position);
    QRectF top_before;
    QMetaObject::invokeMethod(m_editor, "positionToRectangle", Q_RETURN_ARG(QRectF, top_before),
                              Q_ARG(int, view_position));

    setApplying(true);
    QTextCursor cursor(m_text_document);
    cursor.beginEditBlock();
    for (const TextDelta::Splice& splice : splices) {
        const int position = static_cast<int>(splice.position);
        cursor.setPosition(position);
        cursor.setPosition(position + static_cast<int>(splice.removed), QTextCursor::KeepAnchor);
        const QString text = displayed(splice.inserted);
        cursor.insertText(text);
        m_shadow.replace(splice.position, splice.removed, text);
        kept.anchor = movedBy(splice, kept.anchor, has_selection && !reversed);
        kept.head = movedBy(splice, kept.head, has_selection && reversed);
    }
    cursor.endEditBlock();
    select(kept);
    setApplying(false);

    if (m_view_top <= top_before.height()) return;  // the first line is visible: let it grow
    QRectF top_after;
    QMetaObject::invokeMethod(m_editor, "positionToRectangle", Q_RETURN_ARG(QRectF, top_after),
                              Q_ARG(int, view.position()));
    if (top_after.y() != top_before.y()) emit viewShifted(top_after.y() - top_before.y());
}

void TextBinding::flush() {
    if (m_pending.isEmpty() || mustWait()) return;
    const QList<TextDelta> waiting = std::exchange(m_pending, {});
    for (const TextDelta& delta : waiting) show(delta.splices());
    emit settled();
}

//! Makes the editor equal to the document, whatever stands there, by the smallest change.
void TextBinding::resync() {
    if (!m_text) return;
    m_pending.clear();
    m_held = false;
    const QString target = displayed(m_text->toString());
    m_shadow = editorText(0, m_text_document->characterCount() - 1);
    const TextDelta delta = TextDelta::between(m_shadow, target);
    if (!delta.isEmpty()) show(delta.splices());
    emit settled();
}

void TextBinding::placeCaret(const QList<TextDelta::Splice>& splices) {
    if (splices.isEmpty()) return;
    const TextDelta::Splice& last = splices.last();
    const int end = static_cast<int>(last.position + last.inserted.size());
    select({end, end});
    emit revealed();
}

void TextBinding::onComposingChanged() {
    // Queued: the editor is in the middle of the input-method event that ends the composition.
    if (!mustWait()) QMetaObject::invokeMethod(this, &TextBinding::flush, Qt::QueuedConnection);
}

bool TextBinding::mustWait() const {
    return m_held || m_editor->property("inputMethodComposing").toBool();
}

// ---- caret and selection ----

int TextBinding::caretFlashTime() const {
    return QGuiApplication::styleHints()->cursorFlashTime();
}

void TextBinding::onSelectionChanged() {
    m_publish_timer.start();
}

void TextBinding::publishSelection() {
    if (!m_text || isBehind() || m_document->isReadOnly() || !m_editor->hasActiveFocus()) return;
    const Selection now = selection();
    m_attached->presence()->setSelection(m_text->cursorAt(now.anchor), m_text->cursorAt(now.head));
}

TextBinding::Selection TextBinding::selection() const {
    const int head = m_editor->property("cursorPosition").toInt();
    const int start = m_editor->property("selectionStart").toInt();
    const int end = m_editor->property("selectionEnd").toInt();
    return {head == start ? end : start, head};
}

void TextBinding::select(Selection selection) {
    if (selection.anchor == selection.head) {
        m_editor->setProperty("cursorPosition", selection.head);
    } else {
        QMetaObject::invokeMethod(m_editor, "select", Q_ARG(int, selection.anchor),
                                  Q_ARG(int, selection.head));
    }
}

QString TextBinding::editorText(int position, int length) const {
    if (length <= 0) return {};
    QTextCursor cursor(m_text_document);
    cursor.setPosition(position);
    cursor.setPosition(position + length, QTextCursor::KeepAnchor);
    return displayed(cursor.selectedText());
}

void TextBinding::setApplying(bool applying) {
    m_applying = applying;
    emit applyingChanged();
}

void TextBinding::formatBlocks() {
    if (!m_text_document) return;
    QTextBlockFormat format;
    format.setLineHeight(m_line_height * 100, QTextBlockFormat::ProportionalHeight);
    m_applying = true;  // a format is no edit
    QTextCursor cursor(m_text_document);
    cursor.select(QTextCursor::Document);
    cursor.mergeBlockFormat(format);
    m_applying = false;
}

}  // namespace kimdb::qml
