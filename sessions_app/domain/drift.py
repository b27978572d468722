"""Where Discord and the sessions under way differ, member by member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sessions_app.domain import words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sessions_app.domain.facts import PresenceChecked, VoicePresence
    from sessions_app.domain.guild_voice import GuildVoice
    from sessions_app.domain.stays import Stay

KINDS: Final = (words.GHOST, words.MOVED_UNSEEN, words.REJOINED, words.MISSING)
"""``ghost``: a session goes on, and the member is not in voice. ``moved_unseen``: they are in
another channel. ``rejoined``: they are on another visit, in whatever channel. ``missing``: they
are in voice, and not known to be."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One member of whom Discord says something else than the sessions.

    Attributes:
        kind: one of :data:`KINDS`.
        channel_id: where they are remembered to be; None for in no channel.
        discord_channel_id: where Discord says they are; None for in no channel.
        session_id: the session under way; None where there is none, since they are not
            known to be in voice or since staff have ended it.
        seconds: how much time the difference is about: since they were last known to be
            where the session says, which mending takes from it, or gives back.
    """

    kind: str
    guild_id: int
    user_id: int
    channel_id: int | None
    discord_channel_id: int | None
    session_id: UUID | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Writes it for an outbox answer; ids are strings."""
        return {
            "kind": self.kind,
            "guild_id": str(self.guild_id),
            "user_id": str(self.user_id),
            "channel_id": _text(self.channel_id),
            "discord_channel_id": _text(self.discord_channel_id),
            "session_id": _text(self.session_id),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Drift:
        """Reads what :meth:`as_json` wrote."""
        session_id = value["session_id"]
        return cls(
            kind=value["kind"],
            guild_id=int(value["guild_id"]),
            user_id=int(value["user_id"]),
            channel_id=_number(value["channel_id"]),
            discord_channel_id=_number(value["discord_channel_id"]),
            session_id=UUID(session_id) if session_id else None,
            seconds=value["seconds"],
        )


def is_same_visit(stay: Stay, presence: VoicePresence) -> bool:
    """Compares Discord's voice session ids; one that is not known proves no difference."""
    return (
        not stay.voice_session_id
        or not presence.voice_session_id
        or stay.voice_session_id == presence.voice_session_id
    )


def drift_between(
    guild_id: int, stay: Stay | None, presence: VoicePresence, *, since: datetime, at: datetime
) -> Drift | None:
    """Tells how a member differs from what is remembered of them.

    Args:
        guild_id: the guild.
        stay: what is remembered; None for in no channel.
        presence: what Discord says.
        since: up to when the two were surely the same.
        at: when Discord said it.

    Returns:
        None where they do not.
    """
    kind = _kind_of(stay, presence)
    if not kind:
        return None
    session = None if stay is None else stay.session
    return Drift(
        kind=kind,
        guild_id=guild_id,
        user_id=presence.user_id,
        channel_id=None if stay is None else stay.channel_id,
        discord_channel_id=presence.channel_id,
        session_id=None if session is None else session.id,
        seconds=(at - since).total_seconds(),
    )


def is_up_to_date(guild: GuildVoice, fact: PresenceChecked) -> bool:
    """Tells whether Discord's answer can be held against what is remembered of a member.

    Not where they are a bot that gets no sessions, where an event about them is newer than
    the question, and where the guild's own statement, which settles ends by estimate too,
    is still to come.
    """
    return (
        guild.sightings.stated_at is not None
        and not guild.ignores(fact.presence)
        and not guild.sightings.is_newer(fact.presence.user_id, fact.asked_at)
    )


def drift_of(guild: GuildVoice, fact: PresenceChecked) -> Drift | None:
    """Tells what Discord's answer would change; None for nothing."""
    if not is_up_to_date(guild, fact):
        return None
    user_id = fact.presence.user_id
    since = guild.sightings.until(user_id) or fact.at
    stay = guild.stays.get(user_id)
    return drift_between(guild.guild_id, stay, fact.presence, since=since, at=fact.at)


def _kind_of(stay: Stay | None, presence: VoicePresence) -> str:
    """Names the difference; empty where there is none."""
    if stay is None:
        return "" if presence.channel_id is None else words.MISSING
    if presence.channel_id is None:
        return words.GHOST
    if not is_same_visit(stay, presence):
        return words.REJOINED
    return "" if stay.channel_id == presence.channel_id else words.MOVED_UNSEEN


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: str | None) -> int | None:
    return None if value is None else int(value)
