// SPDX-License-Identifier: MIT
#pragma once

#include <qqmlintegration.h>
#include <QObject>
#include <QPointer>
#include <QSet>
#include <QVariantList>
#include <memory>

#include <kimdb/qml/document_element.h>
#include "game.h"

namespace kimdb::game {

//! \brief `GameView { document: …; playerId: … }`: a Game for QML. Thread: the QML engine's.
class GameView : public QObject {
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(kimdb::qml::DocumentElement* document READ document WRITE setDocument NOTIFY
                   documentChanged REQUIRED)
    Q_PROPERTY(QString playerId MEMBER m_player_id NOTIFY playerIdChanged REQUIRED)
    Q_PROPERTY(int round READ round NOTIFY stateChanged)
    //! {x, y, taken} of each item of the round.
    Q_PROPERTY(QVariantList items READ items NOTIFY stateChanged)
    //! {name, color, x, y, score, self, reachable, placed}; positions are new with each frame.
    Q_PROPERTY(QVariantList players READ players NOTIFY frameChanged)
    Q_PROPERTY(int playerCount READ playerCount NOTIFY stateChanged)
    Q_PROPERTY(qreal arenaWidth READ arenaWidth CONSTANT)
    Q_PROPERTY(qreal arenaHeight READ arenaHeight CONSTANT)
    Q_PROPERTY(qreal playerRadius READ playerRadius CONSTANT)
    Q_PROPERTY(qreal itemRadius READ itemRadius CONSTANT)

 public:
    explicit GameView(QObject* parent = nullptr);
    ~GameView() override;

    qml::DocumentElement* document() const { return m_document; }
    void setDocument(qml::DocumentElement* document);
    int round() const;
    QVariantList items() const;
    QVariantList players() const { return m_players; }
    int playerCount() const { return int(m_players.size()); }
    qreal arenaWidth() const;
    qreal arenaHeight() const;
    qreal playerRadius() const;
    qreal itemRadius() const;

    //! One frame: moves oneself and everybody's picture.
    Q_INVOKABLE void advance(qreal seconds);
    //! A key went down or up; true when it is one of the game's.
    Q_INVOKABLE bool press(int key);
    Q_INVOKABLE bool release(int key);

 signals:
    void documentChanged();
    void playerIdChanged();
    void stateChanged();
    void frameChanged();

 private:
    void start();
    void readPlayers();
    void steer();

    QPointer<qml::DocumentElement> m_document;
    QString m_player_id;
    std::unique_ptr<Game> m_game;
    QVariantList m_players;
    QSet<int> m_pressed;
};

}  // namespace kimdb::game
