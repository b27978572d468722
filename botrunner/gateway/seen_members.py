"""The members whose payloads passed by, so that only a changed one goes to the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botrunner.gateway.translate_directory import member_record

if TYPE_CHECKING:
    from botrunner.gateway.payload import Payload
    from community.domain.directory import MemberRecord

MOST_MEMBERS: Final = 20_000


class SeenMembers:
    """A bounded memory of members as they were last stated."""

    def __init__(self, *, most: int = MOST_MEMBERS) -> None:
        """Starts empty.

        Args:
            most: how many members are remembered; beyond it, the first to come goes first.
        """
        self._most = most
        self._seen: dict[tuple[int, int], tuple[Any, MemberRecord]] = {}

    def stated(self, record: MemberRecord, raw: Any = None) -> None:
        """Remembers a member who was stated."""
        if len(self._seen) >= self._most:
            del self._seen[next(iter(self._seen))]
        self._seen[record.guild_id, record.user_id] = (raw, record)

    def gone(self, guild_id: int, user_id: int) -> None:
        """Forgets a member who left."""
        self._seen.pop((guild_id, user_id), None)

    def passing(self, raw: Payload, *, guild_id: int, user_id: int) -> MemberRecord | None:
        """Looks at a member's payload in passing.

        Returns:
            The member where they differ from what was last seen, else None.

        Raises:
            UnreadableError: if a field is not what it should be.
        """
        seen = self._seen.get((guild_id, user_id))
        # The raw comparison spares the translation: nearly every payload is as it was.
        if seen is not None and seen[0] == raw:
            return None
        record = member_record(raw, guild_id=guild_id)
        self.stated(record, raw)
        return None if seen is not None and seen[1] == record else record
