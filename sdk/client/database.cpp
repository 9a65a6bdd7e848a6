// SPDX-License-Identifier: MIT
#include <kimdb/database.h>

#include <QUuid>

#include "client/database_impl.h"
#include "client/rejected_changes.h"
#include "client/variant_value.h"

namespace kimdb {

Result<std::unique_ptr<Database>> Database::open(const QString& path,
                                                 const DatabaseOptions& options) {
    auto impl = Impl::open(path, options);
    if (!impl) return impl.error();
    return std::unique_ptr<Database>(new Database(std::move(impl).value()));
}

Database::Database(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {
    m_impl->attach(this);
}

Database::~Database() = default;

QString Database::path() const {
    return m_impl->path();
}

Result<Document*> Database::document(const QString& id) {
    const auto name = DocumentName::parse(utf8Of(id));
    if (!name) return name.error();
    return m_impl->document(*name);
}

Result<Document*> Database::createDocument(const QString& id) {
    const QString wanted = id.isEmpty() ? QUuid::createUuid().toString(QUuid::WithoutBraces) : id;
    const auto name = DocumentName::parse(utf8Of(wanted));
    if (!name) return name.error();
    const auto exists = m_impl->exists(*name);
    if (!exists) return exists.error();
    if (*exists)
        return Error{ErrorCode::InvalidArgument, "a document " + name->text() + " exists already"};
    return m_impl->document(*name);
}

Result<QStringList> Database::documents() const {
    return m_impl->documents();
}

QFuture<Result<Session>> Database::connectTo(const QUrl& url) {
    return m_impl->connectTo(url);
}

void Database::disconnectFromRelay() {
    m_impl->disconnectFromRelay();
}

SyncStatus* Database::syncStatus() const {
    return &m_impl->status();
}

Result<QList<RejectedChange>> Database::rejectedChanges(const QString& document) const {
    const auto entries = m_impl->rejectedList(document);
    if (!entries) return entries.error();
    QList<RejectedChange> out;
    for (const sync::Rejected& entry : *entries) out.append(describe(entry));
    return out;
}

Result<QByteArray> Database::exportRejected(const QString& document) const {
    const auto entries = m_impl->rejectedList(document);
    if (!entries) return entries.error();
    return exported(*entries);
}

Result<int> Database::retryRejected(const QString& document) {
    const auto name = DocumentName::parse(utf8Of(document));
    if (!name) return name.error();
    return m_impl->retryRejected(*name);
}

Result<> Database::discardRejected(quint64 id) {
    return m_impl->discardRejected(id);
}

Result<> Database::flush() {
    return m_impl->flush();
}

}  // namespace kimdb
