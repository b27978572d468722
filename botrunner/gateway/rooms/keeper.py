"""Keeps the rooms of one shard: does on Discord what their rows ask for, until they are over.

It reads the rows at its start, when it is woken (``NOTIFY rollcall_rooms``, which every step
of a room sends), when the earliest of them wants to be looked at, and every other second
besides; what it finds there is all that it knows, so that a crash between any two steps is
recovered by the next look. Whoever shows rooms to members can hear of their steps in the same
way: :func:`botrunner.gateway.listening.listen` calls its ears with the ids of the guilds.

Each room has a lane of its own, so that one that Discord keeps waiting holds up no other.
Time that is up, and who is inside, are judged in the shard's books, in the order in which
things were heard (:class:`~botrunner.gateway.things.RoomsDue`): only where the guild is seen
right now, for who came while nobody looked is not known before its statement is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.happenings import ChannelMade, CreationNotSent
from botrunner.domain.rooms.refusals import ERROR_BITRATE
from botrunner.domain.rooms.room import HOLDS_SLOT
from botrunner.gateway.rooms import effects
from botrunner.gateway.rooms.looking import (
    CONNECTION_SECONDS,
    REST_SECONDS,
    Looking,
    open_client,
)
from botrunner.gateway.rooms.moves import Moves
from botrunner.gateway.rooms.records import Records
from botrunner.gateway.rooms.seat import BotSeat
from botrunner.gateway.things import RoomsDue
from botrunner.gateway.writer import DatabaseAwayError
from botrunner.models import Room, RoomKind, RoomState
from botrunner.services.rooms import requests, steps, troubles, work
from botrunner.services.rooms.plans import USUAL_BITRATE
from botrunner.services.rooms.work import Creation, Deletion, Move, Search
from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    import discord

    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.client import Connection
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.effects import Outcome, Voice
    from botrunner.gateway.rooms.start_sweep import StartSweep
    from botrunner.gateway.writer import Writer
    from botrunner.services.rooms.work import Standing
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""So often rows are looked at where nothing else is a reason to."""
RECOUNT_SECONDS: Final = 5.0
"""So often open rooms are held against who is there, though nothing was heard."""
DUE_AGAIN_SECONDS: Final = 1.0
SHUT_DOWN_SECONDS: Final = 3.0
"""So long a stop waits for the rooms that are to end with it."""
ASK_SECONDS: Final = 2.0
"""And so long for a database that may be away, to hear whether there are any."""
POLL_SECONDS: Final = 0.02


class RoomKeeper:
    """The rooms of one shard that something is to be done for."""

    def __init__(
        self,
        *,
        lease: Lease,
        writer: Writer,
        clock: Clock,
        connection: Callable[[], Connection | None],
        sight: Sight,
        put: Callable[[float, object], None],
        voice: Voice | None = None,
        start_sweep: StartSweep | None = None,
    ) -> None:
        """Knows of no room yet.

        Args:
            lease: the shard's; who has lost it does nothing more.
            writer: the thread to the database.
            clock: tells when.
            connection: gives the connection to Discord, if there is one.
            sight: which guilds are seen.
            put: takes a thing for the books, with the instant of its arrival.
            voice: the bot's own place in voice; None where it takes none.
            start_sweep: cleans up at the start; None where nothing does.
        """
        self._lease = lease
        self._records = Records(writer, shard_id=lease.shard_id)
        self._clock = clock
        self._connection = connection
        self._sight = sight
        self._put = put
        self._seat = (
            None
            if voice is None
            else BotSeat(voice, elapsed=clock.elapsed, note=self._note_unseated)
        )
        self._start_sweep = start_sweep
        self._sweeping: asyncio.Task[None] | None = None
        self._looking = Looking(self._look_in_turn, what="keeping rooms", shard_id=lease.shard_id)
        self._lanes: dict[UUID, asyncio.Task[None]] = {}
        self._marks: set[asyncio.Task[None]] = set()
        self._resting: dict[UUID, float] = {}
        self._due_put: dict[int, float] = {}
        self._recounted_at = clock.elapsed()
        self._holders: frozenset[UUID] = frozenset()
        self._admitted_at = clock.elapsed()
        self._is_stopping = False
        self._moves = Moves(self._records, clock)

    # From outside ------------------------------------------------------------------

    def wake(self) -> None:
        """Has the rows looked at, now."""
        self._looking.wake()

    def channel_made(self, room_id: UUID, channel_id: int) -> None:
        """The guild's audit log says that a channel was made for a room."""
        task = asyncio.create_task(self._bind(room_id, channel_id), name="room found")
        self._marks.add(task)
        task.add_done_callback(self._marks.discard)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Lists what is under way, to be cancelled with the shard."""
        seats = [] if self._seat is None else self._seat.tasks()
        sweeping = [] if self._sweeping is None or self._sweeping.done() else [self._sweeping]
        return [*self._lanes.values(), *self._marks, *seats, *sweeping]

    async def run(self) -> None:
        """Does what is to be done until cancelled."""
        if self._start_sweep is not None:
            self._sweeping = asyncio.create_task(self._start_sweep.run(), name="sweep rooms")
        await self._looking.run()

    async def shut_down(self) -> None:
        """Ends the rooms that are not to outlive the bot, as far as that can be done in time.

        None is made from now on: whoever has their turn has it when the bot is back.
        """
        self._is_stopping = True
        try:
            async with asyncio.timeout(ASK_SECONDS) as patience:
                ending = await self._records.at(
                    work.close_at_shutdown, self._lease, now=self._clock.now()
                )
                if not ending:
                    return
                patience.reschedule(asyncio.get_running_loop().time() + SHUT_DOWN_SECONDS)
                self.wake()
                await self._until_over(ending)
        except (TimeoutError, DatabaseAwayError, LeaseLostError) as error:
            logger.info("Shard %s: rooms are left as they are: %r", self._lease.shard_id, error)
        except Exception:
            # Whatever it is, the facts that were heard are still to be written.
            logger.exception("Shard %s: rooms could not be ended", self._lease.shard_id)

    async def _until_over(self, room_ids: Sequence[UUID]) -> None:
        while True:
            live = await self._records.at(_count_live, room_ids)
            if not live:
                return
            await asyncio.sleep(POLL_SECONDS)

    # Looking ------------------------------------------------------------------

    async def _look_in_turn(self) -> float:
        """Looks at the rooms; gives for how many seconds there is nothing to look for."""
        began = self._clock.elapsed()
        pause = await self._look()
        # Whoever writes facts waits for the same thread: it is theirs half of the time.
        await asyncio.sleep(self._clock.elapsed() - began)
        return pause

    async def _look(self) -> float:
        rooms = await self._records.at(work.standing, self._lease)
        if not self._is_stopping and await self._admit(rooms):
            self.wake()
        pauses = [LOOK_SECONDS]
        if self._seat is not None and open_client(self._connection()) is not None:
            pauses.append(self._seat.take(rooms))
        self._recount(rooms)
        now = self._clock.now()
        for room in rooms:
            if room.is_open and room.at is not None and room.at <= now:
                ago = (now - room.at).total_seconds()
                pauses.append(self._put_due(room.guild_id, ago=ago))
            elif room.at is not None and room.at > now:
                pauses.append((room.at - now).total_seconds())
            elif room.has_work:
                pauses.append(self._begin(room))
            if room.is_open and room.moves_owner:
                rest = self._moves.rest((room.room_id, room.move_since))
                pauses.append(rest if rest > 0 else self._begin(room))
        self._forget(rooms)
        return min(pauses)

    def _begin(self, room: Standing) -> float:
        """Has a room's work begun; gives for how many seconds it may not be."""
        if self._is_stopping and room.is_to_be_made:
            return LOOK_SECONDS
        rest = self._resting.get(room.room_id, 0.0) - self._clock.elapsed()
        if rest > 0:
            return rest
        if open_client(self._connection()) is None:
            return CONNECTION_SECONDS
        if room.room_id not in self._lanes:
            lane = asyncio.create_task(self._work(room.room_id), name="room")
            self._lanes[room.room_id] = lane
        return LOOK_SECONDS

    def _recount(self, rooms: Sequence[Standing]) -> None:
        elapsed = self._clock.elapsed()
        if elapsed - self._recounted_at >= RECOUNT_SECONDS:
            self._recounted_at = elapsed
            for guild_id in {room.guild_id for room in rooms if room.is_open}:
                self._put_due(guild_id, ago=RECOUNT_SECONDS)

    def _put_due(self, guild_id: int, *, ago: float) -> float:
        """Has a guild's rooms held against the clock, once all that was heard is written.

        Args:
            guild_id: the guild.
            ago: for so many seconds there has been a reason to; what was put before that
                was put too early for it.

        Returns:
            For how many seconds it is not to be done again.
        """
        if not self._sight.sees(guild_id):
            return LOOK_SECONDS
        elapsed = self._clock.elapsed()
        put = self._due_put.get(guild_id)
        if put is not None and put >= elapsed - ago:
            rest = put + DUE_AGAIN_SECONDS - elapsed
            if rest > 0:
                return rest
        self._due_put[guild_id] = elapsed
        self._put(elapsed, RoomsDue(guild_id))
        return DUE_AGAIN_SECONDS

    def _forget(self, rooms: Sequence[Standing]) -> None:
        room_ids = {room.room_id for room in rooms}
        for room_id in self._resting.keys() - room_ids:
            del self._resting[room_id]
        self._moves.forget({(room.room_id, room.move_since) for room in rooms if room.moves_owner})
        for guild_id in self._due_put.keys() - {room.guild_id for room in rooms}:
            del self._due_put[guild_id]

    async def _admit(self, rooms: Sequence[Standing]) -> bool:
        """Gives free slots away where one may have become free; tells whether one was."""
        private = [room for room in rooms if room.kind == RoomKind.PRIVATE]
        holders = frozenset(room.room_id for room in private if room.state in HOLDS_SLOT)
        waits = any(room.state in {RoomState.REQUESTED, RoomState.QUEUED} for room in private)
        elapsed = self._clock.elapsed()
        is_time = waits and elapsed - self._admitted_at >= LOOK_SECONDS
        admitted = 0
        if self._holders - holders or is_time:
            admitted = await self._records.at(requests.admit, now=self._clock.now())
            self._admitted_at = elapsed
        self._holders = holders
        return admitted > 0

    # One room ------------------------------------------------------------------

    async def _work(self, room_id: UUID) -> None:
        """Does what a room asks for, one thing after another, until it asks for nothing."""
        try:
            while await self._step(room_id):
                pass
        except LeaseLostError as error:
            logger.info("Nothing more is done for room %s: %s", room_id, error)
            self._rest(room_id, REST_SECONDS)
        except DatabaseAwayError as error:
            logger.warning("Room %s waits: %s", room_id, error)
            self._rest(room_id, 1.0)
        except Exception:
            logger.exception("Room %s: what is to be done for it failed", room_id)
            self._rest(room_id, REST_SECONDS)
        finally:
            del self._lanes[room_id]
            # What was written after its last look at the row was written in vain otherwise.
            self.wake()

    def _rest(self, room_id: UUID, seconds: float) -> None:
        self._resting[room_id] = self._clock.elapsed() + seconds

    async def _step(self, room_id: UUID) -> bool:
        """Does one thing for a room; tells whether there may be another at once."""
        client = open_client(self._connection())
        if client is None or client.user is None:
            self._rest(room_id, CONNECTION_SECONDS)
            return False
        wanted = await self._records.at(
            work.begin,
            room_id,
            lease=self._lease,
            bot_id=client.user.id,
            now=self._clock.now(),
            may_make=not self._is_stopping,
        )
        if isinstance(wanted, Creation):
            await self._create(wanted, client)
        elif isinstance(wanted, Search):
            outcome = await effects.find(client.http, wanted, bot_id=client.user.id)
            await self._tell(room_id, outcome)
        elif isinstance(wanted, Deletion):
            if self._seat is not None:
                await self._seat.leave(wanted.guild_id, wanted.channel_id)
            await self._tell(room_id, await effects.delete(client.http, wanted))
        elif isinstance(wanted, Move):
            await self._moves.move(wanted, client.http)
            return False
        else:
            await self._records.at(work.owner_left_hub, room_id)
            return False
        return True

    async def _create(self, wanted: Creation, client: discord.Client) -> None:
        outcome = await effects.create(client.http, wanted)
        if isinstance(outcome.happening, CreationNotSent) and outcome.error == ERROR_BITRATE:
            await self._records.insist(
                work.use_usual_bitrate, wanted.room_id, bitrate=USUAL_BITRATE
            )
        await self._tell(wanted.room_id, outcome)

    async def _note_unseated(self, room_id: UUID, words: str) -> None:
        """Has staff read why the bot does not sit in a room that wants it."""
        with contextlib.suppress(DatabaseAwayError):
            await self._records.at(
                troubles.note, room_id, troubles.NOT_SEATED, words=words, now=self._clock.now()
            )

    async def _bind(self, room_id: UUID, channel_id: int) -> None:
        """Tells a room of its channel before the answer to its creation has come."""
        try:
            await self._tell(room_id, effects.Outcome(ChannelMade(channel_id)))
        except Room.DoesNotExist:
            logger.info("There is no room %s, for which channel %s was made", room_id, channel_id)
        except Exception:
            # Whoever waits for the answer, or looks for the mark, tells it once more.
            logger.exception("Room %s: it could not be told of its channel", room_id)

    async def _tell(self, room_id: UUID, outcome: Outcome) -> None:
        await self._records.insist(
            steps.tell,
            room_id,
            outcome.happening,
            at=self._clock.now(),
            words=outcome.words,
        )


def _count_live(room_ids: Sequence[UUID]) -> int:
    return Room.objects.live().filter(pk__in=room_ids).count()
