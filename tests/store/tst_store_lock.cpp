// SPDX-License-Identifier: MIT
// One process owns a folder. This program is its own second process: with --hold PATH it opens the
// database, says so and waits for its stdin to close.
#include <unistd.h>

#include <iostream>

#include "store/store_fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using store::Engine;

namespace {

int hold(const std::string& path) {
    auto engine = Engine::open({.path = path});
    std::cout << (engine ? "open" : engine.error().message) << std::endl;
    std::cin.get();
    return engine ? 0 : 1;
}

}  // namespace

class TestStoreLock : public QObject {
    Q_OBJECT
 private slots:
    void aSecondOpenInThisProcessIsRefused() {
        StoreFolder folder;
        auto engine = folder.open();
        const auto second = Engine::open(folder.options());
        QCOMPARE(second.error().code, ErrorCode::DatabaseBusy);
        QVERIFY2(second.error().message.find(std::to_string(getpid())) != std::string::npos,
                 second.error().message.c_str());
        KIMDB_OK(engine->commit(putOf("c/d", "k", "v")));  // the first is none the worse
        engine.reset();
        QVERIFY(*folder.open()->get("c/d", "k") == "v");
    }

    void anotherProcessIsNamedByPidAndProgram() {
        StoreFolder folder;
        QProcess child;
        child.start(QCoreApplication::applicationFilePath(),
                    {"--hold", QString::fromStdString(folder.path())});
        QVERIFY(child.waitForReadyRead(60'000));
        QCOMPARE(child.readLine().trimmed(), QByteArray("open"));
        const auto before = folder.bytes();
        const auto refused = Engine::open(folder.options());
        QCOMPARE(refused.error().code, ErrorCode::DatabaseBusy);
        const std::string& message = refused.error().message;
        QVERIFY2(message.find("process " + std::to_string(child.processId())) != std::string::npos,
                 message.c_str());
        QVERIFY2(message.find("tst_store_lock") != std::string::npos, message.c_str());
        QVERIFY(folder.bytes() == before);
        child.closeWriteChannel();
        QVERIFY(child.waitForFinished(60'000));
        QCOMPARE(child.exitCode(), 0);
        KIMDB_OK(Engine::open(folder.options()));
    }

    void aKilledOwnerLeavesTheFolderFree() {
        StoreFolder folder;
        QProcess child;
        child.start(QCoreApplication::applicationFilePath(),
                    {"--hold", QString::fromStdString(folder.path())});
        QVERIFY(child.waitForReadyRead(60'000));
        child.kill();
        QVERIFY(child.waitForFinished(60'000));
        KIMDB_OK(Engine::open(folder.options()));
    }
};

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "--hold") return hold(argv[2]);
    QCoreApplication app(argc, argv);
    TestStoreLock test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_store_lock.moc"
