"""Asks Discord where members are, while the connection lives (PRODUCT's H4).

The gateway tells what happens, and nothing of what it failed to tell. REST tells where one
member is. So each member in voice is asked about now and then, and those who left lately.
Of whom Discord says something else than the tracker is asked about once more, a moment
later: an event that is on its way then has come. What was said twice goes the way of all
facts, and an event that is newer than the question beats it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import discord

from botrunner.gateway import translate
from botrunner.gateway.payload import UnreadableError, mapping
from botrunner.gateway.questions import NotAnsweredError, answer_to
from botrunner.gateway.settled_log import tell_sum
from botrunner.gateway.things import Compared
from sessions_app.domain.facts import PresenceChecked, VoicePresence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.books import Books
    from botrunner.gateway.client import Connection
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.pipeline import Pipeline
    from botrunner.gateway.writer import Writer
    from community.models import OutboxItem

logger = logging.getLogger(__name__)

# Half of the 50 requests a second that Discord allows a bot: the rest is for what members
# and staff wait for.
REQUESTS_PER_SECOND: Final = 25.0
AT_ONCE: Final = 5
# An event that Discord has sent when it answers arrives within this.
SECOND_LOOK_SECONDS: Final = 1.5
# Whoever asks waits ten seconds.
ASKED_SECONDS: Final = 6.0

# After so many questions without an answer the rest of a round is left: of 10,000 refusals
# in ten minutes Discord makes a ban, and while it is away each takes half a minute.
MOST_UNANSWERED: Final = 50

# Only these say that somebody is in no channel: unknown voice state, unknown member, unknown
# user. Any other 404, or one without a code, may be about the guild or the whole address.
GONE: Final = frozenset({10065, 10007, 10013})


class Comparing:
    """Compares one shard's guilds with Discord, in rounds and when asked."""

    def __init__(
        self,
        *,
        shard_id: int,
        sight: Sight,
        pipeline: Pipeline,
        books: Books,
        writer: Writer,
        clock: Clock,
        connection: Callable[[], Connection | None],
    ) -> None:
        """Asks nothing yet.

        Args:
            shard_id: for the log.
            sight: which guilds are seen.
            pipeline: where the answers go.
            books: whom to ask about, and what an answer would change.
            writer: the thread that the books are asked in.
            clock: stamps questions and answers.
            connection: gives the connection to Discord, if there is one.
        """
        self._shard_id = shard_id
        self._sight = sight
        self._pipeline = pipeline
        self._books = books
        self._writer = writer
        self._clock = clock
        self._connection = connection
        self._free_at = clock.elapsed()
        self._unanswered = 0

    async def run(self, every: float) -> None:
        """Compares all guilds with somebody in voice every so many seconds; rests when none has."""
        while True:
            await asyncio.sleep(every)
            if self._is_live():
                await self.round()

    async def round(self) -> None:
        """Compares all guilds with somebody in voice, and mends what differs."""
        guild_ids = await self._writer.run(self._books.guilds_in_use)
        if not guild_ids:
            return
        logger.info("Shard %s: comparing %s guilds with Discord", self._shard_id, len(guild_ids))
        mended: Counter[str] = Counter()
        checked = to_check = 0
        self._unanswered = 0
        for guild_id in guild_ids:
            compared = await self._compare(guild_id, mend=True)
            if compared is None:
                continue
            checked += compared.checked
            to_check += compared.to_check
            self._pipeline.put(self._clock.elapsed(), compared)
            await compared.is_over.wait()
            mended.update(drift.kind for drift in compared.drift or ())
        what = f"Shard {self._shard_id}: comparison of {checked} of {to_check} members"
        if checked or not to_check:
            tell_sum(what, mended)
        else:
            logger.warning("%s: Discord does not answer", what)

    async def answer(self, item: OutboxItem) -> bool:
        """Compares a guild since somebody asked for it; tells whether it could."""
        self._unanswered = 0
        compared = await self._compare(
            item.guild_id, mend=item.payload.get("mend") is True, seconds=ASKED_SECONDS
        )
        if compared is None:
            return False
        compared.item = item
        self._pipeline.put(self._clock.elapsed(), compared)
        await compared.is_over.wait()
        return True

    def _is_live(self) -> bool:
        connection = self._connection()
        return connection is not None and connection.is_open and self._sight.is_live

    def _sees(self, guild_id: int) -> bool:
        return self._is_live() and self._sight.sees(guild_id)

    async def _compare(
        self, guild_id: int, *, mend: bool, seconds: float | None = None
    ) -> Compared | None:
        """Asks about a guild's members, for so many seconds at most.

        Returns:
            None where the guild is not seen.
        """
        if not self._sees(guild_id):
            return None
        user_ids = await self._writer.run(self._books.to_check, guild_id)
        until = None if seconds is None else self._clock.elapsed() + seconds
        said = await self._ask_all(guild_id, user_ids, until=until)
        drift = await self._writer.run(self._books.drift, list(said.values()))
        doubted = [part.user_id for part in drift]
        if doubted:
            await asyncio.sleep(SECOND_LOOK_SECONDS)
            again = await self._ask_all(
                guild_id, doubted, until=None if until is None else until + SECOND_LOOK_SECONDS
            )
            for user_id in doubted:
                first, second = said.pop(user_id), again.get(user_id)
                if second is not None and _same_place(first.presence, second.presence):
                    said[user_id] = PresenceChecked(
                        guild_id, second.presence, first.asked_at, second.at
                    )
        if not self._sees(guild_id):
            return None
        return Compared(
            guild_id=guild_id,
            checks=tuple(said.values()),
            checked=len(said),
            to_check=len(user_ids),
            mend=mend,
        )

    async def _ask_all(
        self, guild_id: int, user_ids: Iterable[int], *, until: float | None
    ) -> dict[int, PresenceChecked]:
        """Asks about members, a few at once; those who could not be asked about are left out."""
        waiting = iter(user_ids)
        said: dict[int, PresenceChecked] = {}

        async def ask_in_turn() -> None:
            for user_id in waiting:
                if until is not None and self._clock.elapsed() >= until:
                    return
                if self._unanswered >= MOST_UNANSWERED:
                    return
                await self._wait_for_turn()
                check = await self._ask(guild_id, user_id)
                if check is None:
                    self._unanswered += 1
                else:
                    said[user_id] = check

        await asyncio.gather(*(ask_in_turn() for _ in range(AT_ONCE)))
        return said

    async def _wait_for_turn(self) -> None:
        now = self._clock.elapsed()
        turn = max(now, self._free_at)
        self._free_at = turn + 1 / REQUESTS_PER_SECOND
        await asyncio.sleep(turn - now)

    async def _ask(self, guild_id: int, user_id: int) -> PresenceChecked | None:
        """Asks where one member is; None where the answer says nothing of it."""
        connection = self._connection()
        if connection is None:
            return None
        asked_at = self._clock.now()
        try:
            question = connection.client.http.get_voice_state(guild_id, user_id)
            presence = _presence(await answer_to(question), user_id)
        except (discord.HTTPException, NotAnsweredError, UnreadableError) as error:
            if not (isinstance(error, discord.NotFound) and error.code in GONE):
                logger.info("Guild %s: no answer about member %s: %s", guild_id, user_id, error)
                return None
            presence = VoicePresence(user_id, None)
        return PresenceChecked(guild_id, presence, asked_at, self._clock.now())


def _presence(state: Any, user_id: int) -> VoicePresence:
    payload = mapping(state, "voice state")
    presence = translate.voice_presence(payload, is_bot=translate.is_bot(payload.get("member")))
    if presence.user_id != user_id:
        raise UnreadableError(field="user_id", wanted="the member's who was asked about")
    return presence


def _same_place(first: VoicePresence, second: VoicePresence) -> bool:
    return (
        first.channel_id == second.channel_id and first.voice_session_id == second.voice_session_id
    )
