"""What members, staff and operators do, from end to end: bots are killed on the way.

Each scenario says how it is prepared, what is done while its crash points are read off, and
what members do while no bot runs. What is left is ended by the stage.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import User

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.models import QuarantinedChannel, Room
from botrunner.sandbox.entities import ChannelType
from botrunner.services.rooms import quarantine
from community.models import Member
from tests.botrunner.gateway.conftest import now, stored
from tests.botrunner.gateway.rooms.conftest import DELETE, MAKE, MOVE
from tests.botrunner.gateway.rooms.crash_bot import LATER_SWEEP
from tests.botrunner.gateway.rooms.visitors import CALLBACK, CHANGE, EDIT, LET_IN, WRITE

if TYPE_CHECKING:
    from botrunner.models import Hub
    from botrunner.sandbox.interaction import Interaction
    from tests.botrunner.gateway.rooms.crash_stage import Stage

BEFORE = "before"
AFTER = "after the effect of"
LATE = "long before the effect of"
COMMIT = "after the commit of"
SIT = "GATEWAY VOICE_STATE"
AGO = timedelta(minutes=1)


class Scenario:
    """A story without words.

    Attributes:
        includes: effects and commits that a recording of it has at least.
        leaves_out: points of a kind at which it is not played, since another scenario is.
        chosen: what the guild has chosen.
    """

    name: ClassVar[str]
    includes: ClassVar[frozenset[str]] = frozenset()
    leaves_out: ClassVar[frozenset[str]] = frozenset()
    chosen: ClassVar[dict[str, Any]] = {}

    async def prepare(self, stage: Stage) -> None:
        """Does what comes before."""
        usual = {"timeout_seconds": None, "most_rooms": 1, "closes_at_shutdown": False}
        await stage.rooms.have(**(usual | self.chosen))
        if stage.bots.ended.is_set():
            await stage.start()

    async def play(self, stage: Stage) -> None:
        """Does all of it."""
        raise NotImplementedError

    async def meanwhile(self, stage: Stage) -> None:
        """Does what members do while no bot runs: nothing."""


class OnDemand(Scenario):
    """A room on demand, from the command to its end."""

    name = "on demand"
    includes = frozenset(
        {
            CALLBACK,
            EDIT,
            MAKE,
            WRITE,
            SIT,
            DELETE,
            "Admitted: requested to creating",
        }
    )

    async def play(self, stage: Stage) -> None:
        used = stage.use(0, "voice")
        await stage.reads(used, "Your room is ready")
        room = await stage.is_in(0, "waiting")
        assert room.channel_id is not None
        await stage.settles()
        stage.rooms.enter(0, room.channel_id)
        await stage.reads(used, "Your room is open")
        stage.rooms.leave(0)
        await stage.reads(used, "Your room is over")


class OnDemandInAndOut(OnDemand):
    """The same; while no bot runs its owner goes in, or out again."""

    name = "on demand, its owner in or out meanwhile"
    leaves_out = frozenset({BEFORE, LATE})

    async def meanwhile(self, stage: Stage) -> None:
        for room in await stage.live():
            if room.channel_id is None or room.channel_id not in stage.guild.channels:
                continue
            if stage.rooms.where(0) is None:
                stage.rooms.enter(0, room.channel_id)
            else:
                stage.rooms.leave(0)


class InWords(Scenario):
    """Who writes ``!voice`` has a room, and closes it."""

    name = "in words"
    includes = frozenset({WRITE, MAKE, DELETE})

    async def play(self, stage: Stage) -> None:
        stage.say(0, "!voice")
        await stage.is_in(0, "waiting")
        await stage.settles()
        used = stage.use(0, "close")
        await stage.visitors.answered(used)


class Run(Scenario):
    """An owner runs a room: name, limit, lock, an invitation, a kick; and ends it."""

    name = "run"
    includes = frozenset({CALLBACK, EDIT, CHANGE, LET_IN, MOVE, DELETE})

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        used = stage.use(0, "voice")
        await stage.reads(used, "Your room is ready")
        room = await stage.is_in(0, "waiting")
        stage.rooms.enter(0, room.channel_id or 0)
        await stage.is_in(0, "occupied")

    async def play(self, stage: Stage) -> None:
        async def does(command: str, **options: Any) -> None:
            await stage.visitors.answered(stage.use(0, command, **options))

        guest = stage.rooms.people(1)
        await does("room rename", name="Den")
        await does("room limit", number=4)
        await does("room lock")
        await does("room invite", member=guest)
        room = await stage.is_in(0, "occupied")
        stage.rooms.enter(1, room.channel_id or 0)
        await stage.settles()
        await does("room kick", member=guest)
        await does("close")


class FromHub(Scenario):
    """Who joins a hub has a room, and is moved there; it ends when they leave."""

    name = "from a hub"
    includes = frozenset({MAKE, MOVE, WRITE, DELETE})
    _hub: Hub | None = None

    async def prepare(self, stage: Stage) -> None:
        if self._hub is None:
            self._hub = await stage.rooms.hub()
            stage.others.take(
                *(each for each in stage.guild.channels.values() if each.id in stage.rooms.before)
            )
        await super().prepare(stage)

    async def play(self, stage: Stage) -> None:
        assert self._hub is not None
        stage.rooms.enter(0, self._hub.channel_id)
        await stage.is_in(0, "occupied")
        await stage.settles()
        stage.rooms.leave(0)


class FromHubAndGone(FromHub):
    """The same; while no bot runs the owner leaves, wherever they are."""

    name = "from a hub, its owner gone meanwhile"
    leaves_out = frozenset({LATE})

    async def meanwhile(self, stage: Stage) -> None:
        if stage.rooms.where(0) is not None:
            stage.rooms.leave(0)


class InTime(Scenario):
    """Nobody comes: the room ends by itself."""

    name = "timeout"
    chosen: ClassVar[dict[str, Any]] = {"timeout_seconds": 3}
    includes = frozenset({DELETE, "TimeIsUp: waiting to closing"})
    _used: Interaction | None = None

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        self._used = stage.use(0, "voice")
        await stage.reads(self._used, "Your room is ready")

    async def play(self, stage: Stage) -> None:
        assert self._used is not None
        await stage.reads(self._used, "Your room is over")


class Queue(Scenario):
    """Two wait, one room at a time: each has their turn."""

    name = "a queue of two"
    includes = frozenset({MAKE, DELETE, "Admitted: queued to creating"})

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        used = stage.use(0, "voice")
        await stage.reads(used, "Your room is ready")

    async def play(self, stage: Stage) -> None:
        room = await stage.is_in(0, "waiting")
        waiting = []
        for who, place in ((1, "1st"), (2, "2nd")):
            waiting.append(stage.use(who, "voice"))
            await stage.reads(waiting[-1], f"You are {place} in line")
        stage.rooms.enter(0, room.channel_id or 0)
        await stage.is_in(0, "occupied")
        stage.rooms.leave(0)
        await stage.reads(waiting[0], "Your room is ready")
        await stage.reads(waiting[1], "You are 1st in line")


class Stop(Scenario):
    """The bot is told to stop where rooms are to end with it."""

    name = "a shutdown that closes rooms"
    chosen: ClassVar[dict[str, Any]] = {"closes_at_shutdown": True}
    includes = frozenset({DELETE, SIT})

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        used = stage.use(0, "voice")
        await stage.reads(used, "Your room is ready")

    async def play(self, stage: Stage) -> None:
        stage.bots.stop()
        await stage.bots.end()
        assert stage.bots.status == 0, stage.bots.log()
        assert not stage.others.ours & stage.guild.channels.keys()


class Adopted(Scenario):
    """Staff give a channel of ours that nothing proves to a member."""

    name = "adopted from quarantine"
    includes = frozenset({WRITE, DELETE})

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        await self._is_known(stage)
        channel = stage.world.create_channel(
            stage.guild.id, by=stage.world.bot.id, type=ChannelType.VOICE, name="Voice-Mira"
        )
        await stored(
            lambda: QuarantinedChannel.objects.create(
                guild_id=stage.guild.id,
                channel_id=channel.id,
                name=channel.name,
                why="Our bot made it, and the audit log names no room.",
                found_at=now(),
            )
        )

    async def _is_known(self, stage: Stage) -> None:
        """Has the bot see the member: staff name nobody who is unknown."""
        owner_id = stage.rooms.people(0)

        async def is_known() -> bool:
            return await stored(Member.objects.filter(user_id=owner_id).exists)

        if not await is_known():
            stage.rooms.enter(0, stage.community.voice[0])
            await stage.comes(is_known)
            stage.rooms.leave(0)

    async def play(self, stage: Stage) -> None:
        owner = stage.rooms.people(0)

        def adopt() -> Room:
            item = QuarantinedChannel.objects.get(state="open")
            actor, _ = User.objects.get_or_create(username="staff")
            return quarantine.adopt_channel(
                item.pk, owner_id=owner, actor=actor, reason="Theirs", now=now()
            )

        room = await stored(adopt)
        await stage.settles()
        stage.rooms.enter(0, room.channel_id or 0)
        await stage.is_in(0, "occupied")
        stage.rooms.leave(0)


class Swept(Scenario):
    """The sweep finds what a crash can leave, with no bot running, and is killed itself."""

    name = "a sweep"
    includes = frozenset(
        {
            "GET /guilds/{guild}/audit-logs",
            DELETE,
            "ChannelGone: closing to closed",
            "ChannelMade: creating to waiting",
            "new botrunner_quarantinedchannel",
        }
    )

    async def prepare(self, stage: Stage) -> None:
        await super().prepare(stage)
        await stage.settles()
        stage.bots.kill()
        await stage.bots.end()
        closing = await self._left(stage, 0, "closing", reason="asked")
        await self._has(stage, closing, self._made(stage, closing))
        lost = await self._left(stage, 1, "creating", asked_at=now() - AGO, creations=1)
        self._made(stage, lost)
        self._made(stage, lost)
        over = await self._left(stage, 2, "closed", reason="asked", ended_at=now() - AGO)
        self._made(stage, over)
        self._made(stage, None)

    async def play(self, stage: Stage) -> None:
        await stage.bots.begin("sweep")
        await stage.bots.end()
        assert stage.bots.status == 0, stage.bots.log()

    async def meanwhile(self, stage: Stage) -> None:
        """The next sweep comes before the next bot."""
        stage.sandbox.route_faults.lift()
        await stage.bots.begin(LATER_SWEEP)
        await stage.bots.end()
        assert stage.bots.status == 0, stage.bots.log()

    async def _left(self, stage: Stage, who: int, state: str, **fields: Any) -> Room:
        return await stored(
            lambda: Room.objects.create(
                guild_id=stage.guild.id,
                owner_id=stage.rooms.people(who),
                kind="private",
                state=state,
                name="Voice-Mira",
                name_applied="Voice-Mira",
                requested_at=now() - AGO,
                **fields,
            )
        )

    async def _has(self, stage: Stage, room: Room, channel_id: int) -> None:
        assert room.guild_id == stage.guild.id
        await stored(lambda: Room.objects.filter(pk=room.pk).update(channel_id=channel_id))

    def _made(self, stage: Stage, room: Room | None) -> int:
        owner_id = stage.rooms.people(0) if room is None else room.owner_id
        return stage.world.create_channel(
            stage.guild.id,
            by=stage.world.bot.id,
            reason=None if room is None else reason_of(room.pk, f"asked for by {owner_id}"),
            type=ChannelType.VOICE,
            name="Voice-Mira",
            overwrites=overwrites_of(
                Guests(owner_id, is_private=True),
                guild_id=stage.guild.id,
                bot_id=stage.world.bot.id,
            ),
        ).id


SCENARIOS: dict[str, type[Scenario]] = {
    each.name: each
    for each in (
        OnDemand,
        OnDemandInAndOut,
        InWords,
        Run,
        FromHub,
        FromHubAndGone,
        InTime,
        Queue,
        Stop,
        Adopted,
        Swept,
    )
}
