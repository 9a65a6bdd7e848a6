// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>

namespace kimdb {

class Document;

//! \brief Undo and redo of this replica's own edits in one document; others' text is never touched.
//! Thread: the database's. Owner: the document.
class UndoManager : public QObject {
    Q_OBJECT
    Q_PROPERTY(bool canUndo READ canUndo NOTIFY changed)
    Q_PROPERTY(bool canRedo READ canRedo NOTIFY changed)
 public:
    bool canUndo() const;
    bool canRedo() const;
    //! Edits closer together than this are one step. Default 500 ms; 0: every transaction is a
    //! step.
    void setCaptureInterval(int ms);

 public slots:
    void undo();
    void redo();
    void stopCapturing();  //!< the next edit starts a new step

 signals:
    void changed();

 private:
    friend class Document;
    explicit UndoManager(Document* document);
    Document* m_document;
};

}  // namespace kimdb
