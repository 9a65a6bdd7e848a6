// SPDX-License-Identifier: MIT
#include <QColor>
#include <QDateTime>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <cmath>

#include "client/fixture.h"

using namespace kimdb;
using namespace kimdb::test;
using namespace Qt::StringLiterals;

class tst_sdk_document : public QObject {
    Q_OBJECT

 private slots:
    void init() {
        m_folder = std::make_unique<Folder>();
        m_database = m_folder->open();
        m_document = documentOf(*m_database);
    }
    void cleanup() { m_database.reset(); }

    void valuesKeepTheirType_data();
    void valuesKeepTheirType();
    void valuesThatCannotBeStored_data();
    void valuesThatCannotBeStored();
    void updateMergesRecursively();
    void updateIsAllOrNothing();
    void removeTakesOnlyThatKey();
    void readingAHandleWritesNothing();
    void textPositionsAreUtf16Units();
    void replacingHalfAPairTakesThePair();
    void rangesOutsideTheTextAreRefused();
    void splicesReproduceTheText();
    void counterAddsUp();
    void transactionIsOneChange();
    void nestedTransactionsJoin();
    void errorInATransactionIsReported();
    void editInASlotIsAnnouncedAfterwards();
    void tooLargeEditLeavesNoTrace();
    void handlesOutliveTheDatabase();
    void cursorStaysWithItsCharacter();

 private:
    std::unique_ptr<Folder> m_folder;
    std::unique_ptr<Database> m_database;
    Document* m_document = nullptr;
};

void tst_sdk_document::valuesKeepTheirType_data() {
    QTest::addColumn<QVariant>("written");
    QTest::addColumn<QVariant>("read");
    const auto same = [](const char* name, const QVariant& v) { QTest::newRow(name) << v << v; };
    same("bool", true);
    same("integer", qint64{-9'007'199'254'740'993});
    same("double", 1.5);
    same("whole double", 2.0);
    same("text", u"한국어 🎈 é"_s);
    same("empty text", QString());
    same("bytes", QByteArray("\0\xFF", 2));
    same("null", QVariant::fromValue(nullptr));
    same("list", QVariantList{qint64{1}, u"two"_s, QVariantList{}});
    QTest::newRow("int") << QVariant(7) << QVariant(qint64{7});
    QTest::newRow("invalid is null") << QVariant() << QVariant::fromValue(nullptr);
    QTest::newRow("colour") << QVariant(QColor(0xD6336C)) << QVariant(u"#d6336c"_s);
    QTest::newRow("url") << QVariant(QUrl(u"https://qt.io/a"_s)) << QVariant(u"https://qt.io/a"_s);
    QTest::newRow("json") << QVariant(QJsonObject{{u"a"_s, true}})
                          << QVariant(QVariantMap{{u"a"_s, true}});
    QTest::newRow("lone surrogate")
        << QVariant(QString(QChar(0xD83C))) << QVariant(QString(QChar(0xFFFD)));
}

void tst_sdk_document::valuesKeepTheirType() {
    QFETCH(QVariant, written);
    QFETCH(QVariant, read);
    KIMDB_VERIFY_OK(m_document->root().set(u"key"_s, written));
    QCOMPARE(m_document->root().value(u"key"_s), read);
    QCOMPARE(m_document->root().value(u"key"_s).typeId(), read.typeId());

    m_database.reset();
    m_database = m_folder->open();
    m_document = documentOf(*m_database);
    QCOMPARE(m_document->root().value(u"key"_s), read);
    QCOMPARE(m_document->root().value(u"key"_s).typeId(), read.typeId());
}

void tst_sdk_document::valuesThatCannotBeStored_data() {
    QTest::addColumn<QVariant>("value");
    QTest::addColumn<int>("code");
    const int invalid = int(ErrorCode::InvalidArgument);
    QTest::newRow("above 2^63") << QVariant(quint64{1} << 63) << invalid;
    QTest::newRow("not a number") << QVariant(std::nan("")) << invalid;
    QTest::newRow("infinite") << QVariant(HUGE_VAL) << invalid;
    QTest::newRow("point") << QVariant(QPoint(1, 2)) << invalid;
    QTest::newRow("inside a list") << QVariant(QVariantList{QPoint(1, 2)}) << invalid;
    QVariant deep = 1;
    for (int i = 0; i < 100; ++i) deep = QVariantList{deep};
    QTest::newRow("nested deeply") << deep << int(ErrorCode::TooLarge);
}

void tst_sdk_document::valuesThatCannotBeStored() {
    QFETCH(QVariant, value);
    QFETCH(int, code);
    QSignalSpy changed(m_document, &Document::changed);
    KIMDB_COMPARE_ERROR(m_document->root().set(u"key"_s, value), code);
    QVERIFY(!m_document->root().contains(u"key"_s));
    QCOMPARE(changed.count(), 0);
}

void tst_sdk_document::updateMergesRecursively() {
    QSignalSpy changed(m_document, &Document::changed);
    KIMDB_VERIFY_OK(
        m_document->update({{u"title"_s, u"One"_s},
                            {u"author"_s, QVariantMap{{u"name"_s, u"Mina"_s}, {u"age"_s, 30}}}}));
    QCOMPARE(changed.count(), 1);
    KIMDB_VERIFY_OK(m_document->update(
        {{u"author"_s, QVariantMap{{u"age"_s, 31}, {u"pen name"_s, QVariant()}}}}));
    QCOMPARE(changed.count(), 2);
    const QVariantMap author{{u"name"_s, u"Mina"_s},
                             {u"age"_s, qint64{31}},
                             {u"pen name"_s, QVariant::fromValue(nullptr)}};
    QCOMPARE(m_document->toVariantMap(),
             (QVariantMap{{u"title"_s, u"One"_s}, {u"author"_s, author}}));
    QCOMPARE(m_document->root().map(u"author"_s).value(u"age"_s), QVariant(qint64{31}));
}

void tst_sdk_document::updateIsAllOrNothing() {
    KIMDB_COMPARE_ERROR(m_document->update({{u"a"_s, 1}, {u"b"_s, QPoint()}}),
                        ErrorCode::InvalidArgument);
    QCOMPARE(m_document->toVariantMap(), QVariantMap());
    KIMDB_COMPARE_ERROR(m_document->update({{QString(2000, u'k'), 1}}), ErrorCode::InvalidArgument);
}

void tst_sdk_document::removeTakesOnlyThatKey() {
    KIMDB_VERIFY_OK(m_document->update({{u"a"_s, 1}, {u"b"_s, 2}}));
    QSignalSpy maps(m_document, &Document::mapChanged);
    KIMDB_VERIFY_OK(m_document->root().remove(u"a"_s));
    KIMDB_VERIFY_OK(m_document->root().remove(u"never there"_s));
    QCOMPARE(m_document->root().keys(), QStringList{u"b"_s});
    QCOMPARE(maps.count(), 1);
    QCOMPARE(maps.first().at(1).toStringList(), QStringList{u"a"_s});
}

void tst_sdk_document::readingAHandleWritesNothing() {
    QSignalSpy changed(m_document, &Document::changed);
    QCOMPARE(m_document->text(u"body"_s).toString(), QString());
    QCOMPARE(m_document->root().map(u"m"_s).map(u"n"_s).keys(), QStringList());
    QCOMPARE(m_document->root().counter(u"c"_s).value(), 0);
    QCOMPARE(changed.count(), 0);
    QVERIFY(m_document->root().keys().isEmpty());
    KIMDB_VERIFY_OK(m_database->flush());
    QCOMPARE(m_database->documents().value(), QStringList());
}

void tst_sdk_document::textPositionsAreUtf16Units() {
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"a🎈b"_s));
    QCOMPARE(body.length(), 4);
    KIMDB_VERIFY_OK(body.insert(3, u"é"_s));
    QCOMPARE(body.toString(), u"a🎈éb"_s);
    KIMDB_VERIFY_OK(body.remove(1, 2));
    QCOMPARE(body.toString(), u"aéb"_s);
    QCOMPARE(m_document->root().value(u"body"_s), QVariant(u"aéb"_s));
}

void tst_sdk_document::replacingHalfAPairTakesThePair() {
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"a🎈b"_s));
    PlainCopy copy(m_document, body);
    KIMDB_VERIFY_OK(body.replace(2, 1, u"x"_s));
    QCOMPARE(body.toString(), u"axb"_s);
    QCOMPARE(copy.text(), body.toString());
    KIMDB_VERIFY_OK(body.replace(0, 3, u"🎈🎈"_s));
    KIMDB_VERIFY_OK(body.insert(1, u"y"_s));
    QCOMPARE(body.toString(), u"y🎈🎈"_s);
    QCOMPARE(copy.text(), body.toString());
}

void tst_sdk_document::rangesOutsideTheTextAreRefused() {
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"abc"_s));
    KIMDB_COMPARE_ERROR(body.insert(4, u"x"_s), ErrorCode::InvalidArgument);
    KIMDB_COMPARE_ERROR(body.insert(-1, u"x"_s), ErrorCode::InvalidArgument);
    KIMDB_COMPARE_ERROR(body.remove(2, 2), ErrorCode::InvalidArgument);
    KIMDB_COMPARE_ERROR(body.remove(1, std::numeric_limits<int>::max()),
                        ErrorCode::InvalidArgument);
    KIMDB_COMPARE_ERROR(body.remove(0, -1), ErrorCode::InvalidArgument);
    QCOMPARE(body.toString(), u"abc"_s);
}

void tst_sdk_document::splicesReproduceTheText() {
    const quint32 seed = QRandomGenerator::global()->generate();
    qInfo("seed %u", seed);
    QRandomGenerator random(seed);
    const QStringList pieces{u"a"_s, u"bc\n"_s, u"🎈"_s, u"한"_s, u"é🎈x"_s, QString()};
    Text body = m_document->text(u"body"_s);
    PlainCopy copy(m_document, body);
    m_document->undoManager()->setCaptureInterval(0);
    for (int i = 0; i < 2000; ++i) {
        const int position = random.bounded(body.length() + 1);
        const int length = random.bounded(std::min(4, body.length() - position) + 1);
        switch (random.bounded(8)) {
            case 0:
                m_document->undoManager()->undo();
                break;
            case 1:
                m_document->undoManager()->redo();
                break;
            case 2:
                KIMDB_VERIFY_OK(body.remove(position, length));
                break;
            default:
                KIMDB_VERIFY_OK(
                    body.replace(position, length, pieces[random.bounded(pieces.size())]));
        }
        QVERIFY2(copy.text() == body.toString(), qPrintable(u"seed %1 step %2"_s.arg(seed).arg(i)));
        QVERIFY(body.toString().isValidUtf16());
    }
    const QString text = body.toString();
    QVERIFY(!text.isEmpty());
    m_database.reset();
    m_database = m_folder->open();
    QCOMPARE(documentOf(*m_database)->text(u"body"_s).toString(), text);
    m_document = nullptr;
}

void tst_sdk_document::counterAddsUp() {
    Counter score = m_document->root().map(u"mina"_s).counter(u"score"_s);
    KIMDB_VERIFY_OK(score.increment());
    KIMDB_VERIFY_OK(score.increment(41));
    KIMDB_VERIFY_OK(score.increment(-2));
    QCOMPARE(score.value(), 40);
    QCOMPARE(m_document->toVariantMap()[u"mina"_s].toMap()[u"score"_s], QVariant(qint64{40}));
}

void tst_sdk_document::transactionIsOneChange() {
    Text body = m_document->text(u"body"_s);
    QSignalSpy changed(m_document, &Document::changed);
    KIMDB_VERIFY_OK(m_document->transaction([&] {
        KIMDB_VERIFY_OK(body.insert(0, u"hello"_s));
        KIMDB_VERIFY_OK(m_document->root().set(u"title"_s, u"x"_s));
        KIMDB_VERIFY_OK(body.insert(5, u" world"_s));
        QCOMPARE(changed.count(), 0);
    }));
    QCOMPARE(changed.count(), 1);
    QCOMPARE(body.toString(), u"hello world"_s);
    QCOMPARE(m_document->syncStatus()->queued(), 1);
    KIMDB_VERIFY_OK(m_document->transaction([] {}));
    QCOMPARE(changed.count(), 1);
    QCOMPARE(m_document->syncStatus()->queued(), 1);
}

void tst_sdk_document::nestedTransactionsJoin() {
    QSignalSpy changed(m_document, &Document::changed);
    KIMDB_VERIFY_OK(m_document->transaction([&] {
        KIMDB_VERIFY_OK(
            m_document->transaction([&] { KIMDB_VERIFY_OK(m_document->root().set(u"a"_s, 1)); }));
        KIMDB_VERIFY_OK(m_document->update({{u"b"_s, 2}}));
        QCOMPARE(changed.count(), 0);
    }));
    QCOMPARE(changed.count(), 1);
    QCOMPARE(m_document->syncStatus()->queued(), 1);
    QCOMPARE(m_document->root().keys(), (QStringList{u"a"_s, u"b"_s}));
}

void tst_sdk_document::errorInATransactionIsReported() {
    const QString huge(2 << 20, u'x');
    Text body = m_document->text(u"body"_s);
    KIMDB_COMPARE_ERROR(m_document->transaction([&] {
        KIMDB_VERIFY_OK(body.insert(0, u"kept"_s));
        KIMDB_COMPARE_ERROR(body.insert(0, huge), ErrorCode::TooLarge);
    }),
                        ErrorCode::TooLarge);
    QCOMPARE(body.toString(), u"kept"_s);
}

void tst_sdk_document::editInASlotIsAnnouncedAfterwards() {
    Text body = m_document->text(u"body"_s);
    PlainCopy early(m_document, body);
    bool answered = false;
    connect(m_document, &Document::textChanged, this, [&] {
        if (std::exchange(answered, true)) return;
        KIMDB_VERIFY_OK(body.insert(0, u"<"_s));
        KIMDB_VERIFY_OK(body.insert(body.length(), u">"_s));
    });
    PlainCopy late(m_document, body);
    KIMDB_VERIFY_OK(body.insert(0, u"word"_s));
    QCOMPARE(body.toString(), u"<word>"_s);
    QCOMPARE(early.text(), body.toString());
    QCOMPARE(late.text(), body.toString());
}

void tst_sdk_document::tooLargeEditLeavesNoTrace() {
    Text body = m_document->text(u"body"_s);
    QSignalSpy changed(m_document, &Document::changed);
    KIMDB_COMPARE_ERROR(body.insert(0, QString(2 << 20, u'x')), ErrorCode::TooLarge);
    QCOMPARE(body.length(), 0);
    QCOMPARE(changed.count(), 0);
    KIMDB_VERIFY_OK(body.insert(0, QString(900'000, u'x')));
    QCOMPARE(body.length(), 900'000);
}

void tst_sdk_document::handlesOutliveTheDatabase() {
    Text body = m_document->text(u"body"_s);
    Map map = m_document->root();
    Counter counter = map.counter(u"c"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"x"_s));
    m_database.reset();
    QCOMPARE(body.toString(), QString());
    QCOMPARE(map.keys(), QStringList());
    KIMDB_COMPARE_ERROR(body.insert(0, u"y"_s), ErrorCode::Closed);
    KIMDB_COMPARE_ERROR(map.set(u"a"_s, 1), ErrorCode::Closed);
    KIMDB_COMPARE_ERROR(map.text(u"t"_s).remove(0, 1), ErrorCode::Closed);
    KIMDB_COMPARE_ERROR(counter.increment(), ErrorCode::Closed);
}

void tst_sdk_document::cursorStaysWithItsCharacter() {
    Text body = m_document->text(u"body"_s);
    KIMDB_VERIFY_OK(body.insert(0, u"one two"_s));
    const crdt::Cursor before_two = body.cursorAt(4, crdt::Cursor::Side::Before);
    const crdt::Cursor after_one = body.cursorAt(3, crdt::Cursor::Side::After);
    KIMDB_VERIFY_OK(body.insert(0, u"🎈 "_s));
    QCOMPARE(body.resolve(before_two), std::optional<int>(7));
    QCOMPARE(body.resolve(after_one), std::optional<int>(6));
    KIMDB_VERIFY_OK(body.remove(0, 10));
    QCOMPARE(body.resolve(before_two), std::optional<int>(0));
}

QTEST_GUILESS_MAIN(tst_sdk_document)
#include "tst_sdk_document.moc"
