// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace kimdb {

//! \brief Everything that can go wrong in an expected way: one list for all layers.
//! The numbers are stable; those sent on the wire (NACK, ERROR) are listed in docs/PROTOCOL.md.
enum class ErrorCode : std::uint16_t {
    None = 0,

    // Input of the caller. Cure: correct the call.
    InvalidName = 1,      //!< a document or collection name outside [A-Za-z0-9._~-]{1,128}
    InvalidArgument = 2,  //!< a value outside its documented range
    NotFound = 3,         //!< no such document, key, container or version
    WrongType = 4,        //!< the key shows a container or value of another type
    TooLarge = 5,         //!< above a limit of core/limits.h; split it
    Conflict = 6,         //!< a record has changed meanwhile; read it and try again

    // Bytes from outside. Cure: none for the bytes; the peer or file is damaged or hostile.
    Malformed = 20,            //!< bytes that break the grammar
    Unsupported = 21,          //!< a version, flag or record this build does not implement
    Equivocation = 22,         //!< one replica id wrote two different changes with one counter
    Gap = 23,                  //!< a counter is missing in front of this change (temporary)
    MissingDependencies = 24,  //!< a change this one depends on has not arrived (temporary)
    ContentExpunged = 25,      //!< the content asked for was expunged

    // Storage.
    StorageFull = 40,         //!< no space left; reads go on, writing resumes by itself
    StorageFailed = 41,       //!< I/O error; reopen the database after checking the disk
    StorageCorrupt = 42,      //!< damaged bytes on disk; the message names file and range
    DatabaseBusy = 43,        //!< another process owns the folder; the message names it
    VersionTooNew = 44,       //!< written by a newer format; update the program
    ShardCountMismatch = 45,  //!< opened with another shard count than the folder has
    PermissionDenied = 46,    //!< the file system refuses access to the folder
    Closed = 47,              //!< the database is closed

    // Sync.
    Offline = 60,            //!< no connection; the change waits in the offline queue
    NotAllowed = 61,         //!< the relay's permissions refuse it
    AuthFailed = 62,         //!< token missing, expired or wrong
    Replaced = 63,           //!< another session of this replica took over
    RateLimited = 64,        //!< too much; retry later
    TooOld = 65,             //!< needs history that was dropped (relay log, shallow document)
    EpochChanged = 66,       //!< the relay was restored; a reconcile follows
    ProtocolViolation = 67,  //!< the peer broke KRP/1
    GoingAway = 68,          //!< the relay shuts down; retry later
    Timeout = 69,            //!< no answer in time
    UnknownAlias = 70,       //!< a record names a document alias the session does not have
    AddressInUse = 71,       //!< the port is taken; choose another with --port
};

//! \brief An expected failure. \a message is one sentence for a person and names the cure where
//! there is one; it never holds document content or tokens.
struct Error {
    ErrorCode code = ErrorCode::None;
    std::string message;
    bool retryable = false;  //!< the same call may succeed later without a change by the caller

    bool operator==(const Error&) const = default;
};

//! \brief A value or an Error. Values only; thread-compatible like T.
template <class T = void>
class [[nodiscard]] Result {
 public:
    Result(T value) : m_state(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : m_state(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return m_state.index() == 0; }
    explicit operator bool() const { return ok(); }
    //! REQUIRES: ok().
    const T& value() const& {
        assert(ok());
        return std::get<0>(m_state);
    }
    T& value() & {
        assert(ok());
        return std::get<0>(m_state);
    }
    //! By value, so that `for (x : *call())` does not walk over what is gone already.
    T value() && {
        assert(ok());
        return std::get<0>(std::move(m_state));
    }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T operator*() && { return std::move(*this).value(); }
    //! REQUIRES: !ok().
    const Error& error() const {
        assert(!ok());
        return std::get<1>(m_state);
    }

 private:
    std::variant<T, Error> m_state;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    Result() = default;
    Result(Error error) : m_error(std::move(error)), m_ok(false) {}

    bool ok() const { return m_ok; }
    explicit operator bool() const { return ok(); }
    const Error& error() const {
        assert(!m_ok);
        return m_error;
    }

 private:
    Error m_error;
    bool m_ok = true;
};

}  // namespace kimdb
