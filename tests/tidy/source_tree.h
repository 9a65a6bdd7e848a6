// SPDX-License-Identifier: MIT
#pragma once

#include <QString>
#include <QStringList>
#include <vector>

namespace tidy {

//! \brief One file of the tree. \a path is relative to the root, with '/'.
struct SourceFile {
    QString path;
    QString text;

    //! "client.h" of "sdk/include/kimdb/client.h".
    QString fileName() const { return path.section('/', -1); }
    QStringList lines() const { return text.split('\n'); }
    bool isCpp() const { return path.endsWith(".h") || path.endsWith(".cpp"); }
    //! Code, build files and scripts: what the rules of form hold for. Not documents or data.
    bool isSource() const;
};

//! \brief The text files below \a root that belong to the project: what git knows, or, outside
//! a checkout, everything but hidden folders and build folders.
std::vector<SourceFile> readTree(const QString& root);

}  // namespace tidy
