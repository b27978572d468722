"""Where Discord and the sessions under way differ, member by member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sessions_app.domain import words

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Final = (words.GHOST, words.MOVED_UNSEEN, words.REJOINED, words.MISSING)
"""``ghost``: a session goes on, and the member is not in voice. ``moved_unseen``: they are in
another channel. ``rejoined``: in the same one, on another visit. ``missing``: they are in voice,
and no session goes on."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One member of whom Discord says something else than the sessions.

    Attributes:
        kind: one of :data:`KINDS`.
        channel_id: where the session under way is; None where there is none.
        discord_channel_id: where Discord says they are; None for in no channel.
        session_id: the session under way; None where there is none.
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


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: str | None) -> int | None:
    return None if value is None else int(value)
