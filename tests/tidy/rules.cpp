// SPDX-License-Identifier: MIT
// The layers as a table: what stands on the right of a layer is what it may include.
#include "tidy/rules.h"

#include <QHash>
#include <QRegularExpression>

namespace tidy {

namespace {

constexpr int kFileLinesMax = 600;
constexpr int kLineColumnsMax = 100;
constexpr int kDecisionLinesMax = 40;

const QSet<QString> kQtFree{"core", "crdt", "store", "wire", "sync", "relay/core", "relay/auth"};

// Internal headers ("core/change.h") a layer may include.
const QHash<QString, QSet<QString>> kMayInclude{
    {"core", {"core"}},
    {"crdt", {"core", "crdt"}},
    {"store", {"core", "store"}},
    {"wire", {"core", "wire"}},
    {"sync", {"core", "store", "wire", "crdt", "sync"}},
    {"net", {"core", "net"}},
    {"client", {"core", "store", "wire", "crdt", "sync", "net", "client"}},
    {"qml", {"qml"}},
    {"relay/core", {"core", "store", "wire", "relay/core"}},
    {"relay/auth", {"core", "relay/core", "relay/auth"}},
    {"relay", {"core", "store", "wire", "net", "relay/core", "relay/auth", "relay"}},
    {"examples", {}},
};

// Public headers (<kimdb/store.h>, by the layer that implements them) a layer may include.
const QHash<QString, QSet<QString>> kMayUse{
    {"qml", {"core", "crdt", "store", "client", "qml"}},
    {"examples", {"core", "crdt", "store", "client", "relay", "qml"}},
};

QString layerOfPublicHeader(const QString& header) {
    static const QSet<QString> core{"kimdb/ids.h", "kimdb/result.h", "kimdb/value.h"};
    if (core.contains(header)) return "core";
    if (header.startsWith("kimdb/crdt/")) return "crdt";
    if (header.startsWith("kimdb/store")) return "store";
    if (header.startsWith("kimdb/relay/")) return "relay";
    if (header.startsWith("kimdb/qml")) return "qml";
    return "client";
}

QString layerOfInternalHeader(const QString& header) {
    for (const QString layer : {"relay/core", "relay/auth"})
        if (header.startsWith(layer + '/')) return layer;
    const QString folder = header.section('/', 0, 0);
    return kMayInclude.contains(folder) ? folder : QString();
}

bool isQtHeader(const QString& header) {
    static const QRegularExpression qt("^(Qt?[A-Z]|q[a-z0-9]+\\.h$)");
    return qt.match(header).hasMatch();
}

QString problemOfInclude(const QString& from, const QString& header, bool quoted) {
    if (quoted && header.endsWith(".moc")) return {};
    if (isQtHeader(header))
        return kQtFree.contains(from) ? "Qt in the Qt-free layer " + from : QString();
    const bool isPublic = header.startsWith("kimdb/");
    if (!quoted && !isPublic) return {};
    if (quoted && isPublic) return "a public header is included with <>";
    if (!header.contains('/') && from == "examples") return {};  // an application's own header
    if (!header.contains('/')) return "include without its layer: write \"layer/" + header + '"';
    if (from.isEmpty()) return {};  // tests and benchmarks may look everywhere
    const QString to = isPublic ? layerOfPublicHeader(header) : layerOfInternalHeader(header);
    if (to.isEmpty()) return '"' + header + "\" is in no layer";
    const auto& allowed = isPublic && kMayUse.contains(from) ? kMayUse : kMayInclude;
    return allowed[from].contains(to) ? QString() : from + " must not include " + to;
}

// The words in the sources that are built, and in projects of their own (tests/consumer/…).
class WordsInTests {
 public:
    WordsInTests(const std::vector<SourceFile>& tree, const QSet<QString>& built) {
        std::vector<const SourceFile*> headers;  // not seen included so far
        for (const SourceFile& file : tree) {
            if (!file.path.startsWith("tests/")) continue;
            const bool project =
                file.fileName() == "CMakeLists.txt" && file.text.contains("project(");
            if (project) collect(file, m_projects[folderOf(file)]);
            if (project || built.contains(file.path))
                collect(file, m_all);
            else if (file.path.endsWith(".h"))
                headers.push_back(&file);
        }
        const auto reach = [this](const SourceFile* header) {
            if (!name(*header)) return false;
            collect(*header, m_all);
            return true;
        };
        while (std::erase_if(headers, reach) > 0) {
        }
    }

    // Code counts only where a build file lists it or a source includes it; data where a source
    // or build file names it or its folder.
    bool name(const SourceFile& file) const {
        const QString folder = folderOf(file);
        if (m_projects.value(folder).contains(file.fileName())) return true;
        const QString inTests = file.path.section('/', 1);
        if (file.path.endsWith(".h")) return m_all.contains(inTests);
        if (file.path.endsWith(".cpp")) return false;
        const bool folderIsNamed = folder.count('/') > 1 && m_all.contains(folder.section('/', -1));
        if (file.fileName() == "CMakeLists.txt")
            return m_projects.contains(folder) && folderIsNamed;
        return folderIsNamed || m_all.contains(file.fileName());
    }

 private:
    static QString folderOf(const SourceFile& file) { return file.path.section('/', 0, -2); }

    static void collect(const SourceFile& file, QSet<QString>& words) {
        static const QRegularExpression word(R"re([\w.+-]+(/[\w.+-]+)*)re");
        static const QRegularExpression comment("^\\s*(#[^i]|//)");
        for (const QString& line : file.lines()) {
            if (comment.match(line).hasMatch()) continue;
            for (auto all = word.globalMatch(line); all.hasNext();) {
                const QString found = all.next().captured();
                for (const QString& part : found.split(QChar(u'/'))) words << part;
                words << found;
            }
        }
    }

    QSet<QString> m_all;
    QHash<QString, QSet<QString>> m_projects;
};

bool isPublicHeader(const QString& path) {
    return path.contains("/include/kimdb/");
}

}  // namespace

QString layerOf(const QString& path) {
    if (isPublicHeader(path)) return layerOfPublicHeader(path.mid(path.indexOf("kimdb/")));
    for (const QString layer : {"relay/core", "relay/auth"})
        if (path.startsWith(layer + '/')) return layer;
    static const QSet<QString> top{"relay", "qml", "examples"};
    const QString folder = path.section('/', 0, 0);
    if (folder == "sdk") return path.section('/', 1, 1);
    return top.contains(folder) ? folder : QString();
}

Findings checkIncludes(const SourceFile& file) {
    static const QRegularExpression include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    Findings findings;
    if (!file.isCpp()) return findings;
    const QString from = layerOf(file.path);
    int number = 0;
    for (const QString& line : file.lines()) {
        ++number;
        const auto match = include.match(line);
        if (!match.hasMatch()) continue;
        const bool quoted = match.captured(1) == "\"";
        QString problem = problemOfInclude(from, match.captured(2), quoted);
        if (problem.isEmpty() && isPublicHeader(file.path) && quoted)
            problem = "a public header includes an internal one";
        if (!problem.isEmpty()) findings.push_back({file.path, number, problem});
    }
    return findings;
}

Findings checkForm(const SourceFile& file) {
    // Put together from halves, so that this file does not break its own rule.
    static const QRegularExpression later(
        "\\b(TO"
        "DO|FIX"
        "ME|XX"
        "X|HA"
        "CK)\\b");
    static const QRegularExpression machine(
        "(^|[^A-Za-z0-9._}>~-])/(wo"
        "rk|ro"
        "ot|fa"
        "rm|ho"
        "me/[a-z]+|Us"
        "ers/[a-z]+)/");
    Findings findings;
    const QStringList lines = file.lines();
    const bool source = file.isSource();
    static const QRegularExpression spdx("^(//|#) SPDX-License-Identifier: MIT$");
    if (source && lines.mid(0, 2).filter(spdx).isEmpty())
        findings.push_back({file.path, 1, "no SPDX-License-Identifier: MIT on top"});
    const bool decision = file.path.startsWith("docs/decisions/");
    if ((source && lines.size() - 1 > kFileLinesMax) ||
        (decision && lines.size() - 1 > kDecisionLinesMax))
        findings.push_back({file.path, 0, QString("%1 lines").arg(lines.size() - 1)});
    for (int i = 0; i < lines.size(); ++i) {
        const auto columns = lines[i].toUcs4().size();
        if (source && columns > kLineColumnsMax)
            findings.push_back({file.path, i + 1, QString("%1 columns").arg(columns)});
        if (later.match(lines[i]).hasMatch())
            findings.push_back({file.path, i + 1, "left for later"});
        if (machine.match(lines[i]).hasMatch())
            findings.push_back({file.path, i + 1, "a path of one machine"});
    }
    return findings;
}

Findings checkName(const SourceFile& file) {
    static const QRegularExpression generic("(^|[/_.-])(utils?|helpers?|common|misc)([/_.-]|$)",
                                            QRegularExpression::CaseInsensitiveOption);
    if (!generic.match(file.path).hasMatch()) return {};
    return {{file.path, 0, "a name that says nothing: name what is in it"}};
}

Findings checkTestHabits(const SourceFile& file) {
    static const QRegularExpression habit(
        "\\b(qWait|sleep_for|sleep_until|msleep|usleep|QThread::sleep|QSKIP|QEXPECT_FAIL)\\s*\\(");
    Findings findings;
    if (!file.path.startsWith("tests/") || !file.isCpp()) return findings;
    const QStringList lines = file.lines();
    for (int i = 0; i < lines.size(); ++i)
        if (const auto match = habit.match(lines[i]); match.hasMatch())
            findings.push_back({file.path, i + 1, match.captured(1) + " in a test"});
    return findings;
}

Findings checkTestsAreBuilt(const std::vector<SourceFile>& tree, const QSet<QString>& built) {
    const WordsInTests words(tree, built);
    Findings findings;
    for (const SourceFile& file : tree)
        if (file.path.startsWith("tests/") && !built.contains(file.path) && !words.name(file))
            findings.push_back({file.path, 0, "under tests/ but not in the build"});
    return findings;
}

}  // namespace tidy
