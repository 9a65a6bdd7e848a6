// SPDX-License-Identifier: MIT
#include "relay/process_signals.h"

#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace kimdb::relay {
namespace {

int g_sockets[2] = {-1, -1};  // written by the handler, read by the event loop

void handle(int signal) {
    const char byte = static_cast<char>(signal);
    const ssize_t written = ::write(g_sockets[0], &byte, 1);
    (void)written;  // full: the request is on its way already
}

}  // namespace

ProcessSignals::ProcessSignals() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, g_sockets) != 0)
        qFatal("cannot make a socket pair");
    m_notifier = std::make_unique<QSocketNotifier>(g_sockets[1], QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        char byte = 0;
        if (::read(g_sockets[1], &byte, 1) != 1) return;
        if (byte == SIGHUP)
            emit reloadRequested();
        else
            emit terminationRequested();
    });
    struct sigaction action = {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGHUP, &action, nullptr);
    action.sa_flags |= static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGTERM, SIGINT}) ::sigaction(signal, &action, nullptr);
}

ProcessSignals::~ProcessSignals() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
    m_notifier.reset();
    ::close(g_sockets[0]);
    ::close(g_sockets[1]);
}

}  // namespace kimdb::relay
