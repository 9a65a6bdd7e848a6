// SPDX-License-Identifier: MIT
#include "game.h"

#include <algorithm>
#include <cmath>

#include "arena.h"

namespace kimdb::game {
namespace {

// Presence is sent at most 20 times a second; asking more often would be waste.
constexpr std::chrono::milliseconds kPublishInterval{50};

QPointF startPosition(const QString& id) {
    return arena::itemPosition(0, int(qHash(id, 0) % arena::kItemsPerRound));
}

}  // namespace

Game::Game(Document* document, QString player_id, const QString& name, QObject* parent)
    : QObject(parent),
      m_document(document),
      m_id(std::move(player_id)),
      m_players(document->root().map("players")),
      m_taken_map(document->root().map("taken")),
      m_scores(document->root().map("scores")),
      m_finished(document->root().map("finished")),
      m_position(startPosition(m_id)) {
    m_clock.start();
    connect(document, &Document::mapChanged, this, &Game::onMapChanged);
    connect(document, &Document::reloaded, this, &Game::reload);
    // A counter that changed is reported by changed() only.
    connect(document, &Document::changed, this, &Game::changed);
    Presence* presence = document->presence();
    connect(presence, &Presence::joined, this, &Game::onPresence);
    connect(presence, &Presence::updated, this, &Game::onPresence);
    connect(presence, &Presence::left, this, &Game::changed);
    presence->setName(name);
    if (m_players.value(m_id) != name) (void)m_players.set(m_id, name);
    for (const Participant& other : presence->others()) onPresence(other.session);
    reload();
    m_publish_timer.setInterval(kPublishInterval);
    connect(&m_publish_timer, &QTimer::timeout, this, &Game::publish);
    m_publish_timer.start();
    publish();
}

void Game::reload() {
    m_taken.clear();
    readTaken(m_taken_map.keys());
}

void Game::onMapChanged(const crdt::ContainerId& map, const QStringList& keys) {
    if (map == m_taken_map.containerId()) readTaken(keys);
}

void Game::readTaken(const QStringList& keys) {
    for (const QString& key : keys) {
        const QString winner = m_taken_map.value(key).toString();
        const QString before = m_taken.value(key);
        if (before == m_id && winner != m_id) ++m_items_lost;
        if (!winner.isEmpty()) m_taken.insert(key, winner);
    }
    updateRound();
    // Not inside the document's signal: this writes.
    QMetaObject::invokeMethod(this, &Game::settle, Qt::QueuedConnection);
}

void Game::settle() {
    Counter counter = m_scores.counter(m_id);
    const qint64 difference = itemsOf(m_id) - counter.value();
    if (difference != 0) (void)counter.increment(difference);
    emit changed();
}

void Game::updateRound() {
    const auto complete = [this](int round) {
        for (int i = 0; i < arena::kItemsPerRound; ++i) {
            if (!m_taken.contains(arena::itemKey(round, i))) return false;
        }
        return true;
    };
    while (complete(m_round)) ++m_round;
}

void Game::advance(qreal seconds) {
    m_position = arena::moved(m_position, m_direction, seconds);
    takeTouched();
}

void Game::takeTouched() {
    const int round = m_round;
    for (int i = 0; i < arena::kItemsPerRound && round == m_round; ++i) {
        if (isTaken(i) || !arena::touches(m_position, arena::itemPosition(round, i))) continue;
        (void)m_taken_map.set(arena::itemKey(round, i), m_id);
    }
}

bool Game::isTaken(int index) const {
    return m_taken.contains(arena::itemKey(m_round, index));
}

int Game::nearestItem() const {
    int nearest = -1;
    qreal least = 0;
    for (int i = 0; i < arena::kItemsPerRound; ++i) {
        if (isTaken(i)) continue;
        const QPointF way = arena::itemPosition(m_round, i) - m_position;
        const qreal distance = std::hypot(way.x(), way.y());
        if (nearest >= 0 && distance >= least) continue;
        nearest = i;
        least = distance;
    }
    return nearest;
}

void Game::publish() {
    if (m_position == m_published) return;
    m_published = m_position;
    m_document->presence()->setCustom({{"id", m_id},
                                       {"x", std::round(m_position.x() * 10) / 10},
                                       {"y", std::round(m_position.y() * 10) / 10}});
}

void Game::onPresence(quint64 session) {
    for (const Participant& other : m_document->presence()->others()) {
        if (other.session != session || !other.custom.contains("id")) continue;
        const QPointF position(other.custom["x"].toReal(), other.custom["y"].toReal());
        m_tracks[other.custom["id"].toString()].add(position,
                                                    std::chrono::milliseconds(m_clock.elapsed()));
    }
}

QList<Player> Game::players() const {
    QHash<QString, QColor> here;
    for (const Participant& other : m_document->presence()->others()) {
        here.insert(other.custom["id"].toString(), other.color);
    }
    const std::chrono::milliseconds now(m_clock.elapsed());
    Map scores = m_scores;  // a handle
    QList<Player> result;
    for (const QString& id : m_players.keys()) {
        Player player;
        player.id = id;
        player.name = m_players.value(id).toString();
        player.score = scores.contains(id) ? scores.counter(id).value() : 0;
        player.self = id == m_id;
        player.reachable = player.self || here.contains(id);
        player.color = player.self ? m_document->presence()->color() : here.value(id);
        const auto track = m_tracks.find(id);
        player.placed = player.self || track != m_tracks.end();
        if (player.self) {
            player.position = m_position;
        } else if (player.placed) {
            player.position = track->at(now);
        }
        result.insert(player.self ? 0 : result.size(), player);
    }
    return result;
}

qint64 Game::itemsOf(const QString& player) const {
    return std::count(m_taken.begin(), m_taken.end(), player);
}

void Game::setFinished(bool finished) {
    if (m_finished.value(m_id).toBool() != finished) (void)m_finished.set(m_id, finished);
}

int Game::finishedPlayers() const {
    const QStringList ids = m_finished.keys();
    return int(std::count_if(ids.begin(), ids.end(),
                             [this](const QString& id) { return m_finished.value(id).toBool(); }));
}

bool Game::isSettled() const {
    const QList<Player> all = players();
    return std::all_of(all.begin(), all.end(),
                       [this](const Player& player) { return player.score == itemsOf(player.id); });
}

}  // namespace kimdb::game
