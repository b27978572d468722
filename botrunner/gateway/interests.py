"""Asks Discord who is interested in scheduled events, and gathers the answers.

The gateway tells who becomes interested and who no longer is, and nothing of those who were
so before it was listened to. So each event that is stated is asked about once, those first
that begin the soonest: at the start, after every gap that Discord does not replay, when
one is made, and when one that repeats goes on to its next time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import discord

from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError, answer_to
from botrunner.gateway.translate_scheduled import interested_users
from events_app.domain.scheduled import InterestListed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.client import Connection
    from botrunner.gateway.clock import Clock

logger = logging.getLogger(__name__)

# A tenth of the 50 requests a second that Discord allows a bot.
SECONDS_BETWEEN_REQUESTS: Final = 0.2
MOST_ON_PAGE: Final = 100
MOST_PAGES: Final = 100
MOST_TRIES: Final = 3
SECONDS_BETWEEN_TRIES: Final = 30.0

Key = tuple[int, int]


@dataclass(slots=True)
class _Question:
    """An event that is to be asked about, and what was heard of it meanwhile.

    Attributes:
        changed: whoever became interested, or no longer is, since the asking began: newer
            than any page.
    """

    starts_at: datetime
    due_at: float = 0.0
    tries: int = 0
    changed: dict[int, bool] = field(default_factory=dict)


class Interests:
    """The scheduled events of one shard whose interested users are still to be asked for."""

    def __init__(
        self,
        *,
        clock: Clock,
        put: Callable[[float, object], None],
        connection: Callable[[], Connection | None],
    ) -> None:
        """Asks nothing yet.

        Args:
            clock: stamps the answers.
            put: takes a thing for the writer, with the instant of its arrival.
            connection: gives the connection to Discord, if there is one.
        """
        self._clock = clock
        self._put = put
        self._connection = connection
        self._questions: dict[int, dict[int, _Question]] = {}
        self._has_more = asyncio.Event()

    # What the feed tells ------------------------------------------------------------------

    def want(self, guild_id: int, scheduled_id: int, *, starts_at: datetime) -> None:
        """Puts an event in the queue, also one that is being asked about: it is newer."""
        self._questions.setdefault(guild_id, {})[scheduled_id] = _Question(starts_at)
        self._has_more.set()

    def drop(self, guild_id: int, scheduled_id: int) -> None:
        """Takes out an event that is no more."""
        self._questions.get(guild_id, {}).pop(scheduled_id, None)

    def drop_guild(self, guild_id: int) -> None:
        """Takes out the events of a guild that cannot be asked about now."""
        self._questions.pop(guild_id, None)

    def changed(
        self, guild_id: int, scheduled_id: int, *, user_id: int, is_interested: bool
    ) -> None:
        """Somebody became interested, or no longer is."""
        question = self._question((guild_id, scheduled_id))
        if question is not None:
            question.changed[user_id] = is_interested

    # The task ------------------------------------------------------------------

    async def run(self) -> None:
        """Asks about the events that are due, one after another, until cancelled."""
        while True:
            self._has_more.clear()
            due = self._next()
            if due is None:
                await self._wait()
            else:
                await self._ask(*due)

    async def _wait(self) -> None:
        seconds = SECONDS_BETWEEN_TRIES if any(self._questions.values()) else None
        try:
            # Not wait_for(): who is woken and cancelled at once would not hear of the latter.
            async with asyncio.timeout(seconds):
                await self._has_more.wait()
        except TimeoutError:
            return

    def _next(self) -> tuple[Key, _Question] | None:
        now = self._clock.elapsed()
        due = (
            ((guild_id, scheduled_id), question)
            for guild_id, questions in self._questions.items()
            for scheduled_id, question in questions.items()
            if question.due_at <= now
        )
        return min(due, key=lambda each: each[1].starts_at, default=None)

    def _question(self, key: Key) -> _Question | None:
        return self._questions.get(key[0], {}).get(key[1])

    async def _ask(self, key: Key, question: _Question) -> None:
        question.changed.clear()
        try:
            users, is_whole = await self._pages(key)
        except discord.NotFound:
            self._forget(key, question)
        except (discord.HTTPException, NotAnsweredError, UnreadableError) as error:
            question.tries += 1
            question.due_at = self._clock.elapsed() + SECONDS_BETWEEN_TRIES
            logger.info("Guild %s: no answer about scheduled event %s: %s", *key, error)
            if question.tries >= MOST_TRIES:
                self._forget(key, question)
        else:
            if self._question(key) is question:
                self._tell(key, question, users, is_whole=is_whole)
            self._forget(key, question)

    async def _pages(self, key: Key) -> tuple[set[int], bool]:
        """Asks page by page; tells whether that was everybody."""
        users: set[int] = set()
        last: int | None = None
        for _ in range(MOST_PAGES):
            connection = self._connection()
            if connection is None or not connection.is_open:
                raise NotAnsweredError(reason="there is no connection")
            question = connection.client.http.get_scheduled_event_users(
                *key, MOST_ON_PAGE, with_member=False, after=last
            )
            page = interested_users(await answer_to(question))
            users.update(page)
            await asyncio.sleep(SECONDS_BETWEEN_REQUESTS)
            if len(page) < MOST_ON_PAGE:
                return users, True
            last = max(page)
        return users, False

    def _tell(self, key: Key, question: _Question, users: set[int], *, is_whole: bool) -> None:
        """Hands on who is interested, with what was heard while it was asked."""
        users |= {user_id for user_id, is_in in question.changed.items() if is_in}
        users -= {user_id for user_id, is_in in question.changed.items() if not is_in}
        guild_id, scheduled_id = key
        listed = InterestListed(
            guild_id=guild_id,
            scheduled_id=scheduled_id,
            user_ids=tuple(sorted(users)),
            is_whole=is_whole,
            at=self._clock.now(),
        )
        self._put(self._clock.elapsed(), listed)

    def _forget(self, key: Key, question: _Question) -> None:
        if self._question(key) is question:
            self.drop(*key)
