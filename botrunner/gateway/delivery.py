"""Does on Discord what other processes ask for: outbox items, over REST, each until it is answered.

What concerns one event, or one member's role, is done in the order in which it was asked
for; the rest side by side. A refusal (403, 404, any other 4xx) is the answer. Anything that
leaves open whether it was done (a 5xx, no answer in time, a rate limit, no connection) is
tried again, after a look at what is there: until then the item is pending, also over a
restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import discord

from botrunner.gateway.announcing import Announcer
from botrunner.gateway.asked_once import ask_once
from botrunner.gateway.pauses import Pauses
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.reminding import send_reminder
from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.services import leases, outbox
from community.services.leases import LeaseLostError
from events_app.services import discord_state, publishing, reminder_answers, rewards

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from botrunner.gateway.client import Connection
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.writer import Writer
    from community.domain.leases import Lease
    from community.models import OutboxItem

logger = logging.getLogger(__name__)

_OF_EVENTS: Final = publishing.KINDS | {discord_state.STATUS}
KINDS: Final = _OF_EVENTS | rewards.KINDS | reminder_answers.KINDS
"""The kinds of outbox items that are done here."""

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
CONNECTION_SECONDS: Final = 0.5
# Of one kind in one guild, which share a rate limit.
AT_ONCE: Final = 2

# A 4xx that says nothing of what was asked for.
_NOT_ANSWERS: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)
# Where a role is to be taken back: nobody holds it who is no member, and no role that is gone.
_NOT_HELD: Final = frozenset({10007, 10011, 10013})
ROLE: Final = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"

Lane = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an item came out.

    Attributes:
        shown: the id of the event that is announced now, or of the message that is written;
            None for none, and for roles.
        refusal: what Discord said when it refused; None where it is done.
        code: Discord's code for that.
    """

    shown: int | None = None
    refusal: str | None = None
    code: str = ""


class Delivery:
    """The items of one shard that are under way."""

    def __init__(
        self,
        *,
        lease: Lease,
        writer: Writer,
        clock: Clock,
        connection: Callable[[], Connection | None],
    ) -> None:
        """Has nothing to do yet.

        Args:
            lease: the shard's; who has lost it does nothing more.
            writer: the thread to the database.
            clock: tells when.
            connection: gives the connection to Discord, if there is one.
        """
        self._lease = lease
        self._writer = writer
        self._clock = clock
        self._connection = connection
        self._announcer = Announcer(writer=writer)
        self._lanes: dict[Lane, deque[OutboxItem]] = {}
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._in_hand: set[UUID] = set()
        self._turns: dict[tuple[int, str], asyncio.Semaphore] = {}

    def take(self, item: OutboxItem) -> None:
        """Has an item done, once; the oldest is to come first."""
        if item.pk in self._in_hand:
            return
        self._in_hand.add(item.pk)
        lane = lane_of(item)
        self._lanes.setdefault(lane, deque()).append(item)
        if lane not in self._tasks:
            self._tasks[lane] = asyncio.create_task(self._work(lane), name="deliver")

    def tasks(self) -> list[asyncio.Task[None]]:
        """Lists what is under way, to be cancelled with the shard."""
        return list(self._tasks.values())

    async def _work(self, lane: Lane) -> None:
        """Does the items of a lane, one after another."""
        items = self._lanes[lane]
        try:
            while items:
                await self._deliver(items[0])
                self._in_hand.discard(items.popleft().pk)
        except LeaseLostError as error:
            logger.info("Nothing more is delivered: %s", error)
        except Exception:
            # The lane is a task that nobody waits for.
            logger.exception("Shard %s: %s was not delivered", self._lease.shard_id, items[0].pk)
            # It is pending still, and is found again at the next look: not at once.
            await asyncio.sleep(LONGEST_PAUSE_SECONDS)
        finally:
            self._in_hand.difference_update(item.pk for item in items)
            del self._lanes[lane], self._tasks[lane]

    async def _deliver(self, item: OutboxItem) -> None:
        pauses = Pauses(first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
        turn = self._turns.setdefault((item.guild_id, item.kind), asyncio.Semaphore(AT_ONCE))
        while True:
            try:
                async with turn:
                    client = await self._client()
                    if not await self._writer.run(at_database, self._is_wanted, item):
                        return
                    outcome = await self._try(item, client)
                break
            except (
                discord.HTTPException,
                NotAnsweredError,
                UnreadableError,
                DatabaseAwayError,
            ) as error:
                pause = pauses.take()
                logger.warning(
                    "Guild %s: %s (%s) is tried again in %.0f s: %s",
                    item.guild_id,
                    item.kind,
                    item.pk,
                    pause,
                    error,
                )
                await asyncio.sleep(pause)
        await self._answer(item, outcome)

    async def _client(self) -> discord.Client:
        """Waits for a connection: a client without one may not have logged in."""
        while True:
            connection = self._connection()
            if connection is not None and connection.is_open:
                return connection.client
            await asyncio.sleep(CONNECTION_SECONDS)

    def _is_wanted(self, item: OutboxItem) -> bool:
        leases.check(self._lease)
        if item.kind in reminder_answers.KINDS:
            return reminder_answers.begin(item, now=self._clock.now())
        return outbox.is_pending(item)

    async def _try(self, item: OutboxItem, client: discord.Client) -> Outcome:
        """Does an item; what Discord answers with a 4xx is an outcome too."""
        try:
            if item.kind == publishing.PUBLISH:
                return Outcome(shown=await self._announcer.publish(item, client))
            if item.kind in reminder_answers.KINDS:
                return Outcome(shown=await send_reminder(item, client))
            if item.kind == publishing.WITHDRAW:
                await self._announcer.withdraw(item, client)
            elif item.kind == discord_state.STATUS:
                await self._announcer.follow_state(item, client)
            else:
                await self._change_role(item, client)
        except discord.HTTPException as error:
            if error.status in _NOT_ANSWERS or not is_refusal(error):
                raise
            if item.kind == rewards.REVOKE and error.code in _NOT_HELD:
                return Outcome()
            logger.info(
                "Guild %s: Discord refused %s (%s): %s %s",
                item.guild_id,
                item.kind,
                item.pk,
                error.status,
                error.code,
            )
            text = error.text or HTTPStatus(error.status).phrase
            return Outcome(refusal=f"{text} ({error.code})", code=str(error.code))
        return Outcome()

    async def _change_role(self, item: OutboxItem, client: discord.Client) -> None:
        """Gives a role or takes it; doing it twice does nothing."""
        method = "PUT" if item.kind == rewards.GIVE else "DELETE"
        place = {
            "guild_id": item.guild_id,
            "user_id": int(item.payload["user_id"]),
            "role_id": int(item.payload["role_id"]),
        }
        await ask_once(client.http, method, ROLE, place, reason=item.payload["reason"])

    async def _answer(self, item: OutboxItem, outcome: Outcome) -> None:
        """Writes how it came out, however long the database is away; the effect is not repeated."""
        pauses = Pauses(first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
        while True:
            try:
                await self._writer.run(at_database, self._write, item, outcome)
            except DatabaseAwayError as error:
                logger.warning("Shard %s: %s", self._lease.shard_id, error)
                await asyncio.sleep(pauses.take())
            else:
                logger.info("Guild %s: %s (%s) is done", item.guild_id, item.kind, item.pk)
                return

    def _write(self, item: OutboxItem, outcome: Outcome) -> None:
        now = self._clock.now()
        if item.kind in rewards.KINDS:
            rewards.settle_reward(item, refusal=outcome.refusal, code=outcome.code, now=now)
        elif item.kind in reminder_answers.KINDS:
            if outcome.refusal is None:
                reminder_answers.settle(item, message_id=outcome.shown, now=now)
            else:
                reminder_answers.refuse(item, code=outcome.code, message=outcome.refusal, now=now)
        elif outcome.refusal is None:
            publishing.settle(item, discord_event_id=outcome.shown, now=now)
        else:
            publishing.refuse(item, code=outcome.code, message=outcome.refusal, now=now)


def is_refusal(error: discord.HTTPException) -> bool:
    """Tells whether Discord said no: it understood, and will not."""
    return HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR


def lane_of(item: OutboxItem) -> Lane:
    """Tells what an item has to wait for: whatever was asked before of the same thing."""
    if item.kind in _OF_EVENTS:
        return ("event", str(item.payload.get("event_id")))
    if item.kind in reminder_answers.KINDS:
        return ("reminder", str(item.payload.get("event_id")))
    member = (item.payload.get("user_id"), item.payload.get("role_id"))
    return ("role", str(item.guild_id), *map(str, member))
