// SPDX-License-Identifier: MIT
// Who may see and write what, and what changes for those who are connected (SYNC rules 12, 17).
#include "relay/relay_world.h"

using namespace kimdb;
using namespace kimdb::test;

namespace {

constexpr ReplicaId kAlice = 0xA11CE;
constexpr ReplicaId kBob = 0xB0B;

relay::RelayCore::Options withTokens() {
    relay::RelayCore::Options options;
    options.authenticate = [](ByteView token) -> Result<relay::Identity> {
        relay::Identity who = userNamed(token.substr(0, token.find(' ')));
        if (token.ends_with(" with grants"))
            who.grants = {{{"notes/*", relay::Role::Reader},
                           {"notes/mine-*", relay::Role::Writer},
                           {"other/*", relay::Role::Admin},
                           {"other/secret", relay::Role::None}}};
        return who;
    };
    return options;
}

//! Alice and Bob, two users, in one document.
struct Office {
    RelayWorld world{withTokens()};
    Client& alice = world.connects(kAlice, "alice");
    Client& bob = world.connects(kBob, "bob");
    wire::Alias a = alice.joins("notes/1");
    wire::Alias b = bob.joins("notes/1");
    Author author_a{kAlice, 'a'};
    Author author_b{kBob, 'b'};

    void allows(const std::string& user, const std::string& document, std::uint8_t bits) {
        const auto ok = world.core->setPermission(user, document, bits);
        if (!ok) QTest::qFail(ok.error().message.c_str(), __FILE__, __LINE__);
    }
};

}  // namespace

class TestPermissions : public QObject {
    Q_OBJECT
 private slots:
    void permIsToldWhenItIsDurableAndNothingFollowsIt() {
        Office office;
        office.alice.types(office.a, office.author_a, "before");
        office.world.syncs();
        office.allows("bob", "notes/1", 0);
        office.alice.types(office.a, office.author_a, "after");
        office.world.syncs();
        const auto before = office.bob.items(office.b, office.bob.gets<wire::Ops>().batch);
        QCOMPARE(textOf(std::get<Change>(before.at(0))), std::string("before"));
        QCOMPARE(office.bob.gets<wire::Perm>().permissions, std::uint8_t{0});
        QVERIFY(office.bob.hearsNothing());
        QCOMPARE(office.alice.next<wire::Ack>()->counter, 1u);
    }

    void whatIsCommittedButNotSentIsWithheldToo() {
        Office office;
        office.alice.types(office.a, office.author_a, "committed");
        office.allows("bob", "notes/1", 0);
        QVERIFY(office.bob.hearsNothing());
        office.world.syncs();
        QCOMPARE(office.bob.gets<wire::Perm>().alias, office.b);
        QVERIFY(office.bob.hearsNothing());
    }

    void aBacklogFromTheLogStopsToo() {
        Office office;
        for (int i = 0; i < 8; ++i)
            office.alice.types(office.a, office.author_a, std::string(100'000, 'x'));
        office.world.core->setPeerBacklog(office.bob.peer(), limits::kPeerQueueBytesSlow + 1);
        office.world.syncs();
        QVERIFY(office.bob.hearsNothing());
        office.allows("bob", "notes/1", 0);
        office.world.core->setPeerBacklog(office.bob.peer(), 0);
        office.world.syncs();
        office.bob.gets<wire::Perm>();
        QVERIFY(office.bob.hearsNothing());
    }

    void losingTheRightToWriteIsToldAndReadingGoesOn() {
        Office office;
        office.allows("bob", "notes/1", wire::kRead);
        office.world.syncs();
        QCOMPARE(office.bob.gets<wire::Perm>().permissions, std::uint8_t{wire::kRead});
        office.alice.types(office.a, office.author_a, "hi");
        office.world.syncs();
        QCOMPARE(office.bob.gets<wire::Ops>().last, 1u);
    }

    void presenceEndsInTheSameTurn() {
        Office office;
        office.bob.says(wire::Presence{office.b, 0, 1, 30'000, "bob is here"});
        office.alice.says(wire::Presence{office.a, 0, 1, 30'000, "alice is here"});
        office.world.turn();
        office.alice.forgets();
        office.bob.forgets();
        office.allows("bob", "notes/1", 0);
        QVERIFY(office.alice.gets<wire::Presence>().state.empty());
        office.bob.says(wire::Presence{office.b, 0, 2, 30'000, "still here"});
        office.alice.says(wire::Presence{office.a, 0, 2, 30'000, "alice moves"});
        office.world.passes(std::chrono::seconds(1));
        QVERIFY(!office.alice.next<wire::Presence>().has_value());
        QVERIFY(!office.bob.next<wire::Presence>().has_value());
    }

    void aDeniedDocumentLooksLikeOneThatDoesNotExist() {
        Office office;
        office.alice.types(office.a, office.author_a, "secret");
        office.allows("bob", "*", 0);
        office.allows("bob", "notes/1", 0);
        office.world.syncs();
        office.bob.forgets();
        office.bob.subscribes("notes/1", {kBob});
        office.bob.subscribes("notes/absent", {kBob});
        office.world.syncs();
        auto there = office.bob.gets<wire::SubOk>();
        auto absent = office.bob.gets<wire::SubOk>();
        QCOMPARE(there.plan, wire::Plan::Denied);
        there.alias = absent.alias = 0;
        QVERIFY(there == absent);
        QVERIFY(office.bob.hearsNothing());
    }

    void ownHeadsAreToldEvenWhenReadingIsDenied() {
        Office office;
        office.bob.types(office.b, office.author_b, "mine");
        office.allows("bob", "notes/1", 0);
        office.world.syncs();
        office.bob.forgets();
        office.bob.subscribes("notes/1", {kBob, kAlice});
        office.world.syncs();
        const auto answer = office.bob.gets<wire::SubOk>();
        QCOMPARE(answer.streams.size(), 1u);  // Alice's id is not his
        QVERIFY(answer.streams[0] == (wire::StreamState{kBob, 1, office.author_b.hash, 0}));
    }

    void theRightComesBackWithANewSubscription() {
        Office office;
        office.allows("bob", "notes/1", 0);
        office.alice.types(office.a, office.author_a, "meanwhile");
        office.allows("bob", "notes/1", kAllRights);
        office.world.syncs();
        office.bob.gets<wire::Perm>();
        QCOMPARE(office.bob.gets<wire::Perm>().permissions, kAllRights);
        QVERIFY(office.bob.hearsNothing());
        const auto again = office.bob.subscribes("notes/1");
        office.world.syncs();
        QCOMPARE(office.bob.gets<wire::SubOk>().plan, wire::Plan::Changes);
        QCOMPARE(office.bob.items(again, office.bob.gets<wire::Chunk>().batch).size(), 1u);
    }

    void aChangeIsJudgedByThePermissionOfItsMoment() {
        Office office;
        office.bob.types(office.b, office.author_b, "in time");
        office.allows("bob", "notes/1", wire::kRead);
        office.bob.types(office.b, office.author_b, "too late");
        office.world.syncs();
        QCOMPARE(office.bob.next<wire::Ack>()->counter, 1u);
        const auto nack = office.bob.next<wire::Nack>();
        QVERIFY(nack && nack->permanent && nack->first == 2);
    }

    void theEntryOfADocumentGoesBeforeTheGeneralOne_data() {
        QTest::addColumn<QString>("user");
        QTest::addColumn<QString>("document");
        QTest::addColumn<bool>("reads");
        QTest::newRow("own entry") << "bob"
                                   << "notes/1" << true;
        QTest::newRow("everybody in the document") << "carol"
                                                   << "notes/1" << false;
        QTest::newRow("the user everywhere") << "bob"
                                             << "other/1" << false;
        QTest::newRow("everybody everywhere") << "carol"
                                              << "other/1" << true;
    }

    void theEntryOfADocumentGoesBeforeTheGeneralOne() {
        QFETCH(QString, user);
        QFETCH(QString, document);
        QFETCH(bool, reads);
        Office office;
        office.allows("bob", "notes/1", kAllRights);
        office.allows("*", "notes/1", 0);
        office.allows("bob", "*", 0);
        office.allows("*", "*", wire::kRead);
        office.world.syncs();
        office.world.crashes();  // and all of it after a restart
        Client& client = office.world.connects(0x123, user.toStdString());
        client.subscribes(document.toStdString());
        office.world.syncs();
        QCOMPARE(client.gets<wire::SubOk>().plan != wire::Plan::Denied, reads);
    }

    // What may be done where: by the token alone, and with entries of the relay.
    void grantsHoldWhereNoEntryNamesUserOrDocument_data() {
        QTest::addColumn<QString>("document");
        QTest::addColumn<int>("by_token");
        QTest::addColumn<int>("with_entries");
        QTest::newRow("a pattern") << "notes/1" << 1 << 1;
        QTest::newRow("the greatest of two") << "notes/mine-1" << 7 << 7;
        QTest::newRow("none takes nothing from another") << "other/secret" << 15 << 15;
        QTest::newRow("no pattern") << "third/1" << 0 << 0;
        QTest::newRow("an entry that lets down") << "other/1" << 15 << 1;
        QTest::newRow("an entry that lifts") << "third/2" << 0 << 7;
        QTest::newRow("an entry for everybody") << "notes/2" << 1 << 0;
    }

    void grantsHoldWhereNoEntryNamesUserOrDocument() {
        QFETCH(QString, document);
        QFETCH(int, by_token);
        QFETCH(int, with_entries);
        RelayWorld world(withTokens());
        const auto of = [&](const char* token) {
            Client& client = world.connects(0x123, token);
            client.subscribes(document.toStdString());
            world.syncs();
            return int(client.gets<wire::SubOk>().permissions);
        };
        QCOMPARE(of("ann with grants"), by_token);
        QVERIFY(world.core->setPermission("ann", "other/1", wire::kRead).ok());
        QVERIFY(world.core->setPermission("ann", "third/2", 7).ok());
        QVERIFY(world.core->setPermission("*", "notes/2", 0).ok());
        QVERIFY(world.core->setPermission("*", "*", wire::kRead).ok());
        QCOMPARE(of("ann with grants"), with_entries);
    }

    void aNewTokenChangesWhatMayBeDone() {
        RelayWorld world(withTokens());
        Client& ann = world.connects(0x123, "ann with grants");
        const auto notes = ann.joins("notes/1");
        ann.says(wire::Auth{"ann"});  // no grants: the default, which is everything here
        world.syncs();
        const auto perm = ann.next<wire::Perm>();
        QVERIFY(perm.has_value());
        QCOMPARE(perm->alias, notes);
        QCOMPARE(int(perm->permissions), 15);
    }

    void nonsenseIsRefused() {
        Office office;
        const auto code = [&](const char* user, const char* document, int bits) {
            const auto ok =
                office.world.core->setPermission(user, document, static_cast<std::uint8_t>(bits));
            return ok.ok() ? ErrorCode::None : ok.error().code;
        };
        QCOMPARE(code("bob", "a/b/c", 0), ErrorCode::InvalidName);
        QCOMPARE(code("", "notes/1", 0), ErrorCode::InvalidArgument);
        QCOMPARE(code("two\nlines", "notes/1", 0), ErrorCode::InvalidArgument);
        QCOMPARE(code("bob", "notes/1", 16), ErrorCode::InvalidArgument);
        QCOMPARE(code("bob", "1", 0), ErrorCode::None);
    }

    void aFullDiskLeavesThePermissionsAsTheyAre() {
        Office office;
        office.world.store->setFull(true);
        const auto ok = office.world.core->setPermission("bob", "notes/1", 0);
        QVERIFY(!ok);
        QCOMPARE(ok.error().code, ErrorCode::StorageFull);
        office.world.store->setFull(false);
        office.alice.types(office.a, office.author_a, "hi");
        office.world.syncs();
        QCOMPARE(office.bob.gets<wire::Ops>().last, 1u);
    }
};

QTEST_APPLESS_MAIN(TestPermissions)
#include "tst_permissions.moc"
