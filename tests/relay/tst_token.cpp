// SPDX-License-Identifier: MIT
// Tokens as attackers write them: each is refused, and with one word to the peer (tst_session).
#include <QtTest>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <map>

#include "relay/auth/base64url.h"
#include "relay/auth/deny_list.h"
#include "relay/auth/signing_key.h"
#include "relay/auth/token.h"

using namespace kimdb;
using namespace kimdb::relay;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
// In two pieces: moc of Qt 6.4 looks for comments inside raw strings too.
constexpr char kClaims[] = R"({"sub":"ann","aud":"kimdb","exp":1700003600,"grants":{"notes/)"
                           R"(*":"writer"}})";

struct Keys {
    Keys() {
        for (const Algorithm a : {Algorithm::EdDSA, Algorithm::ES256, Algorithm::HS256}) {
            const std::string id(nameOf(a));
            signing.emplace(id, *SigningKey::generate(a, id));
        }
        std::string json;
        for (const auto& [id, key] : signing)
            json += (json.empty() ? "{\"keys\":[" : ",") + key.publicJson();
        set = *KeySet::parse(json + "]}");
    }
    std::map<std::string, SigningKey> signing;
    KeySet set;
};

const Keys& keys() {
    static const Keys made;
    return made;
}

std::string part(const std::string& text) {
    return encodeBase64Url(text);
}

// Any header with a signature that holds for it.
std::string signedWithHeader(const std::string& header, const std::string& claims = kClaims) {
    const auto& key = keys().signing.at("HS256");
    // The secret is what its JSON says: JOSE has no other place for it.
    const auto json = *Value::fromJson(key.toJson());
    const Bytes secret = *decodeBase64Url(*json.asObject()->at("k").asString());
    const std::string text = part(header) + "." + part(claims);
    Bytes mac(32, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(mac.data()), &size);
    return text + "." + part(mac);
}

std::string withClaims(const std::string& claims) {
    return *keys().signing.at("EdDSA").sign(claims);
}

std::string validToken(const std::string& id = "EdDSA") {
    return *keys().signing.at(id).sign(kClaims);
}

Result<Identity> read(const std::string& token, std::int64_t now = kNow) {
    return identityOf(token, keys().set, {}, now);
}

}  // namespace

class TestToken : public QObject {
    Q_OBJECT
 private slots:
    void validTokensAreTaken_data() {
        QTest::addColumn<QString>("key");
        for (const char* id : {"EdDSA", "ES256", "HS256"}) QTest::newRow(id) << id;
    }
    void validTokensAreTaken() {
        QFETCH(QString, key);
        const auto who = read(validToken(key.toStdString()));
        QVERIFY2(who.ok(), who.ok() ? "" : who.error().message.c_str());
        QCOMPARE(who->user, std::string("ann"));
        QCOMPARE(who->expires_ms, 1'700'003'600'000 + TokenRules::kLeewayMs);
        QCOMPARE(who->key_id, key.toStdString());
        QVERIFY(who->grants == (std::vector<Grant>{{"notes/*", Role::Writer}}));
    }

    void headerOfOurOwnIsTaken() {
        // The forger's tools below do make tokens that hold when nothing is wrong with them.
        QVERIFY(read(signedWithHeader(R"({"alg":"HS256","kid":"HS256","typ":"JWT"})")).ok());
    }

    void forgeriesAreRefused_data() {
        QTest::addColumn<QByteArray>("token");
        const auto row = [](const char* name, const std::string& token) {
            QTest::newRow(name) << QByteArray::fromStdString(token);
        };
        const std::string good = validToken();
        const std::string head = good.substr(0, good.find('.'));
        const std::string body = good.substr(head.size() + 1, good.rfind('.') - head.size() - 1);
        const std::string seal = good.substr(good.rfind('.') + 1);
        const auto header = [](const std::string& json) { return signedWithHeader(json); };

        row("nothing", "");
        row("dots", "..");
        row("two parts", head + "." + body);
        row("four parts", good + ".x");
        row("no signature", head + "." + body + ".");
        row("no header", "." + body + "." + seal);
        row("a megabyte", std::string(1 << 20, 'a'));
        row("a megabyte in the middle", head + "." + std::string(1 << 20, 'a') + "." + seal);
        row("padding", good + "=");
        row("white space behind", good + "\n");
        row("white space in front", " " + good);
        row("the other alphabet", head + "." + body + "." + std::string(85, '+') + "A");
        row("last signature bits", good.substr(0, good.size() - 1) + (good.back() == 'A'   ? "B"
                                                                      : good.back() == 'B' ? "C"
                                                                                           : "B"));
        row("another body",
            head + "." + part(R"({"sub":"root","aud":"kimdb","exp":1700003600})") + "." + seal);
        row("body of another key",
            head + "." + body + "." +
                validToken("ES256").substr(validToken("ES256").rfind('.') + 1));
        row("short signature", head + "." + body + "." + part("short"));
        row("zero signature", head + "." + body + "." + part(std::string(64, '\0')));
        row("zero signature of ES256", part(R"({"alg":"ES256","kid":"ES256"})") + "." + body + "." +
                                           part(std::string(64, '\0')));
        row("alg none", part(R"({"alg":"none","kid":"EdDSA"})") + "." + body + ".");
        row("alg None", part(R"({"alg":"None","kid":"EdDSA"})") + "." + body + ".");
        row("alg NONE signed", header(R"({"alg":"NONE","kid":"HS256"})"));
        row("no alg", header(R"({"kid":"HS256"})"));
        row("alg is a number", header(R"({"alg":1,"kid":"HS256"})"));
        row("alg in small letters", header(R"({"alg":"hs256","kid":"HS256"})"));
        row("HS512", header(R"({"alg":"HS512","kid":"HS256"})"));
        row("HS256 under the id of an EdDSA key", header(R"({"alg":"HS256","kid":"EdDSA"})"));
        {
            // The classic: the public key, which everybody knows, as the secret of HS256.
            const auto json = *Value::fromJson(keys().signing.at("EdDSA").publicJson());
            const Bytes x = *decodeBase64Url(*json.asObject()->at("x").asString());
            const std::string text = part(R"({"alg":"HS256","kid":"EdDSA"})") + "." + body;
            Bytes mac(32, '\0');
            unsigned size = 0;
            HMAC(EVP_sha256(), x.data(), static_cast<int>(x.size()),
                 reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                 reinterpret_cast<unsigned char*>(mac.data()), &size);
            row("HS256 with the public key", text + "." + part(mac));
        }
        row("no kid", header(R"({"alg":"HS256"})"));
        row("unknown kid", header(R"({"alg":"HS256","kid":"HS257"})"));
        row("kid is a path", header(R"({"alg":"HS256","kid":"../../etc/passwd"})"));
        row("kid is a query", header(R"({"alg":"HS256","kid":"x; DROP TABLE keys"})"));
        row("kid is empty", header(R"({"alg":"HS256","kid":""})"));
        row("kid is a list", header(R"({"alg":"HS256","kid":["HS256"]})"));
        row("crit", header(R"({"alg":"HS256","kid":"HS256","crit":["exp"]})"));
        row("jwk", header(R"({"alg":"HS256","kid":"HS256","jwk":{}})"));
        row("jku", header(R"({"alg":"HS256","kid":"HS256","jku":"x"})"));
        row("x5u", header(R"({"alg":"HS256","kid":"HS256","x5u":"x"})"));
        row("b64", header(R"({"alg":"HS256","kid":"HS256","b64":false})"));
        row("zip", header(R"({"alg":"HS256","kid":"HS256","zip":"DEF"})"));
        row("another typ", header(R"({"alg":"HS256","kid":"HS256","typ":"JWE"})"));
        row("alg twice", header(R"({"alg":"none","alg":"HS256","kid":"HS256"})"));
        row("header is a list", header(R"(["HS256"])"));
        row("header is no JSON", header("alg=HS256"));
        row("header in a byte order mark",
            header("\xEF\xBB\xBF{\"alg\":\"HS256\",\"kid\":\"HS256\"}"));
        row("header with something behind", header(R"({"alg":"HS256","kid":"HS256"}{})"));
    }
    void forgeriesAreRefused() {
        QFETCH(QByteArray, token);
        const auto who = read(token.toStdString());
        QVERIFY(!who.ok());
        QCOMPARE(who.error().code, ErrorCode::AuthFailed);
        QVERIFY(who.error().message.size() < 100);
    }

    void claimsAreJudged_data() {
        QTest::addColumn<QByteArray>("claims");
        QTest::addColumn<bool>("taken");
        const auto row = [](const char* name, const char* claims, bool taken) {
            QTest::newRow(name) << QByteArray(claims) << taken;
        };
        row("least", R"({"sub":"a","aud":"kimdb","exp":1700003600})", true);
        row("unknown claims", R"({"sub":"a","aud":"kimdb","exp":1700003600,"x":{"y":1}})", true);
        row("several audiences", R"({"sub":"a","aud":["x","kimdb"],"exp":1700003600})", true);
        row("other audience", R"({"sub":"a","aud":"kimdb2","exp":1700003600})", false);
        row("audience in other letters", R"({"sub":"a","aud":"KimDB","exp":1700003600})", false);
        row("no audience", R"({"sub":"a","exp":1700003600})", false);
        row("no audience in the list", R"({"sub":"a","aud":[],"exp":1700003600})", false);
        row("audience is an object", R"({"sub":"a","aud":{"kimdb":1},"exp":1700003600})", false);
        row("no exp", R"({"sub":"a","aud":"kimdb"})", false);
        row("exp is null", R"({"sub":"a","aud":"kimdb","exp":null})", false);
        row("exp is text", R"({"sub":"a","aud":"kimdb","exp":"1700003600"})", false);
        row("exp is a fraction", R"({"sub":"a","aud":"kimdb","exp":1700003600.5})", false);
        row("exp is huge", R"({"sub":"a","aud":"kimdb","exp":9223372036854775807})", false);
        row("exp is 1e99", R"({"sub":"a","aud":"kimdb","exp":1e99})", false);
        row("exp is negative", R"({"sub":"a","aud":"kimdb","exp":-1})", false);
        row("exp within the leeway", R"({"sub":"a","aud":"kimdb","exp":1699999971})", true);
        row("exp at its end", R"({"sub":"a","aud":"kimdb","exp":1699999970})", false);
        row("nbf within the leeway",
            R"({"sub":"a","aud":"kimdb","exp":1700003600,"nbf":1700000030})", true);
        row("nbf behind it", R"({"sub":"a","aud":"kimdb","exp":1700003600,"nbf":1700000031})",
            false);
        row("nbf is text", R"({"sub":"a","aud":"kimdb","exp":1700003600,"nbf":"0"})", false);
        row("iat in the future", R"({"sub":"a","aud":"kimdb","exp":1700003600,"iat":1700000031})",
            false);
        row("no sub", R"({"aud":"kimdb","exp":1700003600})", false);
        row("sub is empty", R"({"sub":"","aud":"kimdb","exp":1700003600})", false);
        row("sub is everybody", R"({"sub":"*","aud":"kimdb","exp":1700003600})", false);
        row("sub is anonymous", R"({"sub":"anonymous","aud":"kimdb","exp":1700003600})", false);
        row("sub has a newline", R"({"sub":"a\nb","aud":"kimdb","exp":1700003600})", false);
        row("sub has a zero", R"({"sub":"a\u0000b","aud":"kimdb","exp":1700003600})", false);
        row("sub is a number", R"({"sub":7,"aud":"kimdb","exp":1700003600})", false);
        row("sub twice", R"({"sub":"a","sub":"b","aud":"kimdb","exp":1700003600})", false);
        row("aud twice", R"({"sub":"a","aud":"kimdb","aud":"x","exp":1700003600})", false);
        row("jti is a number", R"({"sub":"a","aud":"kimdb","exp":1700003600,"jti":1})", false);
        row("grants are a list", R"({"sub":"a","aud":"kimdb","exp":1700003600,"grants":[]})",
            false);
        row("unknown role", R"({"sub":"a","aud":"kimdb","exp":1700003600,"grants":{"*":"god"}})",
            false);
        row("role in capitals",
            R"({"sub":"a","aud":"kimdb","exp":1700003600,"grants":{"*":"Admin"}})", false);
        row("pattern without collection",
            R"({"sub":"a","aud":"kimdb","exp":1700003600,"grants":{"/x":"reader"}})", false);
        row("pattern with three halves",
            R"({"sub":"a","aud":"kimdb","exp":1700003600,"grants":{"a/b/c":"reader"}})", false);
        row("no object", R"(["sub","a"])", false);
        row("deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", false);
    }
    void claimsAreJudged() {
        QFETCH(QByteArray, claims);
        QFETCH(bool, taken);
        const auto who = read(withClaims(claims.toStdString()));
        QCOMPARE(who.ok(), taken);
        if (!who) QCOMPARE(who.error().code, ErrorCode::AuthFailed);
    }

    void everyChangedCharacterIsRefused() {
        for (const char* id : {"EdDSA", "ES256", "HS256"}) {
            const std::string good = validToken(id);
            for (std::size_t i = 0; i < good.size(); ++i) {
                std::string bad = good;
                bad[i] = bad[i] == 'x' ? 'y' : 'x';
                QVERIFY2(!read(bad).ok(), (std::string(id) + " " + std::to_string(i)).c_str());
            }
        }
    }

    void patternsMatch_data() {
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<QString>("document");
        QTest::addColumn<bool>("does");
        QTest::newRow("itself") << "notes/a"
                                << "notes/a" << true;
        QTest::newRow("another") << "notes/a"
                                 << "notes/b" << false;
        QTest::newRow("collection") << "notes/*"
                                    << "notes/a" << true;
        QTest::newRow("other collection") << "notes/*"
                                          << "notes2/a" << false;
        QTest::newRow("prefix") << "notes/ann-*"
                                << "notes/ann-1" << true;
        QTest::newRow("prefix only") << "notes/ann-*"
                                     << "notes/ann" << false;
        QTest::newRow("middle") << "notes/a*z"
                                << "notes/abcz" << true;
        QTest::newRow("middle, twice") << "n*s/a*b*c"
                                       << "notes/aXbYbZc" << true;
        QTest::newRow("no end") << "notes/a*z"
                                << "notes/abc" << false;
        QTest::newRow("not over the slash") << "n*"
                                            << "notes/a" << false;
        QTest::newRow("star and star") << "*/*"
                                       << "notes/a" << true;
        QTest::newRow("everything") << "*"
                                    << "notes/a" << true;
        QTest::newRow("case") << "Notes/*"
                              << "notes/a" << false;
    }
    void patternsMatch() {
        QFETCH(QString, pattern);
        QFETCH(QString, document);
        QFETCH(bool, does);
        QCOMPARE(matches(pattern.toStdString(), document.toStdString()), does);
    }

    // Backtracking over every star would take longer than the universe has.
    void manyStarsTakeNoTime() {
        std::string pattern = "notes/";
        for (int i = 0; i < 100; ++i) pattern += "*a";
        QVERIFY(!matches(pattern, "notes/" + std::string(128, 'a') + "b"));
    }

    void keySetsAreStrict_data() {
        QTest::addColumn<QByteArray>("json");
        const QByteArray ed = QByteArray::fromStdString(keys().signing.at("EdDSA").publicJson());
        const QByteArray ec = QByteArray::fromStdString(keys().signing.at("ES256").publicJson());
        const auto set = [](const QByteArray& key) { return "{\"keys\":[" + key + "]}"; };
        const auto with = [](QByteArray json, const char* from, const char* to) {
            return json.replace(from, to);
        };
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("no keys") << QByteArray("{\"keys\":[]}");
        QTest::newRow("a key alone") << ed;
        QTest::newRow("twice") << set(ed + "," + ed);
        QTest::newRow("private half")
            << set(QByteArray::fromStdString(keys().signing.at("EdDSA").toJson()));
        QTest::newRow("no kid") << set(with(ed, "\"kid\"", "\"name\""));
        QTest::newRow("kid with a slash") << set(with(ed, "\"kid\":\"EdDSA\"", "\"kid\":\"a/b\""));
        QTest::newRow("wrong alg") << set(with(ed, "\"alg\":\"EdDSA\"", "\"alg\":\"HS256\""));
        QTest::newRow("alg none") << set(with(ed, "\"alg\":\"EdDSA\"", "\"alg\":\"none\""));
        QTest::newRow("other curve") << set(with(ec, "P-256", "P-384"));
        QTest::newRow("not on the curve")
            << set("{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" +
                   QByteArray(42, 'A') + "E\",\"y\":\"" + QByteArray(42, 'A') + "E\"}");
        QTest::newRow("short secret")
            << set("{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2hvcnQ\"}");
        QTest::newRow("secret without alg")
            << set("{\"kid\":\"a\",\"kty\":\"oct\",\"k\":\"" + QByteArray(43, 'A') + "\"}");
        QTest::newRow("for encryption") << set(with(ed, "{", "{\"use\":\"enc\","));
        QTest::newRow("large") << QByteArray(KeySet::kFileBytesMax + 1, ' ');
    }
    void keySetsAreStrict() {
        QFETCH(QByteArray, json);
        const auto set = KeySet::parse(json.toStdString());
        QVERIFY(!set.ok());
        QCOMPARE(set.error().code, ErrorCode::InvalidArgument);
        QVERIFY(!set.error().message.empty());
    }

    void algorithmMayBeLeftOut() {
        std::string json = keys().signing.at("EdDSA").publicJson();
        const std::string alg = "\"alg\":\"EdDSA\",";
        json.erase(json.find(alg), alg.size());
        QVERIFY(KeySet::parse("{\"keys\":[" + json + "]}").ok());
    }

    // RFC 8037, appendix A: somebody else's signature.
    void signatureOfTheRfcHolds() {
        const auto set = KeySet::parse(R"({"keys":[{"kid":"rfc","kty":"OKP","crv":"Ed25519",)"
                                       R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})");
        QVERIFY(set.ok());
        const Bytes signature = *decodeBase64Url(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_"
            "MuM0KAg");
        QVERIFY(set->find("rfc")->verifies(
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", signature));
    }

    void signingKeysComeBack() {
        for (const auto& [id, key] : keys().signing) {
            const auto again = SigningKey::parse(key.toJson());
            QVERIFY(again.ok());
            QVERIFY(read(*again->sign(kClaims)).ok());
        }
        QVERIFY(!SigningKey::parse(keys().signing.at("ES256").publicJson()).ok());
    }

    void mintedTokensSayWhatWasAsked() {
        Identity who;
        who.user = "bob@example.org";
        who.expires_ms = kNow + 60'000;
        who.token_id = "t1";
        who.grants = std::vector<Grant>{{"notes/*", Role::Commenter}, {"*", Role::Reader}};
        const auto token = keys().signing.at("EdDSA").mint(who, "kimdb", kNow);
        QVERIFY(token.ok());
        const auto read_back = read(*token);
        QVERIFY(read_back.ok());
        QCOMPARE(read_back->user, who.user);
        QCOMPARE(read_back->token_id, who.token_id);
        QCOMPARE(read_back->grants->size(), std::size_t{2});
        who.user = "*";
        QVERIFY(!keys().signing.at("EdDSA").mint(who, "kimdb", kNow).ok());
    }

    void denyListsName() {
        const auto list = DenyList::parse("# gone\nuser ann\n\n  token t7  # stolen\r\n");
        QVERIFY(list.ok());
        Identity who;
        who.user = "ann";
        QVERIFY(list->denies(who));
        who.user = "bob";
        QVERIFY(!list->denies(who));
        who.token_id = "t7";
        QVERIFY(list->denies(who));
        const auto bad = DenyList::parse("user ann\nbob\n");
        QVERIFY(!bad.ok());
        QVERIFY(bad.error().message.find("line 2") != std::string::npos);
        QVERIFY(!DenyList::parse("user").ok());
    }
};

QTEST_GUILESS_MAIN(TestToken)
#include "tst_token.moc"
