// SPDX-License-Identifier: MIT
#include <kimdb/undo_manager.h>

#include "client/document_impl.h"

namespace kimdb {

UndoManager::UndoManager(Document* document) : m_document(document) {}

bool UndoManager::canUndo() const {
    return m_document->m_impl->replica.canUndo();
}

bool UndoManager::canRedo() const {
    return m_document->m_impl->replica.canRedo();
}

void UndoManager::setCaptureInterval(int ms) {
    m_document->m_impl->capture_interval_ms = ms;
    m_document->m_impl->replica.setCaptureInterval(ms);
}

void UndoManager::undo() {
    (void)m_document->m_impl->toggle(Document::Impl::Step::Undo);
}

void UndoManager::redo() {
    (void)m_document->m_impl->toggle(Document::Impl::Step::Redo);
}

void UndoManager::stopCapturing() {
    m_document->m_impl->replica.stopCapturing();
}

}  // namespace kimdb
