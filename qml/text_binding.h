// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QList>
#include <QObject>
#include <QPointer>
#include <QQuickItem>
#include <QTextDocument>
#include <QTimer>
#include <optional>

#include <kimdb/qml/document_element.h>
#include "qml/text_delta.h"

namespace kimdb::qml {

//! \brief Ties a TextArea or TextEdit to a text of a document: keystrokes become edits at once,
//! everyone else's edits appear without disturbing caret, selection or a composition.
//!
//! How a keystroke is understood: contentsChange reports whole paragraphs during a composition and
//! for format changes, so what it says is only where to look. A copy of the text as last agreed
//! (m_shadow) is compared with what stands there now; the difference, cut down to its smallest
//! splice, is the edit. An empty difference is no edit.
//! While an input method composes, remote edits wait (m_pending) because the composition is drawn
//! at a fixed place; what is typed meanwhile is carried over them (TextDelta::transform).
//!
//! Thread: the QML engine's. Owner: its QML parent. Invariant between events:
//! editor text == m_shadow (plus a held back high surrogate); m_pending applied to m_shadow is the
//! document's text.
class TextBinding : public QObject {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(kimdb::qml::DocumentElement* document READ document WRITE setDocument NOTIFY
                   documentChanged)
    //! Key of the text in the document's root map.
    Q_PROPERTY(QString key READ key WRITE setKey NOTIFY keyChanged)
    //! A TextArea or TextEdit with plain text. Its own undo is switched off.
    Q_PROPERTY(QQuickItem* editor READ editor WRITE setEditor NOTIFY editorChanged)
    //! Line height as a multiple of the font's.
    Q_PROPERTY(qreal lineHeight READ lineHeight WRITE setLineHeight NOTIFY lineHeightChanged)
    //! Top of the visible part in the editor's coordinates; kept in place when text above changes.
    Q_PROPERTY(qreal viewTop MEMBER m_view_top NOTIFY viewTopChanged)
    //! True while someone else's edit is put into the editor.
    Q_PROPERTY(bool applying READ isApplying NOTIFY applyingChanged)
    //! The platform's blinking time of a caret in ms, on and off together; 0: it does not blink.
    Q_PROPERTY(int caretFlashTime READ caretFlashTime CONSTANT)
    Q_PROPERTY(bool canUndo READ canUndo NOTIFY undoChanged)
    Q_PROPERTY(bool canRedo READ canRedo NOTIFY undoChanged)

 public:
    explicit TextBinding(QObject* parent = nullptr);
    ~TextBinding() override;

    DocumentElement* document() const { return m_document; }
    void setDocument(DocumentElement* document);
    QString key() const { return m_key; }
    void setKey(const QString& key);
    QQuickItem* editor() const { return m_editor; }
    void setEditor(QQuickItem* editor);
    qreal lineHeight() const { return m_line_height; }
    void setLineHeight(qreal factor);
    bool isApplying() const { return m_applying; }
    int caretFlashTime() const;
    bool canUndo() const;
    bool canRedo() const;

    //! Undo and redo of this device's own edits; the caret goes to what changed.
    Q_INVOKABLE void undo();
    Q_INVOKABLE void redo();

    //! The bound text; nullopt until document and editor are there.
    const std::optional<Text>& text() const { return m_text; }
    QTextDocument* textDocument() const { return m_text_document; }
    //! Whether the editor shows less than the document knows (remote edits wait for a composition).
    bool isBehind() const { return !m_pending.isEmpty(); }

 signals:
    void documentChanged();
    void keyChanged();
    void editorChanged();
    void lineHeightChanged();
    void viewTopChanged();
    void applyingChanged();
    void undoChanged();
    //! Text above the visible part grew or shrank by \a delta pixels.
    void viewShifted(qreal delta);
    //! An undo or redo put the caret at what it changed: show it.
    void revealed();
    //! The last edit was refused and is taken out again.
    void refused(const QString& reason);
    //! Editor and document agree after a change by anyone; positions can be read.
    void settled();

 private slots:
    void onContentsChange(int position, int removed, int added);
    void onSelectionChanged();
    void onComposingChanged();

 private:
    struct Selection {
        int anchor = 0;
        int head = 0;
    };

    void attach();
    void detach();
    void onTextChanged(const crdt::ContainerId& text, const QList<TextSplice>& splices,
                       crdt::Origin origin);
    void write(TextDelta delta);
    void show(const QList<TextDelta::Splice>& splices);
    void flush();
    void resync();
    void placeCaret(const QList<TextDelta::Splice>& splices);
    void publishSelection();
    void formatBlocks();

    QString editorText(int position, int length) const;
    Selection selection() const;
    void select(Selection selection);
    bool mustWait() const;
    void setApplying(bool applying);

    QPointer<DocumentElement> m_document;
    QString m_key = QStringLiteral("text");
    QPointer<QQuickItem> m_editor;
    QPointer<QTextDocument> m_text_document;
    QPointer<kimdb::Document> m_attached;
    std::optional<Text> m_text;
    qreal m_line_height = 1;
    qreal m_view_top = 0;

    QString m_shadow;
    QList<TextDelta> m_pending;  // remote edits in the document, not yet in the editor
    bool m_held = false;      // the editor has a lone high surrogate that waits for its other half
    bool m_applying = false;  // we change the editor
    bool m_writing = false;   // we change the document
    bool m_undoing = false;
    QTimer m_publish_timer;  // one presence update per turn of the event loop
    QTimer m_held_timer;
};

}  // namespace kimdb::qml
