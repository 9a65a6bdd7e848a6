// SPDX-License-Identifier: MIT
#pragma once

#include <QSet>
#include <QString>
#include <vector>

#include "tidy/source_tree.h"

namespace tidy {

//! \brief One broken rule of docs/STYLE.md.
struct Finding {
    QString path;
    int line = 0;  //!< from 1; 0 = the file as a whole
    QString message;

    bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

//! \brief Includes go one way, carry their layer, and keep Qt out of the Qt-free layers.
Findings checkIncludes(const SourceFile& file);
//! \brief First line, length of file and lines, words that say "later", paths of one machine.
Findings checkForm(const SourceFile& file);
//! \brief Names that say nothing about what a file holds.
Findings checkName(const SourceFile& file);
//! \brief Tests wait for events, not for time, and are not skipped.
Findings checkTestHabits(const SourceFile& file);
//! \brief Every file under tests/ is a source of a target (\a built, relative paths), included
//! by one, or named in a built source or build file of its folder or of a parent.
Findings checkTestsAreBuilt(const std::vector<SourceFile>& tree, const QSet<QString>& built);

//! \brief The layer that the file at \a path belongs to; empty when it is in none.
QString layerOf(const QString& path);

}  // namespace tidy
