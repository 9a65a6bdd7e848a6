// SPDX-License-Identifier: MIT
// What the relay makes of a PUSH: SYNC rules 1, 7, 9, 10 and 12, seen from the wire.
#include "relay/core/sequencer.h"
#include "relay/relay_world.h"

using namespace kimdb;
using namespace kimdb::test;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;

std::uint16_t code(ErrorCode c) {
    return static_cast<std::uint16_t>(c);
}

}  // namespace

class TestSequencer : public QObject {
    Q_OBJECT
 private slots:
    void anAcceptedChangeIsAcknowledgedOnlyWhenDurable() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.turn();
        QVERIFY(alice.hearsNothing());
        world.syncs();
        const auto ack = alice.gets<wire::Ack>();
        QCOMPARE(ack.alias, notes);
        QCOMPARE(ack.replica, kAlice);
        QCOMPARE(ack.counter, 1u);
        QCOMPARE(ack.flags, std::uint8_t{wire::kDurable});
    }

    void theAckGoesFirstThenTheOwnChangeComesAsAMark() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.syncs();
        alice.gets<wire::Ack>();
        const auto ops = alice.gets<wire::Ops>();
        QCOMPARE(ops.prev, 0u);
        QCOMPARE(ops.last, 1u);
        const auto items = alice.items(notes, ops.batch);
        QCOMPARE(items.size(), 1u);
        QVERIFY(std::get<wire::Mark>(items[0]) == (wire::Mark{kAlice, 1, 1}));
    }

    void pushesOfOneGroupCommitGetOneAck() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        for (const char* text : {"a", "b", "c"}) alice.types(notes, author, text);
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 3u);
        QCOMPARE(alice.gets<wire::Ops>().last, 3u);
        QVERIFY(alice.hearsNothing());
    }

    void anEqualChangeAgainIsADuplicate() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change change = alice.types(notes, author, "a");
        world.syncs();
        alice.forgets();
        alice.pushes(notes, Hash16{}, {change});
        world.turn();
        const auto ack = alice.gets<wire::Ack>();
        QCOMPARE(ack.counter, 1u);
        QCOMPARE(ack.flags, std::uint8_t{wire::kDurable | wire::kDuplicate});
        QCOMPARE(*world.store->lastPosition("notes/1"), 1u);
    }

    // What this version cannot read is one change that is refused, not the end of the session.
    void aSealedChangeIsRefusedForGood() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change first = author.writes("a");
        const wire::Sealed sealed = author.seals();
        const Change behind = author.writesAt(3, "c");
        const auto number = alice.pushesItems(notes, Hash16{}, {first, sealed, behind});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.number, number);
        QCOMPARE(nack.first, 2u);
        QCOMPARE(nack.code, code(ErrorCode::Unsupported));
        QVERIFY(nack.permanent);
        QVERIFY(!alice.closed);
        QCOMPARE(*world.store->lastPosition("notes/1"), 1u);
    }

    void aSealedChangeIsRememberedAndClosedByVoid() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        const Hash16 before = author.hash;
        const wire::Sealed sealed = author.seals();
        alice.pushesItems(notes, before, {sealed});
        world.syncs();
        world.crashes();
        Client& again = world.connects(kAlice);
        const auto alias = again.joins("notes/1");
        Change readable = sealed.head;
        readable.structure = "\x01";
        again.pushes(alias, before, {readable});
        world.syncs();
        QCOMPARE(again.gets<wire::Nack>().code, code(ErrorCode::Unsupported));
        again.pushes(alias, before, {voidOf(readable)});
        world.syncs();
        QCOMPARE(again.gets<wire::Ack>().counter, 2u);
    }

    void aSealedChangeAtATakenCounterIsEquivocation() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const wire::Sealed sealed = author.seals();
        alice.types(notes, author, "a");
        world.syncs();
        alice.forgets();
        alice.pushesItems(notes, Hash16{}, {sealed});
        world.syncs();
        QCOMPARE(alice.gets<wire::Nack>().code, code(ErrorCode::Equivocation));
    }

    void aSealedChangeOfAReaderIsNotAllowed() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        QVERIFY(world.core->setPermission("*", "notes/1", wire::kRead).ok());
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.pushesItems(notes, Hash16{}, {author.seals()});
        world.syncs();
        QCOMPARE(alice.gets<wire::Nack>().code, code(ErrorCode::NotAllowed));
    }

    void aDuplicateOfWhatIsNotDurableWaitsToo() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change change = alice.types(notes, author, "a");
        alice.pushes(notes, Hash16{}, {change});
        world.turn();
        QVERIFY(alice.hearsNothing());
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().flags, std::uint8_t{wire::kDurable});
        QCOMPARE(alice.gets<wire::Ack>().flags, std::uint8_t{wire::kDurable | wire::kDuplicate});
    }

    void whatIsNeitherDurableNorAcknowledgedIsGoneAfterACrash() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change change = alice.types(notes, author, "a");
        world.crashes();
        Client& again = world.connects(kAlice);
        const auto alias = again.joins("notes/1");
        again.pushes(alias, Hash16{}, {change});
        world.syncs();
        QCOMPARE(again.gets<wire::Ack>().flags, std::uint8_t{wire::kDurable});
    }

    void aDifferentChangeWithTheSameCounterIsEquivocation() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.syncs();
        alice.forgets();
        const auto push = alice.pushes(notes, Hash16{}, {author.writesAt(1, "b")});
        world.turn();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::Equivocation));
        QCOMPARE(nack.number, push);
        QCOMPARE(nack.first, 1u);
        QVERIFY(nack.permanent);
    }

    void whatIsEqualInFrontOfADifferentChangeIsAcknowledged() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change a = alice.types(notes, author, "a");
        alice.types(notes, author, "b");
        world.syncs();
        alice.forgets();
        alice.pushes(notes, Hash16{}, {a, author.writesAt(2, "other")});
        world.turn();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::Equivocation));
        QCOMPARE(nack.first, 2u);
    }

    void aDifferentHistoryInFrontOfANewChangeIsEquivocation() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice), copy(kAlice);
        alice.types(notes, author, "a");
        world.syncs();
        alice.forgets();
        copy.writes("other");
        alice.types(notes, copy, "b");
        world.turn();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::Equivocation));
        QCOMPARE(nack.first, 2u);
    }

    void anEqualChangeBehindADifferentHistoryIsNotAcknowledged() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice), copy(kAlice);
        alice.types(notes, author, "a");
        const Change second = alice.types(notes, author, "same");
        alice.types(notes, author, "c");
        world.syncs();
        alice.forgets();
        copy.writes("other");
        alice.pushes(notes, copy.hash, {second});
        world.turn();
        QCOMPARE(alice.gets<wire::Nack>().code, code(ErrorCode::Equivocation));
        QVERIFY(alice.hearsNothing());
        alice.pushes(notes, author.hash_before, {author.writes("d")});
        world.syncs();
        QVERIFY(alice.next<wire::Ack>().has_value());
    }

    void aRetryThatOverlapsContinuesWhereTheRelayStands() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change a = alice.types(notes, author, "a");
        const Change b = alice.types(notes, author, "b");
        world.syncs();
        alice.forgets();
        const Change c = author.writes("c");
        alice.pushes(notes, Hash16{}, {a, b, c});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 3u);
        QCOMPARE(*world.store->lastPosition("notes/1"), 3u);
    }

    void aRetryAfterARestartIsComparedWithTheStore() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change a = alice.types(notes, author, "a");
        alice.types(notes, author, "b");
        world.syncs();
        world.crashes();
        Client& again = world.connects(kAlice);
        const auto alias = again.joins("notes/1");
        again.pushes(alias, Hash16{}, {a});
        world.syncs();
        const auto ack = again.gets<wire::Ack>();
        QCOMPARE(ack.counter, 1u);
        QVERIFY(ack.flags & wire::kDuplicate);
    }

    void aLaterCounterIsAGap() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        author.writes("lost");
        const auto push = alice.pushes(notes, author.hash, {author.writes("b")});
        world.turn();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::Gap));
        QCOMPARE(nack.number, push);
        QCOMPARE(nack.first, 2u);
        QVERIFY(!nack.permanent);
    }

    void missingDepsAreTemporary() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        Client& bob = world.connects(kBob);
        const auto a = alice.joins("notes/1");
        const auto b = bob.joins("notes/1");
        Author author_a(kAlice), author_b(kBob);
        const Change needs = author_b.writes("b", {{kAlice, 1}});
        bob.pushes(b, Hash16{}, {needs});
        world.turn();
        const auto nack = bob.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::MissingDependencies));
        QVERIFY(!nack.permanent);
        QVERIFY(nack.retry_ms > 0);
        alice.types(a, author_a, "a");
        bob.pushes(b, Hash16{}, {needs});
        world.syncs();
        QCOMPARE(bob.gets<wire::Ack>().counter, 1u);
    }

    void partOfAPushCanBeAccepted() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        const Change good = author.writes("a");
        const Change early = author.writes("b", {{kBob, 1}});
        alice.pushes(notes, Hash16{}, {good, early});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
        QCOMPARE(alice.gets<wire::Nack>().first, 2u);
    }

    void aRefusalIsDurableBeforeItIsTold() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        QVERIFY(world.core->setPermission("anonymous", "notes/1", wire::kRead).ok());
        world.syncs();
        alice.forgets();
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.turn();
        QVERIFY(alice.hearsNothing());
        world.syncs();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::NotAllowed));
        QVERIFY(nack.permanent);
    }

    void aRefusedCounterTakesOnlyVoidEvenAfterARestartAndWithTheRightBack() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        auto notes = alice.joins("notes/1");
        QVERIFY(world.core->setPermission("anonymous", "notes/1", wire::kRead).ok());
        Author author(kAlice);
        const Change refused = alice.types(notes, author, "a");
        world.syncs();
        world.crashes();
        QVERIFY(world.core->setPermission("anonymous", "notes/1", kAllRights).ok());
        Client& again = world.connects(kAlice);
        notes = again.joins("notes/1");
        again.pushes(notes, Hash16{}, {refused});
        world.syncs();
        QCOMPARE(again.gets<wire::Nack>().code, code(ErrorCode::NotAllowed));
        Author rebuilt(kAlice);
        rebuilt.takes(voidOf(refused));
        again.pushes(notes, Hash16{}, {voidOf(refused)});
        again.types(notes, rebuilt, "b");
        world.syncs();
        QCOMPARE(again.gets<wire::Ack>().counter, 2u);
    }

    void voidNeedsNoRole() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        QVERIFY(world.core->setPermission("anonymous", "notes/1", 0).ok());
        const auto notes = alice.subscribes("notes/1");
        Author author(kAlice);
        const Change refused = alice.types(notes, author, "a");
        world.syncs();
        QVERIFY(alice.next<wire::Nack>()->permanent);
        alice.pushes(notes, Hash16{}, {voidOf(refused)});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
    }

    void commentersWriteCommentsOnly() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        const std::uint8_t commenter = wire::kRead | wire::kComment;
        QVERIFY(world.core->setPermission("anonymous", "notes/1", commenter).ok());
        Author author(kAlice);
        Change comment = author.writesAt(1, "well done");
        comment.op_class = OpClass::Comment;
        author.takes(comment);
        alice.pushes(notes, Hash16{}, {comment});
        alice.types(notes, author, "content");
        world.syncs();
        alice.gets<wire::Perm>();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.first, 2u);
        QVERIFY(nack.permanent);
    }

    void aFullDiskIsTemporaryAndLeavesNoTrace() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        alice.types(notes, author, "a");
        world.syncs();
        alice.forgets();
        world.store->setFull(true);
        const Change change = alice.types(notes, author, "b");
        world.turn();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::StorageFull));
        QVERIFY(!nack.permanent);
        QVERIFY(nack.retry_ms > 0);
        world.store->setFull(false);
        alice.pushes(notes, author.hash_before, {change});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 2u);
    }

    void theLogHasDensePositionsAndARollingHash() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        Client& bob = world.connects(kBob);
        const auto a = alice.joins("notes/1");
        const auto b = bob.joins("notes/1");
        Author author_a(kAlice), author_b(kBob, 't');
        std::vector<Hash16> hashes;
        for (int i = 0; i < 4; ++i) {
            Author& author = i % 2 ? author_b : author_a;
            const Change change = (i % 2 ? bob : alice).types(i % 2 ? b : a, author, "x");
            hashes.push_back(author.hashOf(change));
        }
        world.syncs();
        const auto log = world.store->readLog("notes/1", 0, 1 << 20);
        QCOMPARE(log->size(), 4u);
        Hash16 rolling;
        for (std::size_t i = 0; i < log->size(); ++i) {
            rolling = rollingHash(rolling, hashes[i]);
            QCOMPARE((*log)[i].position, i + 1);
            QVERIFY((*log)[i].log_hash == rolling);
            QCOMPARE((*log)[i].user, std::string("anonymous"));
        }
    }

    void tooManyUnansweredPushesAreToldToWait() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        for (int i = 0; i <= limits::kPushesOutstandingMax; ++i) alice.types(notes, author, "x");
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, std::uint64_t{limits::kPushesOutstandingMax});
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::RateLimited));
        QVERIFY(!nack.permanent);
    }

    void aDuplicateFarBehindTheHeadEndsTheSession() {
        RelayWorld world;
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author author(kAlice);
        std::vector<Change> changes;
        for (int i = 0; i < relay::kDuplicatesBehindMax + 2; ++i)
            changes.push_back(author.writes("x"));
        alice.pushes(notes, Hash16{}, changes);
        world.syncs();
        alice.forgets();
        alice.pushes(notes, Hash16{}, {changes[0], changes[1]});
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 2u);
        alice.pushes(notes, Hash16{}, {changes[0]});
        QVERIFY(alice.closed.has_value());
        QCOMPARE(int(*alice.closed), 4029);
    }

    void aDocumentTakesAsManyReplicasAsOneTableOfTheWireHolds() {
        relay::Stream stream;
        stream.head = 1;
        MemoryLogStore::State state;
        auto& keys = state.documents["notes/1"].keys;
        for (ReplicaId id = 1; id < limits::kReplicasPerBatchMax; ++id)
            keys[relay::Stream::key(kBob + id)] = stream.encode();
        RelayWorld world;
        world.restartsFrom(std::move(state), false);
        Client& alice = world.connects(kAlice);
        const auto notes = alice.joins("notes/1");
        Author last(kAlice), surplus(kBob);
        alice.types(notes, last, "a");
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 1u);
        alice.forgets();
        alice.types(notes, surplus, "b");
        world.syncs();
        const auto nack = alice.gets<wire::Nack>();
        QCOMPARE(nack.code, code(ErrorCode::TooLarge));
        QVERIFY(!nack.permanent);
        alice.forgets();
        alice.types(notes, last, "c");
        world.syncs();
        QCOMPARE(alice.gets<wire::Ack>().counter, 2u);
    }
};

QTEST_APPLESS_MAIN(TestSequencer)
#include "tst_sequencer.moc"
