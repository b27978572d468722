"""Asks Discord for the members that a guild's GUILD_CREATE left out, and gathers them.

Request-all-members is allowed once per guild in 30 s, and a connection may send 120 times
in 60 s: one request a second at most leaves room for everything else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botrunner.gateway.payload import Payload, UnreadableError, entries, snowflake, whole
from botrunner.gateway.translate_directory import member_record, readable
from community.domain.directory import MemberRecord, MembersSighted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_REQUESTS: Final = 1.0
SECONDS_BETWEEN_TRIES: Final = 60.0


@dataclass(slots=True)
class _Gathering:
    """A guild whose members are on their way."""

    blind_since: datetime | None
    nonce: str
    asked_at: float | None = None
    chunks: set[int] = field(default_factory=set)
    members: dict[int, MemberRecord] = field(default_factory=dict)


class MemberRequests:
    """The guilds whose members are still to be asked for or to arrive, of one connection."""

    def __init__(self) -> None:
        self._gatherings: dict[int, _Gathering] = {}
        self._asked = 0

    def clear(self) -> None:
        """Forgets what was asked of a connection that is no more."""
        self._gatherings.clear()

    def want(self, guild_id: int, *, blind_since: datetime | None) -> None:
        """Puts a guild in the queue."""
        self._asked += 1
        self._gatherings[guild_id] = _Gathering(
            blind_since=blind_since, nonce=f"rollcall-{self._asked}"
        )

    def drop(self, guild_id: int) -> None:
        """Takes out a guild that cannot be asked about now."""
        self._gatherings.pop(guild_id, None)

    async def ask(
        self, send: Callable[[int, str], Awaitable[None]], *, elapsed: Callable[[], float]
    ) -> None:
        """Sends the requests that are due, one after another, until cancelled.

        Args:
            send: sends op 8 for a guild, with a nonce.
            elapsed: a clock that nobody sets.
        """
        while True:
            due = self._next(elapsed())
            if due is not None:
                guild_id, gathering = due
                gathering.asked_at = elapsed()
                await send(guild_id, gathering.nonce)
            await asyncio.sleep(SECONDS_BETWEEN_REQUESTS)

    def _next(self, now: float) -> tuple[int, _Gathering] | None:
        for guild_id, gathering in self._gatherings.items():
            if gathering.asked_at is None or now - gathering.asked_at >= SECONDS_BETWEEN_TRIES:
                return guild_id, gathering
        return None

    def chunk(self, payload: Payload, *, at: datetime) -> MembersSighted | None:
        """Takes in a GUILD_MEMBERS_CHUNK.

        Returns:
            All members of the guild once the last chunk of our own request is there.

        Raises:
            UnreadableError: if a field is not what it should be.
        """
        guild_id = snowflake(payload, "guild_id")
        gathering = self._gatherings.get(guild_id)
        if gathering is None or payload.get("nonce") != gathering.nonce:
            return None
        index, count = whole(payload, "chunk_index"), whole(payload, "chunk_count")
        if index is None or count is None:
            raise UnreadableError(field="chunk_index", wanted="a whole number")
        records, unreadable = readable(
            member_record, entries(payload, "members"), "members", guild_id=guild_id
        )
        if unreadable:
            logger.warning("Guild %s: %s members could not be read", guild_id, unreadable)
        gathering.members.update((record.user_id, record) for record in records)
        gathering.chunks.add(index)
        if len(gathering.chunks) < count:
            return None
        del self._gatherings[guild_id]
        return MembersSighted(
            guild_id=guild_id,
            members=tuple(gathering.members.values()),
            # A member who is there but could not be read must not be taken for gone.
            has_all_members=not unreadable,
            blind_since=gathering.blind_since,
            at=at,
        )

    def changed(self, member: MemberRecord) -> None:
        """A member came or changed meanwhile: newer than any chunk that has arrived."""
        gathering = self._gatherings.get(member.guild_id)
        if gathering is not None:
            gathering.members[member.user_id] = member

    def gone(self, guild_id: int, user_id: int) -> None:
        """A member left meanwhile."""
        gathering = self._gatherings.get(guild_id)
        if gathering is not None:
            gathering.members.pop(user_id, None)
