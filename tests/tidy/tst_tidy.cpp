// SPDX-License-Identifier: MIT
// The tree keeps the rules of docs/STYLE.md; and each rule catches what it is there for.
#include <QtTest>

#include "tidy/rules.h"

using namespace tidy;

namespace {

const QString kSpdx = "// SPDX-License-Identifier: MIT\n";

QSet<QString> testsInBuild() {
    QFile list(KIMDB_TESTS_IN_BUILD);
    if (!list.open(QIODevice::ReadOnly)) qFatal("no list of the tests in the build");
    const QStringList paths = QString::fromUtf8(list.readAll()).split('\n', Qt::SkipEmptyParts);
    return QSet<QString>(paths.begin(), paths.end());
}

QString included(const QString& path, const QString& include) {
    const Findings findings = checkIncludes({path, kSpdx + "#include " + include + '\n'});
    return findings.empty() ? QString() : findings.front().message;
}

QString formOf(const QString& text, const QString& path = "sdk/core/x.cpp") {
    const Findings findings = checkForm({path, text});
    return findings.empty() ? QString() : findings.front().message;
}

}  // namespace

class TestTidy : public QObject {
    Q_OBJECT
 private slots:
    void theTreeIsTidy() {
        const std::vector<SourceFile> tree = readTree(KIMDB_SOURCE_ROOT);
        QVERIFY2(tree.size() > 50, "the tree was not found");
        Findings findings = checkTestsAreBuilt(tree, testsInBuild());
        for (const SourceFile& file : tree)
            for (const auto check : {checkIncludes, checkForm, checkName, checkTestHabits})
                for (const Finding& finding : check(file)) findings.push_back(finding);
        for (const Finding& f : findings)
            qWarning("%s:%d: %s", qPrintable(f.path), f.line, qPrintable(f.message));
        QCOMPARE(findings.size(), std::size_t{0});
    }

    void assertionsAreOnInTests() {
#ifdef NDEBUG
        QFAIL("tests are built with NDEBUG");
#endif
    }

    void crossingALayerIsFound_data() {
        QTest::addColumn<QString>("path");
        QTest::addColumn<QString>("include");
        QTest::addColumn<bool>("allowed");
        const auto row = [](const char* path, const char* include, bool allowed) {
            QTest::addRow("%s includes %s", path, include) << path << include << allowed;
        };
        row("sdk/crdt/rga.cpp", "\"core/bytes.h\"", true);
        row("sdk/crdt/rga.cpp", "<kimdb/crdt/document.h>", true);
        row("sdk/crdt/rga.cpp", "<kimdb/ids.h>", true);
        row("sdk/crdt/rga.cpp", "<vector>", true);
        row("sdk/crdt/rga.cpp", "\"store/journal.h\"", false);
        row("sdk/crdt/rga.cpp", "<kimdb/store.h>", false);
        row("sdk/crdt/rga.cpp", "<kimdb/database.h>", false);
        row("sdk/core/bytes.h", "\"wire/frame.h\"", false);
        row("sdk/store/shard.cpp", "\"crdt/rga.h\"", false);
        row("sdk/store/shard.cpp", "<sqlite3.h>", true);
        row("sdk/sync/engine.cpp", "\"crdt/rga.h\"", true);
        row("sdk/sync/engine.cpp", "\"client/database.h\"", false);
        row("sdk/net/link.cpp", "\"wire/frame.h\"", false);
        row("sdk/client/database.cpp", "\"net/link.h\"", true);
        row("sdk/client/database.cpp", "<kimdb/relay/server.h>", false);
        row("relay/core/room.cpp", "\"crdt/rga.h\"", false);
        row("relay/core/room.cpp", "\"net/link.h\"", false);
        row("relay/edge.cpp", "\"net/link.h\"", true);
        row("relay/edge.cpp", "\"relay/core/room.h\"", true);
        row("relay/edge.cpp", "<kimdb/relay/server.h>", true);
        row("relay/edge.cpp", "\"sync/engine.h\"", false);
        row("qml/text_area.cpp", "<kimdb/database.h>", true);
        row("qml/text_area.cpp", "\"client/database.h\"", false);
        row("examples/game-state/main.cpp", "<kimdb/relay/server.h>", true);
        row("examples/game-state/main.cpp", "\"arena.h\"", true);
        row("examples/game-state/main.cpp", "\"store/journal.h\"", false);
        row("examples/game-state/main.cpp", "\"qml/text_area.h\"", false);
        row("sdk/include/kimdb/ids.h", "<kimdb/database.h>", false);
        row("sdk/include/kimdb/database.h", "<kimdb/ids.h>", true);
        row("sdk/include/kimdb/database.h", "\"client/database.h\"", false);
        row("relay/include/kimdb/relay/server.h", "\"relay/edge.h\"", false);
        row("tests/store/tst_journal.cpp", "\"store/journal.h\"", true);
        row("tests/store/tst_journal.cpp", "\"tst_journal.moc\"", true);
    }
    void crossingALayerIsFound() {
        QFETCH(QString, path);
        QFETCH(QString, include);
        QFETCH(bool, allowed);
        const QString problem = included(path, include);
        QVERIFY2(problem.isEmpty() == allowed, qPrintable(problem));
    }

    void includeWithoutItsLayerIsFound() {
        QVERIFY(included("sdk/core/bytes.h", "\"hash.h\"").startsWith("include without its layer"));
        QVERIFY(!included("tests/core/tst_x.cpp", "\"hash.h\"").isEmpty());
        QVERIFY(!included("sdk/core/bytes.h", "\"lib/hash.h\"").isEmpty());
        QVERIFY(!included("sdk/core/bytes.h", "\"kimdb/ids.h\"").isEmpty());
    }

    void qtInAQtFreeLayerIsFound() {
        for (const char* layer :
             {"sdk/core", "sdk/crdt", "sdk/store", "sdk/wire", "sdk/sync", "relay/core"})
            for (const char* qt :
                 {"<QString>", "<QtCore/QObject>", "<QtGlobal>", "<qglobal.h>", "\"QTimer\""})
                QVERIFY2(!included(QString(layer) + "/x.cpp", qt).isEmpty(), qt);
        QVERIFY(!included("sdk/include/kimdb/crdt/document.h", "<QString>").isEmpty());
        QVERIFY(included("sdk/include/kimdb/database.h", "<QObject>").isEmpty());
        QVERIFY(included("sdk/net/link.h", "<QWebSocket>").isEmpty());
    }

    void formIsChecked() {
        QCOMPARE(formOf(kSpdx + "int x;\n"), QString());
        QCOMPARE(formOf("#!/usr/bin/env bash\n# SPDX-License-Identifier: MIT\n", "dev"), QString());
        QVERIFY(formOf("int x;\n").contains("SPDX"));
        QVERIFY(formOf("// SPDX-License-Identifier: MIT Essay\n").contains("SPDX"));
        QVERIFY(formOf("#!/usr/bin/env bash\n", "dev").contains("SPDX"));
        QVERIFY(formOf("set(x 1)\n", "sdk/CMakeLists.txt").contains("SPDX"));
        QCOMPARE(formOf("# A document\n", "docs/STYLE.md"), QString());
        QCOMPARE(formOf(kSpdx + QString(599, '\n')), QString());
        QCOMPARE(formOf(kSpdx + QString(600, '\n')), QString("601 lines"));
        QCOMPARE(formOf(QString(41, '\n'), "docs/decisions/0001-x.md"), QString("41 lines"));
        QCOMPARE(formOf(QString(41, '\n'), "docs/STORAGE.md"), QString());
        QCOMPARE(formOf(kSpdx + QString(100, QChar(0x00e9)) + '\n'), QString());
        QCOMPARE(formOf(kSpdx + QString(101, 'x') + '\n'), QString("101 columns"));
        for (const char* word : {"TO"
                                 "DO",
                                 "FIX"
                                 "ME",
                                 "XX"
                                 "X",
                                 "HA"
                                 "CK"}) {
            QCOMPARE(formOf(kSpdx + "// " + word + ": more\n"), QString("left for later"));
            QCOMPARE(formOf(QString(word) + '\n', "docs/STORAGE.md"), QString("left for later"));
        }
        for (const char* path : {"/wo"
                                 "rk/x",
                                 "/ho"
                                 "me/ada/x",
                                 "/ro"
                                 "ot/x"})
            QCOMPARE(formOf(kSpdx + "// see " + path + '\n'), QString("a path of one machine"));
        QCOMPARE(formOf(kSpdx + "// <prefix>/wo"
                                "rk/x and src/ro"
                                "ot/x\n"),
                 QString());
    }

    void genericNamesAreFound() {
        for (const char* path : {"sdk/core/utils.h", "sdk/helpers/x.h", "qml/Misc.qml",
                                 "tests/common/x.h", "sdk/store/sql_util.cpp"})
            QVERIFY2(!checkName({path, {}}).empty(), path);
        for (const char* path : {"sdk/core/utf8.h", "sdk/store/commonality.h", "dev"})
            QVERIFY2(checkName({path, {}}).empty(), path);
    }

    void testsThatWaitForTimeAreFound() {
        const auto habits = [](const char* path, const char* line) {
            return checkTestHabits({path, line}).size();
        };
        QCOMPARE(habits("tests/net/tst_x.cpp",
                        "QTest::qWait"
                        "(30);"),
                 std::size_t{1});
        QCOMPARE(habits("tests/net/tst_x.cpp",
                        "std::this_thread::sleep_for"
                        "(1s);"),
                 std::size_t{1});
        QCOMPARE(habits("tests/net/tst_x.cpp",
                        "QSKIP"
                        "(\"no data\");"),
                 std::size_t{1});
        QCOMPARE(habits("tests/net/tst_x.cpp", "QTRY_COMPARE(a, b);"), std::size_t{0});
        QCOMPARE(habits("sdk/net/link.cpp",
                        "sleep_for"
                        "(1s);"),
                 std::size_t{0});
    }

    void testsOutsideTheBuildAreFound() {
        const std::vector<SourceFile> tree{
            {"tests/CMakeLists.txt", "add_subdirectory(x)"},
            {"tests/x/CMakeLists.txt", "add(SOURCES tst_a.cpp)\n# tst_b.cpp\nrun(app)"},
            {"tests/x/tst_a.cpp", "#include \"x/used.h\"\nread(\"vectors/one.json\")\n"},
            {"tests/x/tst_b.cpp", "#include \"x/unused.h\"\n"},
            {"tests/x/below.h", ""},
            {"tests/x/used.h", "#include \"x/below.h\"\n"},
            {"tests/x/unused.h", ""},
            {"tests/x/vectors/two.json", ""},
            {"tests/x/orphan.json", ""},
            {"tests/x/app/CMakeLists.txt", "project(app)\nadd_executable(app main.cpp)\n"},
            {"tests/x/app/main.cpp", ""},
            {"tests/x/app/other.cpp", ""},
            {"tests/y/CMakeLists.txt", "add(SOURCES tst_c.cpp)"},
            {"docs/TESTING.md", ""},
        };
        const QSet<QString> built{"tests/CMakeLists.txt", "tests/x/CMakeLists.txt",
                                  "tests/x/tst_a.cpp"};
        QStringList paths;
        for (const Finding& f : checkTestsAreBuilt(tree, built)) paths << f.path;
        QCOMPARE(paths, QStringList({"tests/x/tst_b.cpp", "tests/x/unused.h", "tests/x/orphan.json",
                                     "tests/x/app/other.cpp", "tests/y/CMakeLists.txt"}));
    }

    void aTreeWithoutGitIsWalked() {
        QTemporaryDir root;
        const auto write = [&](const QString& path) {
            QDir().mkpath(QFileInfo(root.filePath(path)).path());
            QFile file(root.filePath(path));
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write("x");
        };
        for (const char* path : {"dev", "sdk/core/x.h", "build/dev/x.h", "other/CMakeCache.txt",
                                 "other/x.h", ".git/config"})
            write(path);
        QStringList paths;
        for (const SourceFile& file : readTree(root.path())) paths << file.path;
        QCOMPARE(paths, QStringList({"dev", "sdk/core/x.h"}));
    }
};

QTEST_GUILESS_MAIN(TestTidy)
#include "tst_tidy.moc"
