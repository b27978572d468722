"""Settles what was not seen: a start, a lost session, an outage's end, a comparison.

One path for all of them. What Discord says now is held against the stays that are
remembered; what differs happened somewhere in the blind gap, and every boundary set for it
carries the gap's length as its uncertainty (PRODUCT's H3 to H5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.domain import words
from sessions_app.domain.changes import GapRow, Settled
from sessions_app.domain.drift import Drift
from sessions_app.domain.guild_voice import LIVE, Sight

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.facts import (
        GapReplayed,
        PresenceChecked,
        VoicePresence,
        VoiceSnapshot,
    )
    from sessions_app.domain.guild_voice import GuildVoice
    from sessions_app.domain.ledger import Ledger
    from sessions_app.domain.stays import Stay


class Settling:
    """Compares what Discord says with what is remembered, and mends the difference."""

    def __init__(self, ledger: Ledger, new_id: Callable[[], UUID]) -> None:
        self._ledger = ledger
        self._new_id = new_id

    def snapshot(self, guild: GuildVoice, fact: VoiceSnapshot) -> None:
        """Settles a guild with all who are in its voice."""
        at = fact.at
        if fact.blind_since is None:
            blind_since = at
            sight = Sight(words.FIRST_SIGHT, 0.0)
            self._ledger.sighted(guild.guild_id, at)
        else:
            blind_since = min(fact.blind_since, at)
            gap = (at - blind_since).total_seconds()
            sight = Sight(words.INFERRED, gap) if gap else LIVE
        guild.seen_at = at
        present = {
            user_id: presence
            for user_id, presence in fact.presences.items()
            if presence.channel_id is not None and not guild.is_ignored(presence)
        }
        known = len(guild.stays) + len(guild.estimated)
        reopened = sum(
            self.estimate(guild, stay, present.get(user_id), at) is not None
            for user_id, stay in list(guild.estimated.items())
        )
        drift = [
            *self._settle_gone(guild, present, blind_since, at, sight),
            *self._settle_present(guild, present, blind_since, at, sight),
        ]
        if fact.blind_since is not None:
            settled = Settled(guild.guild_id, fact.cause, known, tuple(drift), reopened, at)
            self._ledger.settled(settled)
        if blind_since < at:
            self._note_gap(
                guild,
                cause=fact.cause,
                since=blind_since,
                at=at,
                known=known,
                drift=drift,
            )

    def _settle_gone(
        self,
        guild: GuildVoice,
        present: dict[int, VoicePresence],
        since: datetime,
        at: datetime,
        sight: Sight,
    ) -> list[Drift]:
        """Ends the stays that are over; they go first: a channel is empty before it fills again."""
        drift = []
        for user_id, stay in list(guild.stays.items()):
            now = present.get(user_id)
            if now is None or not is_same_visit(stay, now):
                kind = words.GHOST if now is None else words.REJOINED
                drift.append(_drift(kind, stay, now, since, at))
                guild.leave(stay, since, words.RECOVERED, sight.uncertainty)
        return drift

    @staticmethod
    def _settle_present(
        guild: GuildVoice,
        present: dict[int, VoicePresence],
        since: datetime,
        at: datetime,
        sight: Sight,
    ) -> list[Drift]:
        drift = []
        for user_id, presence in present.items():
            stay = guild.stays.get(user_id)
            channel_id = presence.channel_id
            if channel_id is None:
                continue
            if stay is None:
                drift.append(_missing(guild.guild_id, presence, since, at))
                guild.enter(presence, channel_id, at, sight)
            elif stay.channel_id == channel_id:
                guild.toggle(stay, presence, at)
                # The AFK channel may have become another one while nobody watched.
                guild.seats.hold(stay, at)
            else:
                drift.append(_drift(words.MOVED_UNSEEN, stay, presence, since, at))
                guild.move(stay, presence, channel_id, at, sight, reason=words.RECOVERED)
        return drift

    def estimate(
        self, guild: GuildVoice, stay: Stay, presence: VoicePresence | None, at: datetime
    ) -> Stay | None:
        """Takes an estimated end back where the same visit is seen to have gone on.

        Returns:
            The stay that goes on, or None where the estimate stands.
        """
        if _is_estimated(stay) and presence is not None and is_same_visit(stay, presence):
            guild.reopen(stay, at)
            return stay
        guild.uphold(stay, at)
        return None

    @staticmethod
    def observed(guild: GuildVoice, at: datetime) -> None:
        """Takes all estimated ends of a guild back, since something was seen there.

        Discord states a guild before it tells what happens there. So this was seen by a bot
        that watched the guild on, and waited on disk while the estimates were made: whoever
        left would be told of.
        """
        for stay in list(guild.estimated.values()):
            if _is_estimated(stay):
                guild.reopen(stay, at)

    # One member ------------------------------------------------------------------------------

    def presence(self, guild: GuildVoice, fact: PresenceChecked) -> None:
        """Mends one member of whom Discord says something else, unless an event came since."""
        presence = fact.presence
        if guild.is_ignored(presence):
            return
        drift = drift_of(guild, fact)
        stay = guild.stays.get(presence.user_id)
        if drift is None:
            if stay is not None and stay.seen_at < fact.asked_at:
                stay.seen_at = fact.asked_at
            return
        at, uncertainty, channel_id = fact.at, drift.seconds, presence.channel_id
        since = _known_until(guild, presence.user_id, at)
        sight = Sight(words.INFERRED, uncertainty)
        if stay is not None and drift.kind == words.MOVED_UNSEEN and channel_id is not None:
            guild.move(stay, presence, channel_id, at, sight, reason=words.RECOVERED)
        else:
            if stay is not None:
                guild.leave(stay, since, words.RECOVERED, uncertainty)
            if channel_id is not None:
                guild.enter(presence, channel_id, at, sight)
        self._ledger.settled(
            Settled(guild.guild_id, words.EVENT_MISSED, 1, (drift,), reopened=0, at=at)
        )
        self._note_gap(
            guild,
            cause=words.EVENT_MISSED,
            since=since,
            at=at,
            known=0 if stay is None else 1,
            drift=[drift],
            user_id=presence.user_id,
        )

    # The record ------------------------------------------------------------------------------

    def replayed(self, guild: GuildVoice, fact: GapReplayed) -> None:
        """Notes a gap of which Discord told everything, in guilds whose voice it concerned."""
        touched = len(guild.stays) + guild.take_replayed()
        if touched and fact.since < fact.at:
            self._ledger.gap(
                GapRow(
                    self._new_id(),
                    guild.guild_id,
                    None,
                    fact.cause,
                    fact.since,
                    fact.at,
                    is_replayed=True,
                    sessions_touched=touched,
                    sessions_mended=0,
                )
            )

    def _note_gap(
        self,
        guild: GuildVoice,
        *,
        cause: str,
        since: datetime,
        at: datetime,
        known: int,
        drift: list[Drift],
        user_id: int | None = None,
    ) -> None:
        begun = sum(part.discord_channel_id is not None for part in drift)
        ended = sum(part.channel_id is not None for part in drift)
        self._ledger.gap(
            GapRow(
                self._new_id(),
                guild.guild_id,
                user_id,
                cause,
                since,
                at,
                is_replayed=False,
                sessions_touched=known + begun,
                sessions_mended=begun + ended,
            )
        )


def _is_estimated(stay: Stay) -> bool:
    """Tells whether a session's end is an estimate, which staff have not corrected since."""
    return stay.session is not None and stay.session.status == words.STALE


def drift_of(guild: GuildVoice, fact: PresenceChecked) -> Drift | None:
    """Tells how a member differs from what Discord says of them.

    Returns:
        None where they do not, where an event about them is newer than the question, and
        where the guild was not seen yet.
    """
    presence = fact.presence
    user_id = presence.user_id
    stay = guild.stays.get(user_id)
    since = _known_until(guild, user_id, fact.at)
    if user_id in guild.estimated or guild.seen_at is None or since >= fact.asked_at:
        return None
    if stay is None:
        is_there = presence.channel_id is not None
        return _missing(guild.guild_id, presence, since, fact.at) if is_there else None
    kind = _kind_of(stay, presence)
    return _drift(kind, stay, presence, since, fact.at) if kind else None


def _kind_of(stay: Stay, presence: VoicePresence) -> str:
    """Names the difference; empty where there is none."""
    if presence.channel_id is None:
        return words.GHOST
    if not is_same_visit(stay, presence):
        return words.REJOINED
    return "" if stay.channel_id == presence.channel_id else words.MOVED_UNSEEN


def is_same_visit(stay: Stay, presence: VoicePresence) -> bool:
    """Compares Discord's voice session ids; one that is not known proves no difference."""
    return (
        not stay.voice_session_id
        or not presence.voice_session_id
        or stay.voice_session_id == presence.voice_session_id
    )


def _known_until(guild: GuildVoice, user_id: int, at: datetime) -> datetime:
    """Gives up to when a member was surely where they are remembered to be."""
    stay = guild.stays.get(user_id)
    heard_at = guild.departures.at(user_id) if stay is None else stay.seen_at
    known = [each for each in (heard_at, guild.seen_at) if each is not None]
    return min(max(known, default=at), at)


def _drift(
    kind: str, stay: Stay, presence: VoicePresence | None, since: datetime, at: datetime
) -> Drift:
    return Drift(
        kind=kind,
        guild_id=stay.guild_id,
        user_id=stay.user_id,
        channel_id=stay.channel_id,
        discord_channel_id=None if presence is None else presence.channel_id,
        session_id=None if stay.session is None else stay.session.id,
        seconds=(at - since).total_seconds(),
    )


def _missing(guild_id: int, presence: VoicePresence, since: datetime, at: datetime) -> Drift:
    return Drift(
        kind=words.MISSING,
        guild_id=guild_id,
        user_id=presence.user_id,
        channel_id=None,
        discord_channel_id=presence.channel_id,
        session_id=None,
        seconds=(at - since).total_seconds(),
    )
