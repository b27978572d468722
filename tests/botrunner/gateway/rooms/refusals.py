"""What Discord may say to a request, laid for one guild of many, and what is seen of it there."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botrunner.admin.rows import said_of
from botrunner.models import Room, RoomState
from botrunner.sandbox.rest.route_faults import RouteFault
from botrunner.services.rooms import quarantine
from tests.botrunner.gateway.conftest import now, stored
from tests.botrunner.gateway.rooms.conftest import MAKE, Rooms
from tests.botrunner.gateway.rooms.visitors import CALLBACK, Visitors
from tests.botrunner.gateway.watched_routes import staff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from botrunner.gateway.supervisor import Supervisor
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.interaction import Interaction
    from tests.botrunner.gateway.conftest import Community

VOICE: Final = "GATEWAY VOICE_STATE"
LONG_SECONDS: Final = 120.0
SHORT_SECONDS: Final = 1.5
"""A wait that is too long for a request as well, where LONGEST_WAIT_SECONDS is shortened."""

REFUSED, GONE, PATIENCE, UNDONE, DONE = "refused", "gone", "patience", "undone", "done"
ANSWERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "403 Missing Permissions": (REFUSED, {"status": 403, "code": 50013}),
    "403 Missing Access": (REFUSED, {"status": 403, "code": 50001}),
    "400": (REFUSED, {"status": 400, "code": 50024}),
    "404": (GONE, {"status": 404}),
    "429": (PATIENCE, {"status": 429}),
    "429 for everything": (PATIENCE, {"status": 429, "scope": "global"}),
    "500": (UNDONE, {"status": 500}),
    "no answer": (UNDONE, {"way": "hang"}),
    "cut": (UNDONE, {"way": "cut"}),
    "500 after the effect": (DONE, {"status": 500, "after_effect": True}),
    "cut after the effect": (DONE, {"way": "cut", "after_effect": True}),
}
"""By name: what it means for who asked, and the fault."""
OF_GATEWAY: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "no answer": (UNDONE, {"way": "answer"}),
    "cut": (UNDONE, {"way": "cut"}),
}
_UNKNOWN: Final = {
    CALLBACK: 10062,
    "{guild}": 10004,
    "channels": 10004,
    "audit-logs": 10004,
    "{channel}": 10003,
    "messages": 10003,
    "{target}": 10009,
    "{user}": 10007,
}


def answers_to(call: str, *, always: bool = False) -> dict[str, tuple[str, dict[str, Any]]]:
    """Gives what Discord may say to a call, once or always."""
    if call == VOICE:
        # All that the bot hears comes over one connection: one that is cut again and again is
        # no trouble of a call's.
        return {name: OF_GATEWAY[name] for name in OF_GATEWAY if not always or name != "cut"}
    last = call.rsplit("/", 1)[-1]
    unknown = _UNKNOWN.get(call) or _UNKNOWN.get(last, 10008)
    own = {"404": {"code": unknown}} | ({"400": {"code": 30013}} if call == MAKE else {})
    return {name: (kind, fault | own.get(name, {})) for name, (kind, fault) in ANSWERS.items()}


@dataclass(slots=True, eq=False)
class InGuild(RouteFault):
    """A fault that strikes what is asked about one guild."""

    about: Callable[[Collection[str]], bool] = bool

    def matches(self, route: str, majors: Collection[str], reason: str) -> bool:
        del reason
        return route == self.route and self.about(majors)


class Written:
    """What the database says of rooms, read for all guilds at a time."""

    def __init__(self) -> None:
        self.rows: defaultdict[int, list[Room]] = defaultdict(list)

    async def follow(self) -> None:
        while True:
            self.rows = await stored(self._read)
            await asyncio.sleep(0.2)

    @staticmethod
    def _read() -> defaultdict[int, list[Room]]:
        found: defaultdict[int, list[Room]] = defaultdict(list)
        for row in Room.objects.order_by("requested_at", "id").prefetch_related("steps"):
            found[row.guild_id].append(row)
        return found


class Place:
    """One guild, in which a story goes on beside those in others."""

    def __init__(
        self, community: Community, guild: Guild, written: Written, bot: Supervisor
    ) -> None:
        self.rooms = Rooms(community, guild)
        self.guild = guild
        self.visitors = Visitors(self.rooms)
        self.used: list[Interaction] = []
        self.chats = {self.visitors.text}
        self.hub_id: int | None = None
        self._written = written
        self.bot = bot
        self._known = {str(guild.id)}

    # What goes wrong ----------------------------------------------------------------

    def lay(self, call: str, *, always: bool, **fault: Any) -> RouteFault:
        """Has a call go wrong in this guild alone, once or until it is lifted."""
        usual: dict[str, Any] = {"way": "answer", "count": None if always else 1}
        if fault.get("status") == 429:
            usual["retry_after"] = LONG_SECONDS if always else SHORT_SECONDS
        laid = InGuild(call, about=self._is_ours, **(usual | fault))
        return self.rooms.community.sandbox.route_faults.lay(laid)

    def _is_ours(self, majors: Collection[str]) -> bool:
        self._known |= {str(channel_id) for channel_id in self.guild.channels}
        for used in self.rooms.world.interactions.values():
            if used.guild_id == self.guild.id:
                self._known |= {str(used.id), used.token}
        return not self._known.isdisjoint(majors)

    async def pass_time(self) -> None:
        """Has what Discord wanted patience for be over."""
        rooms = Room.objects.filter(guild_id=self.guild.id, next_try_at__gt=now())
        await stored(lambda: rooms.update(next_try_at=now()))
        await stored(lambda: Room.objects.filter(guild_id=self.guild.id).update(renamed_at=[]))
        for shard in self.bot.shards:
            assert shard._watch is not None
            shard._watch.rooms._resting.clear()
            shard._watch.faces._resting.clear()
            shard._watch.rooms.wake()
            shard._watch.faces.wake()

    async def staff_end_it(self) -> None:
        """Has staff decide about a room in quarantine: what there is of it goes."""
        room = self.room()
        assert room is not None
        assert room.state == RoomState.QUARANTINED
        how: dict[str, Any] = {"actor": await stored(staff), "reason": "Over", "now": now()}
        if room.channel_id is None:
            await stored(lambda: quarantine.let_go_room(room.pk, **how))
        else:
            channel_id = room.channel_id
            await stored(lambda: quarantine.delete_room(room.pk, confirmed_id=channel_id, **how))

    # What people do and see ---------------------------------------------------------

    def use(self, command: str, *, who: int = 0, **options: Any) -> Interaction:
        used = self.visitors.use(who, command, **options)
        self.used.append(used)
        return used

    def room(self) -> Room | None:
        """The latest room, as it is written."""
        return next(reversed(self._written.rows[self.guild.id]), None)

    def channel(self) -> Channel | None:
        room = self.room()
        return None if room is None else self.guild.channels.get(room.channel_id or 0)

    def panel(self) -> str:
        channel = self.channel()
        said = self._said_in(channel.id) if channel is not None else []
        return said[0] if said else ""

    def asker_reads(self) -> str:
        """All that whoever asked has before them."""
        shown = [self.visitors.shown(used) for used in self.used]
        return "\n".join([*shown, *(said for chat in self.chats for said in self._said_in(chat))])

    def staff_read(self) -> str:
        """What stands in the room's page of the admin."""
        rows = self._written.rows[self.guild.id]
        return "\n".join(
            f"{row.state} {said_of(row)} {step.happening} {step.reason}"
            for row in rows
            for step in row.steps.all()
        )

    def _said_in(self, channel_id: int) -> list[str]:
        bot = self.rooms.world.bot.id
        return [
            each.fields.get("content", "")
            for each in self.visitors.chat(channel_id)
            if each.author.id == bot and not each.is_ephemeral
        ]


@contextlib.asynccontextmanager
async def written() -> AsyncIterator[Written]:
    """Follows what is written."""
    found = Written()
    task = asyncio.create_task(found.follow(), name="a test reads rows")
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
