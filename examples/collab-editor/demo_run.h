// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

#include "editor_window.h"
#include "relay_process.h"

namespace kimdb::editor {

//! \brief The unattended run of kimdb-demo: two people type into two windows, the relay goes away
//! and comes back while both type on, and in the end both windows show the same text.
//! Says each step on stdout. Thread: the GUI's.
class DemoRun {
 public:
    DemoRun(RelayProcess& relay, EditorWindow& left, EditorWindow& right)
        : m_relay(relay), m_left(left), m_right(right) {}

    //! Errors: Timeout or what the relay said, with the step that failed.
    Result<> run();
    //! Both windows side by side. Errors: PermissionDenied when \a file cannot be written.
    Result<> writeScreenshot(const QString& file);

 private:
    Result<> typeTogether();
    Result<> typeApart();
    Result<> meetAgain();
    bool agree() const;

    RelayProcess& m_relay;
    EditorWindow& m_left;
    EditorWindow& m_right;
};

}  // namespace kimdb::editor
