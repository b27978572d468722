"""Shows the rooms of one shard to members, and does what their owners want of them.

Like the keeper it knows nothing but rows: the asker's message, the message with the buttons
and the channel itself are held against what the rows say, and brought in line where they
differ, each room's in lanes of their own. So a message that Discord keeps waiting holds up
nothing else, and a bot that was started anew goes on where the former one stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.gateway.asked_once import NotSentError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import messages
from botrunner.gateway.rooms.bringing import CHANGE, PANEL, RENAME, STATUS, Bringing
from botrunner.gateway.rooms.looking import (
    CONNECTION_SECONDS,
    REST_SECONDS,
    Looking,
    open_client,
)
from botrunner.gateway.rooms.outcome import Outcome
from botrunner.gateway.rooms.records import Records
from botrunner.gateway.writer import DatabaseAwayError
from botrunner.services.rooms import showing, troubles
from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from botrunner.gateway.client import Connection
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.command_sync import CommandSync
    from botrunner.gateway.writer import Writer
    from botrunner.services.rooms.showing import Face
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""So often rows are looked at where nothing else is a reason to."""
OVERLAP: Final = timedelta(minutes=1)
"""A request may be written so long after the instant that it names."""

WAITING: Final = {
    STATUS: troubles.STATUS_WAITS,
    PANEL: troubles.BUTTONS_WAIT,
    RENAME: troubles.RENAME_WAITS,
    CHANGE: troubles.CHANGE_WAITS,
}
"""By lane, what its room's story says where Discord keeps it waiting."""

Lane = tuple[str, "UUID"]


class Faces:
    """What members see of the rooms of one shard."""

    def __init__(
        self,
        *,
        lease: Lease,
        writer: Writer,
        clock: Clock,
        connection: Callable[[], Connection | None],
        syncing: CommandSync,
    ) -> None:
        """Shows nothing yet.

        Args:
            lease: the shard's; who has lost it shows nothing more.
            writer: the thread to the database.
            clock: tells when.
            connection: gives the connection to Discord, if there is one.
            syncing: tells Discord of the commands, once in a process.
        """
        self._lease = lease
        self._records = Records(writer, shard_id=lease.shard_id)
        self._clock = clock
        self._connection = connection
        self._syncing = syncing
        self._looking = Looking(self._look, what="showing rooms", shard_id=lease.shard_id)
        self._lanes: dict[Lane, asyncio.Task[Outcome | None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._resting: dict[Lane, float] = {}
        self._noted: dict[Lane, str] = {}
        self._told: set[UUID] = set()
        self._unanswered: dict[tuple[int, int], asyncio.Event] = {}
        self._looked_at: datetime | None = None
        self._bringing = Bringing(
            lease=lease,
            records=self._records,
            clock=clock,
            rest=self._rest,
            unanswered=self._unanswered.get,
        )

    # From outside ------------------------------------------------------------------

    def wake(self) -> None:
        """Has the rows looked at, now."""
        self._looking.wake()

    def tasks(self) -> list[asyncio.Task[object]]:
        """Lists what is under way, to be cancelled with the shard."""
        return [*self._lanes.values(), *self._others]

    def keep(self, task: asyncio.Task[None]) -> None:
        """Keeps a task that ends with the shard at the latest."""
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def run(self) -> None:
        """Shows what is to be shown until cancelled."""
        await self._looking.run()

    @contextlib.contextmanager
    def unanswered(self, guild_id: int, user_id: int) -> Iterator[None]:
        """Leaves the messages of a member alone until they have their answer to a request."""
        asker, answered = (guild_id, user_id), asyncio.Event()
        self._unanswered[asker] = answered
        try:
            yield
        finally:
            answered.set()
            if self._unanswered.get(asker) is answered:
                del self._unanswered[asker]

    async def in_line(self, room_id: UUID, kind: str) -> Outcome | None:
        """Brings a room in line with what was just written; tells what came of it.

        Returns:
            None where there was nothing to do.
        """
        former: Outcome | None = None
        lane = self._lanes.get((kind, room_id))
        if lane is not None:
            # It may have read the row before the wish was written.
            former = await asyncio.shield(lane)
        rest = self._resting.get((kind, room_id), 0.0) - self._clock.elapsed()
        if rest > 0:
            return Outcome(later=self._clock.now() + timedelta(seconds=rest))
        return await asyncio.shield(self._begin((kind, room_id))) or former

    # Looking ------------------------------------------------------------------

    async def _look(self) -> float:
        client = open_client(self._connection())
        if client is None:
            return CONNECTION_SECONDS
        self._syncing.begin(client, keep=self.keep)
        now = self._clock.now()
        # One that is over by the time of the first look at it is told of too.
        since = (self._looked_at or now - showing.LOOKED_BACK) - OVERLAP
        rooms = await self._records.at(
            showing.faces, self._lease, also=frozenset(self._told), since=since
        )
        self._looked_at = now
        pauses = [LOOK_SECONDS]
        for room in rooms:
            pauses += self._take(room)
        self._told = {
            room.room_id
            for room in rooms
            if not room.is_over or (room.status is not None and room.status != room.shown)
        }
        self._forget(rooms)
        return max(0.0, min(pauses))

    def _take(self, room: Face) -> list[float]:
        """Has done what is to be done for a room; tells when it wants to be looked at again."""
        wanted = []
        pauses = []
        if room.status is not None and room.status != room.shown:
            wanted.append(STATUS)
        if room.panel is not None and self._bringing.panel_differs(room.room_id, room.panel):
            wanted.append(PANEL)
        if room.has_wishes:
            wanted.append(CHANGE)
        if room.rename_at is not None:
            ahead = (room.rename_at - self._clock.now()).total_seconds()
            if ahead > 0:
                pauses.append(ahead)
            else:
                wanted.append(RENAME)
        for kind in wanted:
            rest = self._resting.get((kind, room.room_id), 0.0) - self._clock.elapsed()
            if rest > 0:
                pauses.append(rest)
            else:
                self._begin((kind, room.room_id))
        return pauses

    def _forget(self, rooms: Iterable[Face]) -> None:
        known = {room.room_id for room in rooms if not room.is_over}
        self._bringing.forget(known)
        for kept in (self._resting, self._noted):
            for lane in [lane for lane in kept if lane[1] not in known | self._told]:
                del kept[lane]

    # Lanes ------------------------------------------------------------------

    def _begin(self, lane: Lane) -> asyncio.Task[Outcome | None]:
        if lane not in self._lanes:
            self._lanes[lane] = asyncio.create_task(self._work(lane), name=f"room's {lane[0]}")
        return self._lanes[lane]

    async def _work(self, lane: Lane) -> Outcome | None:
        """Does what there is to be done for a room; whatever comes in the way is only a rest."""
        kind, room_id = lane
        try:
            return await self._go_on(lane)
        except (NotSentError, NotAnsweredError) as error:
            logger.info("Room %s: its %s waits: %s", room_id, kind, error)
            rest = self._rest(lane, messages.wait_of(error))
            await self._note(lane, error)
            return rest
        except LeaseLostError as error:
            logger.info("Nothing more is done for room %s: %s", room_id, error)
            return self._rest(lane, REST_SECONDS)
        except DatabaseAwayError as error:
            logger.warning("Room %s: its %s waits: %s", room_id, kind, error)
            return self._rest(lane, 1.0)
        except Exception:
            logger.exception("Room %s: its %s failed", room_id, kind)
            return self._rest(lane, REST_SECONDS)
        finally:
            del self._lanes[lane]
            # What was written after its last look at the row was written in vain otherwise.
            self.wake()

    async def _go_on(self, lane: Lane) -> Outcome | None:
        """Does one thing after another until there is none, or the next has to wait.

        A refusal ends it, too: whoever wished for that is to read it, and not what came of the
        next one's wish, which is done as soon as the room is looked at again.
        """
        kind, room_id = lane
        last: Outcome | None = None
        while True:
            client = open_client(self._connection())
            if client is None:
                return self._rest(lane, CONNECTION_SECONDS)
            outcome = await self._bringing.step(kind, room_id, client)
            if outcome is not None and outcome.later is not None:
                return outcome
            self._noted.pop(lane, None)
            if outcome is None:
                return last
            if outcome.refusal:
                return outcome
            last = outcome

    def _rest(self, lane: Lane, seconds: float) -> Outcome:
        self._resting[lane] = self._clock.elapsed() + seconds
        return Outcome(later=self._clock.now() + timedelta(seconds=seconds))

    async def _note(self, lane: Lane, error: NotSentError | NotAnsweredError) -> None:
        """Has staff read in the room's story what keeps it waiting; once, until it goes on."""
        kind, room_id = lane
        if self._noted.get(lane) == error.code:
            return
        with contextlib.suppress(DatabaseAwayError):
            await self._records.at(
                troubles.note, room_id, WAITING[kind], words=str(error), now=self._clock.now()
            )
            self._noted[lane] = error.code
