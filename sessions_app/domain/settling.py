"""Settles what was not seen: a start, a lost session, an outage's end, a comparison.

One path for all of them. What Discord says now is held against the stays that are
remembered; what differs happened somewhere in the blind gap, and every boundary set for it
carries the gap's length as its uncertainty (PRODUCT's H3 to H5).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words
from sessions_app.domain.changes import GapRow, Settled
from sessions_app.domain.drift import drift_between, drift_of, is_same_visit, is_up_to_date
from sessions_app.domain.facts import VoicePresence
from sessions_app.domain.guild_voice import LIVE, Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sessions_app.domain.drift import Drift
    from sessions_app.domain.facts import GapReplayed, PresenceChecked, VoiceSnapshot
    from sessions_app.domain.guild_voice import GuildVoice
    from sessions_app.domain.ledger import Ledger
    from sessions_app.domain.stays import Stay

FIRST_SIGHT: Final = Sight(words.FIRST_SIGHT, 0.0)


class Settling:
    """Compares what Discord says with what is remembered, and mends the difference."""

    def __init__(self, ledger: Ledger, new_id: Callable[[], UUID]) -> None:
        self._ledger = ledger
        self._new_id = new_id

    def snapshot(self, guild: GuildVoice, fact: VoiceSnapshot) -> None:
        """Settles a guild with all who are in its voice."""
        at = fact.at
        is_first = fact.blind_since is None
        since = fact.blind_since or at
        present = {
            user_id: presence
            for user_id, presence in fact.presences.items()
            if presence.channel_id is not None and not guild.is_ignored(presence)
        }
        compared = len(guild.stays) + len(guild.estimated)
        estimates = sum(map(_is_estimated, guild.estimated.values()))
        known = estimates + sum(stay.session is not None for stay in guild.stays.values())
        reopened = sum(
            self.estimate(guild, stay, present.get(user_id), at) is not None
            for user_id, stay in list(guild.estimated.items())
        )
        drift = _differences(guild, present, since=since, at=at)
        self._settle(guild, present, drift, at=at, is_first=is_first)
        if is_first:
            self._ledger.sighted(guild.guild_id, at)
        else:
            parts = tuple(drift.values())
            self._ledger.settled(Settled(guild.guild_id, fact.cause, compared, parts, reopened, at))
        if since < at:
            begun, ended = _begun_and_ended(drift.values())
            self._note_gap(
                guild,
                cause=fact.cause,
                since=since,
                at=at,
                touched=known + begun,
                mended=begun + ended + estimates - reopened,
            )
        else:
            for part in drift.values():
                self._note_missed(guild, part, at)
        guild.sightings.stated(at)

    @staticmethod
    def _settle(
        guild: GuildVoice,
        present: Mapping[int, VoicePresence],
        drift: Mapping[int, Drift],
        *,
        at: datetime,
        is_first: bool,
    ) -> None:
        """Mends a guild; who is gone goes first: a channel is empty before it fills again."""
        for part in drift.values():
            _end_what_is_over(guild, part, at)
        for user_id, presence in present.items():
            if user_id in drift:
                sight = _sight(drift[user_id])
                _begin(guild, presence, at, FIRST_SIGHT if is_first and sight is LIVE else sight)
            elif user_id in guild.stays:
                guild.toggle(guild.stays[user_id], presence, at)
                # The AFK channel may have become another one while nobody watched.
                guild.seats.hold(guild.stays[user_id], at)

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
        if guild.is_ignored(presence) or not is_up_to_date(guild, fact):
            return
        part = drift_of(guild, fact)
        if part is None:
            guild.sightings.checked(presence.user_id, fact.asked_at)
            return
        _end_what_is_over(guild, part, fact.at)
        _begin(guild, presence, fact.at, _sight(part))
        self._ledger.settled(
            Settled(guild.guild_id, words.EVENT_MISSED, 1, (part,), reopened=0, at=fact.at)
        )
        self._note_missed(guild, part, fact.at)
        guild.sightings.checked(presence.user_id, fact.at)

    # The record ------------------------------------------------------------------------------

    def replayed(self, guild: GuildVoice, fact: GapReplayed) -> None:
        """Notes a gap of which Discord told everything, in guilds whose voice it concerned."""
        gone = guild.sightings.take_replayed() - guild.stays.keys()
        touched = len(guild.stays) + len(gone)
        if touched:
            self._note_gap(
                guild,
                cause=fact.cause,
                since=fact.since,
                at=fact.at,
                touched=touched,
                mended=0,
                is_replayed=True,
            )

    def _note_missed(self, guild: GuildVoice, part: Drift, at: datetime) -> None:
        """Notes that an event about a member never came."""
        touched = sum(_begun_and_ended([part]))
        self._note_gap(
            guild,
            user_id=part.user_id,
            cause=words.EVENT_MISSED,
            since=_since(part, at),
            at=at,
            touched=touched,
            mended=touched,
        )

    def _note_gap(
        self,
        guild: GuildVoice,
        *,
        cause: str,
        since: datetime,
        at: datetime,
        touched: int,
        mended: int,
        user_id: int | None = None,
        is_replayed: bool = False,
    ) -> None:
        """Notes a blind gap, from where the gap before it ended."""
        stated_at = guild.sightings.stated_at
        if stated_at is not None:
            since = max(since, stated_at)
        if since < at:
            self._ledger.gap(
                GapRow(
                    self._new_id(),
                    guild.guild_id,
                    user_id,
                    cause,
                    since,
                    at,
                    is_replayed=is_replayed,
                    sessions_touched=touched,
                    sessions_mended=mended,
                )
            )


def _is_estimated(stay: Stay) -> bool:
    """Tells whether a session's end is an estimate, which staff have not corrected since."""
    return stay.session is not None and stay.session.status == words.STALE


def _differences(
    guild: GuildVoice, present: Mapping[int, VoicePresence], *, since: datetime, at: datetime
) -> dict[int, Drift]:
    """Finds those who differ from the guild's statement, by user id.

    Where no blind gap came before it, some event never came since the last word of them.
    """
    found = {}
    for user_id in {**guild.stays, **present}:
        known_until = since if since < at else guild.sightings.until(user_id) or at
        part = drift_between(
            guild.guild_id,
            guild.stays.get(user_id),
            present.get(user_id, VoicePresence(user_id, None)),
            since=min(known_until, at),
            at=at,
        )
        if part is not None:
            found[user_id] = part
    return found


def _end_what_is_over(guild: GuildVoice, part: Drift, at: datetime) -> None:
    if part.kind in {words.GHOST, words.REJOINED}:
        stay = guild.stays[part.user_id]
        guild.leave(stay, _since(part, at), words.RECOVERED, part.seconds)


def _begin(guild: GuildVoice, presence: VoicePresence, at: datetime, sight: Sight) -> None:
    stay = guild.stays.get(presence.user_id)
    if presence.channel_id is None:
        return
    if stay is None:
        guild.enter(presence, presence.channel_id, at, sight)
    else:
        guild.move(stay, presence, presence.channel_id, at, sight, reason=words.RECOVERED)


def _sight(part: Drift) -> Sight:
    return Sight(words.INFERRED, part.seconds) if part.seconds else LIVE


def _since(part: Drift, at: datetime) -> datetime:
    """Gives up to when a member who differs at ``at`` was as remembered."""
    return at - timedelta(seconds=part.seconds)


def _begun_and_ended(drift: Iterable[Drift]) -> tuple[int, int]:
    """Counts the sessions that what differs begins, and those that it ends."""
    parts = list(drift)
    begun = sum(part.discord_channel_id is not None for part in parts)
    ended = sum(part.session_id is not None for part in parts)
    return begun, ended
