// SPDX-License-Identifier: MIT
#include "relay/token_command.h"

#include <QCommandLineParser>
#include <QDateTime>
#include <QFile>
#include <QRegularExpression>

#include <cstdio>

#include "relay/auth/base64url.h"
#include "relay/auth/signing_key.h"
#include "relay/auth/token.h"
#include "relay/small_file.h"

namespace kimdb::relay {
namespace {

constexpr int kFailed = 1;
constexpr int kBadOptions = 2;
constexpr char kUsage[] =
    "usage: kimdb-relay token key --id ID --out FILE [--alg EdDSA|ES256|HS256]\n"
    "         writes a new key to FILE (keep it secret) and prints what a relay's key set holds\n"
    "       kimdb-relay token mint --key FILE --user NAME [--grant PATTERN=ROLE]... [--for 12h]\n"
    "                              [--audience NAME] [--token-id ID]\n"
    "         prints a token; PATTERN is collection/id with '*' for any characters, ROLE one of\n"
    "         none reader commenter writer admin\n"
    "       kimdb-relay token inspect TOKEN [--key-set FILE] [--audience NAME]\n"
    "         shows what a token says and, with a key set, whether a relay takes it now\n";

int complain(const QString& text, int code = kFailed) {
    std::fprintf(stderr, "kimdb-relay: %s\n", qPrintable(text));
    return code;
}

int complain(const Error& error) {
    return complain(QString::fromStdString(error.message));
}

void print(const std::string& text) {
    std::fprintf(stdout, "%s\n", text.c_str());
}

std::optional<Algorithm> algorithmNamed(const QString& name) {
    for (const Algorithm a : {Algorithm::EdDSA, Algorithm::ES256, Algorithm::HS256})
        if (name.toStdString() == nameOf(a)) return a;
    return {};
}

//! "90s", "15m", "12h", "30d", in ms.
std::optional<qint64> durationOf(const QString& text) {
    static const QRegularExpression form("^([1-9][0-9]{0,6})([smhd])$");
    const auto match = form.match(text);
    if (!match.hasMatch()) return {};
    const qint64 number = match.captured(1).toLongLong();
    switch (match.captured(2).at(0).toLatin1()) {
        case 's':
            return number * 1000;
        case 'm':
            return number * 60'000;
        case 'h':
            return number * 3'600'000;
        default:
            return number * 86'400'000;
    }
}

class TokenCommand {
 public:
    TokenCommand() {
        m_parser.addOptions({m_id, m_out, m_algorithm, m_key, m_user, m_grant, m_for, m_audience,
                             m_token_id, m_key_set});
    }

    int run(const QStringList& arguments) {
        if (!m_parser.parse(QStringList("token") + arguments))
            return complain(m_parser.errorText(), kBadOptions);
        const QStringList words = m_parser.positionalArguments();
        const QString command = words.value(0);
        if (command == "key" && words.size() == 1) return makeKey();
        if (command == "mint" && words.size() == 1) return mint();
        if (command == "inspect" && words.size() == 2) return inspect(words.at(1).toStdString());
        std::fputs(kUsage, stderr);
        return kBadOptions;
    }

 private:
    int makeKey() {
        const QString path = m_parser.value(m_out);
        const auto algorithm = algorithmNamed(m_parser.value(m_algorithm));
        if (path.isEmpty()) return complain("--out names the file for the key", kBadOptions);
        if (!algorithm) return complain("--alg is EdDSA, ES256 or HS256", kBadOptions);
        const auto key = SigningKey::generate(*algorithm, m_parser.value(m_id).toStdString());
        if (!key) return complain(key.error());
        QFile file(path);
        const QByteArray json = QByteArray::fromStdString(key->toJson() + "\n");
        // Never over another key; nobody else may read it, not even for a moment.
        if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                       QFile::ReadOwner | QFile::WriteOwner) ||
            file.write(json) != json.size() || !file.flush())
            return complain("cannot write " + path + ": " + file.errorString());
        print("{\"keys\": [" + key->publicJson() + "]}");
        return 0;
    }

    int mint() {
        const auto json = contentOfSmallFile(m_parser.value(m_key), KeySet::kFileBytesMax);
        if (!json) return complain(json.error());
        const auto key = SigningKey::parse(*json);
        if (!key) return complain(key.error());
        const auto lifetime = durationOf(m_parser.value(m_for));
        if (!lifetime) return complain("--for takes a time like 90s, 15m, 12h or 30d", kBadOptions);
        const qint64 now = QDateTime::currentMSecsSinceEpoch();
        Identity who;
        who.user = m_parser.value(m_user).toStdString();
        who.token_id = m_parser.value(m_token_id).toStdString();
        who.expires_ms = now + *lifetime;
        for (const QString& text : m_parser.values(m_grant)) {
            const auto role = roleNamed(text.section('=', 1).toStdString());
            if (!role) return complain("--grant takes PATTERN=ROLE, not " + text, kBadOptions);
            if (!who.grants) who.grants.emplace();
            who.grants->push_back({text.section('=', 0, 0).toStdString(), *role});
        }
        const auto token = key->mint(who, m_parser.value(m_audience).toStdString(), now);
        if (!token) return complain(token.error());
        print(*token);
        return 0;
    }

    int inspect(const std::string& token) {
        const std::size_t first = token.find('.');
        const std::size_t second = token.find('.', first + 1);
        const auto header = decodeBase64Url(token.substr(0, first));
        const auto payload =
            first == std::string::npos
                ? std::nullopt
                : decodeBase64Url(ByteView(token).substr(first + 1, second - first - 1));
        const auto says = header ? Value::fromJson(*header) : Error{ErrorCode::Malformed, ""};
        const auto claims = payload ? Value::fromJson(*payload) : Error{ErrorCode::Malformed, ""};
        if (!says || !claims) return complain("this is no token");
        print("header  " + says->toJson());
        print("claims  " + claims->toJson());
        if (!m_parser.isSet(m_key_set)) {
            print("not checked: give --key-set FILE");
            return 0;
        }
        const auto json = contentOfSmallFile(m_parser.value(m_key_set), KeySet::kFileBytesMax);
        if (!json) return complain(json.error());
        const auto keys = KeySet::parse(*json);
        if (!keys) return complain(keys.error());
        const auto who = identityOf(token, *keys, {m_parser.value(m_audience).toStdString()},
                                    QDateTime::currentMSecsSinceEpoch());
        if (!who) return complain("refused: " + QString::fromStdString(who.error().message));
        print("taken as " + who->user);
        return 0;
    }

    QCommandLineParser m_parser;
    QCommandLineOption m_id{"id", "", "id"};
    QCommandLineOption m_out{"out", "", "file"};
    QCommandLineOption m_algorithm{"alg", "", "name", "EdDSA"};
    QCommandLineOption m_key{"key", "", "file"};
    QCommandLineOption m_user{"user", "", "name"};
    QCommandLineOption m_grant{"grant", "", "pattern=role"};
    QCommandLineOption m_for{"for", "", "time", "12h"};
    QCommandLineOption m_audience{"audience", "", "name", "kimdb"};
    QCommandLineOption m_token_id{"token-id", "", "id"};
    QCommandLineOption m_key_set{"key-set", "", "file"};
};

}  // namespace

int runTokenCommand(const QStringList& arguments) {
    return TokenCommand().run(arguments);
}

}  // namespace kimdb::relay
