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
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.refusals import UNKNOWN_CHANNEL
from botrunner.gateway.asked_once import NotSentError, RefusedError
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import changes, messages
from botrunner.gateway.rooms.asker_message import HeldMessages, write_status
from botrunner.gateway.rooms.messages import TokenVoidError
from botrunner.gateway.rooms.outcome import Outcome
from botrunner.gateway.rooms.panel import panel_components
from botrunner.gateway.rooms.records import Records
from botrunner.gateway.writer import DatabaseAwayError
from botrunner.services.rooms import applying, showing
from botrunner.services.rooms.applying import Later
from community.services.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    import discord

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
REST_SECONDS: Final = 5.0
CONNECTION_SECONDS: Final = 0.25
HELD_SECONDS: Final = 0.25
"""So often a message is looked at into which somebody else is writing."""

STATUS: Final = "status"
PANEL: Final = "panel"
RENAME: Final = "rename"
CHANGE: Final = "change"

Lane = tuple[str, "UUID"]


class Faces:
    """What members see of the rooms of one shard.

    Attributes:
        held: the askers' messages that somebody else is writing into.
    """

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
        self.held = HeldMessages()
        self._woken = asyncio.Event()
        self._lanes: dict[Lane, asyncio.Task[Outcome | None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._resting: dict[Lane, float] = {}
        self._panels: dict[UUID, str | None] = {}
        self._told: set[UUID] = set()
        self._looked_at: datetime | None = None
        self._steps: dict[str, Callable[[UUID, discord.Client], Awaitable[Outcome | None]]] = {
            STATUS: self._status,
            PANEL: self._panel,
            RENAME: self._rename,
            CHANGE: self._change,
        }

    # From outside ------------------------------------------------------------------

    def wake(self) -> None:
        """Has the rows looked at, now."""
        self._woken.set()

    def tasks(self) -> list[asyncio.Task[object]]:
        """Lists what is under way, to be cancelled with the shard."""
        return [*self._lanes.values(), *self._others]

    def keep(self, task: asyncio.Task[None]) -> None:
        """Keeps a task that ends with the shard at the latest."""
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def run(self) -> None:
        """Shows what is to be shown until cancelled."""
        while True:
            self._woken.clear()
            pause = await self._look_safely()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

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

    async def _look_safely(self) -> float:
        try:
            return await self._look()
        except DatabaseAwayError as error:
            logger.warning("Shard %s: rooms are not shown: %s", self._lease.shard_id, error)
            return LOOK_SECONDS
        except LeaseLostError as error:
            logger.info("Nothing more is shown of rooms: %s", error)
            return REST_SECONDS
        except Exception:
            logger.exception("Shard %s: rooms could not be shown", self._lease.shard_id)
            return REST_SECONDS

    async def _look(self) -> float:
        client = self._client()
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
        if room.panel is not None and self._panels.get(room.room_id, "") not in {room.panel, None}:
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
        for room_id in self._panels.keys() - known:
            del self._panels[room_id]
        for lane in [lane for lane in self._resting if lane[1] not in known | self._told]:
            del self._resting[lane]

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
            return self._rest(lane, messages.wait_of(error))
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
            self._woken.set()

    async def _go_on(self, lane: Lane) -> Outcome | None:
        """Does one thing after another until there is none, or the next has to wait."""
        kind, room_id = lane
        last: Outcome | None = None
        while True:
            client = self._client()
            if client is None:
                return self._rest(lane, CONNECTION_SECONDS)
            outcome = await self._steps[kind](room_id, client)
            if outcome is None:
                return last
            if outcome.later is not None:
                return outcome
            last = outcome

    def _rest(self, lane: Lane, seconds: float) -> Outcome:
        self._resting[lane] = self._clock.elapsed() + seconds
        return Outcome(later=self._clock.now() + timedelta(seconds=seconds))

    # What lanes do, one thing at a time -----------------------------------------------

    async def _status(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Has the asker's message say how the room stands."""
        status = await self._records.at(
            showing.begin_status, room_id, lease=self._lease, now=self._clock.now()
        )
        if status is None:
            return None
        if self.held.holds(status):
            return self._rest((STATUS, room_id), HELD_SECONDS)
        try:
            message_id, said = await write_status(client, status)
        except TokenVoidError:
            await self._records.at(showing.token_void, room_id)
            return Outcome()
        except RefusedError as error:
            logger.info(
                "Room %s: its status is told no more: %s (%s)", room_id, error.status, error.number
            )
            await self._records.at(showing.status_gone, room_id)
            return None
        await self._records.at(
            showing.status_shown, replace(status, text=said), message_id=message_id
        )
        return Outcome()

    async def _panel(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Has the message with the buttons say whose room it is, and when it ends."""
        panel = await self._records.at(showing.begin_panel, room_id, lease=self._lease)
        if panel is None or self._panels.get(room_id, "") in {panel.text, None}:
            return None
        try:
            if panel.message_id is not None:
                await messages.edit(
                    client.http,
                    panel.text,
                    channel_id=panel.channel_id,
                    message_id=panel.message_id,
                )
            else:
                message_id, said = await messages.post(
                    client.http,
                    panel.text,
                    channel_id=panel.channel_id,
                    nonce=room_id.hex,
                    components=panel_components(room_id),
                )
                await self._records.at(showing.panel_shown, room_id, message_id=message_id)
                self._panels[room_id] = said
                return Outcome()
        except RefusedError as error:
            logger.info(
                "Room %s: its buttons are shown no more: %s (%s)",
                room_id,
                error.status,
                error.number,
            )
            self._panels[room_id] = None
            return None
        self._panels[room_id] = panel.text
        return Outcome()

    async def _rename(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Renames a room, where Discord takes a rename already."""
        work = await self._records.at(
            applying.begin_rename, room_id, lease=self._lease, now=self._clock.now()
        )
        if work is None:
            return None
        if isinstance(work, Later):
            return Outcome(later=work.at, is_limited=True)
        try:
            await changes.rename(client.http, work)
        except NotSentError as error:
            await self._records.insist(applying.rename_not_sent, work)
            rest = self._rest((RENAME, room_id), messages.wait_of(error))
            logger.info("Room %s: its new name waits: %s", room_id, error)
            return Outcome(later=rest.later, is_limited=error.wait > 0)
        except RefusedError as error:
            words = await self._refused(error, room_id, work.channel_id)
            await self._records.insist(
                applying.rename_refused, work, now=self._clock.now(), words=words
            )
            return Outcome(refusal=words)
        await self._records.insist(applying.renamed, work, now=self._clock.now())
        return Outcome()

    async def _change(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Brings a room's limit, and who may enter it, in line with its row."""
        if client.user is None:
            return self._rest((CHANGE, room_id), CONNECTION_SECONDS)
        work = await self._records.at(
            applying.begin_change, room_id, lease=self._lease, bot_id=client.user.id
        )
        if work is None:
            return None
        refusal = ""
        try:
            await changes.change(client.http, work)
        except RefusedError as error:
            refusal = await self._refused(error, room_id, work.channel_id)
        except UnreadableError as error:
            raise NotAnsweredError from error
        await self._records.insist(
            applying.settle_change, work, now=self._clock.now(), refusal=refusal
        )
        return Outcome(refusal=refusal)

    async def _refused(self, error: RefusedError, room_id: UUID, channel_id: int) -> str:
        """Writes down that a channel is gone, if that is what Discord says; gives its words."""
        if error.number == UNKNOWN_CHANNEL:
            await self._records.insist(
                applying.channel_gone, room_id, channel_id, now=self._clock.now()
            )
        return f"{error.text} ({error.number})" if error.number else error.text

    # Others ------------------------------------------------------------------

    def _client(self) -> discord.Client | None:
        """Gives the client where it is connected: another may not have logged in."""
        connection = self._connection()
        return connection.client if connection is not None and connection.is_open else None
