"""The members whose payloads passed by, so that only a changed one goes to the directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botrunner.gateway.translate_directory import member_record

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.gateway.payload import Payload
    from community.domain.directory import MemberRecord

MOST_MEMBERS: Final = 20_000


@dataclass(slots=True)
class _Seen:
    """How a member was stated, and as of when at the latest."""

    raw: Any
    record: MemberRecord
    at: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """A member who differs from what was last seen of them.

    Attributes:
        seen_at: when that was; None where it is not remembered.
    """

    member: MemberRecord
    seen_at: datetime | None


class SeenMembers:
    """A bounded memory of members as they were last stated."""

    def __init__(self, *, most: int = MOST_MEMBERS) -> None:
        """Starts empty.

        Args:
            most: how many members are remembered; beyond it, the first to come goes first.
        """
        self._most = most
        self._seen: dict[tuple[int, int], _Seen] = {}

    def stated(self, record: MemberRecord, raw: Any = None, *, at: datetime) -> None:
        """Remembers a member who was stated.

        Args:
            record: the member.
            raw: the payload that said so, if it is one that comes again.
            at: as of when it said so, at the latest.
        """
        if len(self._seen) >= self._most:
            del self._seen[next(iter(self._seen))]
        self._seen[record.guild_id, record.user_id] = _Seen(raw, record, at)

    def gone(self, guild_id: int, user_id: int) -> None:
        """Forgets a member who left."""
        self._seen.pop((guild_id, user_id), None)

    def passing(self, raw: Payload, *, guild_id: int, user_id: int, at: datetime) -> Passed | None:
        """Looks at a member's payload in passing.

        Returns:
            The member where they differ from what was last seen, else None.

        Raises:
            UnreadableError: if a field is not what it should be.
        """
        seen = self._seen.get((guild_id, user_id))
        # The raw comparison spares the translation: nearly every payload is as it was.
        if seen is not None and seen.raw == raw:
            seen.at = at
            return None
        record = member_record(raw, guild_id=guild_id)
        self.stated(record, raw, at=at)
        if seen is not None and seen.record == record:
            return None
        return Passed(record, None if seen is None else seen.at)
