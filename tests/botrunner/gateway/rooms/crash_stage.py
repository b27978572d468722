"""A stage on which bots are killed: a sandbox, a nursery of bots, members, others' channels."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.contrib.auth.models import User

from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.models import Hub, QuarantinedChannel, Room
from botrunner.rest import DiscordRest, Pace
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.route_faults import RouteFault
from botrunner.services.rooms import quarantine
from botrunner.services.rooms.sweep import sweep_guild
from tests.botrunner.gateway.conftest import TOKEN, now, serving, stored, until
from tests.botrunner.gateway.rooms.conftest import Rooms
from tests.botrunner.gateway.rooms.crash_bot import LONG_AFTER, SETTLING_SECONDS
from tests.botrunner.gateway.rooms.crash_nursery import Nursery, nursery
from tests.botrunner.gateway.rooms.crash_world import LEFT_OVER, Others, Truth
from tests.botrunner.gateway.rooms.visitors import Visitors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import web

    from botrunner.sandbox.entities import Channel
    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.message import Message
    from botrunner.services.rooms.sweep import GuildSweep
    from tests.botrunner.gateway.conftest import Community

SETTLE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
ENOUGH_LOOKS: Final = 2
"""So often in a row nothing may be amiss."""
UNTIL_SWEPT_SECONDS: Final = 5.0
START_SWEEP_SECONDS: Final = 5.0
"""So long the bot mends by itself what can be mended by a sweep, too."""


@dataclass
class Kill(RouteFault):
    """Kills the process that runs when a request comes."""

    bots: Nursery | None = None

    async def _ends(self) -> bool:
        assert self.bots is not None
        self.bots.kill()
        return True


@dataclass
class LateKill(Kill):
    """Kills the process before a request's effect, which comes when the next one has looked.

    Attributes:
        is_on: whether the effect has come, or is about to.
    """

    is_on: bool = False

    async def strike(self, request: web.Request) -> web.Response | None:
        await request.read()
        await self._ends()
        await asyncio.sleep(SETTLING_SECONDS + 1.0)
        self.is_on = True
        return None


class Stage:
    """Where scenarios are played.

    Attributes:
        asked: what members have asked for since they were last looked at.
        swept: how often something was left to the sweep.
    """

    def __init__(self, community: Community, bots: Nursery) -> None:
        self.community = community
        self.bots = bots
        self.rooms = Rooms(community)
        self.visitors = Visitors(self.rooms)
        self.world = community.world
        self.guild = community.guild
        self.sandbox = community.sandbox
        self.others = Others(self.guild, self.sandbox)
        self.asked: list[Interaction | Message] = []
        self.swept = 0
        self._since = now()
        self._mimics: list[int] = []
        self._lay_others()

    # Others' channels ------------------------------------------------------------------

    def _lay_others(self) -> None:
        """Has others make channels that resemble ours in all that they can."""
        person, bot = self.rooms.people(9), self._other_bot()
        name = f"Voice-{self.guild.members[self.rooms.people(0)].display_name}"
        mark = reason_of(uuid4(), f"asked for by {self.rooms.people(0)}")
        self._make(person, name=name, type=ChannelType.VOICE)
        self._make(person, reason=mark, name=name, type=ChannelType.VOICE, is_like_ours=True)
        self._make(bot, reason=mark, name=name, type=ChannelType.VOICE, is_like_ours=True)
        self._make(bot, reason=mark, name="voice-rollcall", topic=mark)
        self.others.take(*self.guild.channels.values())
        self.rooms.before |= set(self.guild.channels)

    def _make(
        self, by: int, *, reason: str | None = None, is_like_ours: bool = False, **fields: Any
    ) -> Channel:
        if is_like_ours:
            guests = Guests(self.rooms.people(0), is_private=True)
            fields["overwrites"] = overwrites_of(
                guests, guild_id=self.guild.id, bot_id=self.world.bot.id
            )
        return self.world.create_channel(self.guild.id, by=by, reason=reason, **fields)

    def _other_bot(self) -> int:
        return next(
            user_id
            for user_id, member in self.guild.members.items()
            if member.user.bot and user_id != self.world.bot.id
        )

    async def mimic(self) -> None:
        """Has another bot make a channel with the very mark of each room that is live."""
        for room in await self.rooms.rows():
            if room.ended_at is None:
                made = self._make(
                    self._other_bot(),
                    reason=reason_of(room.pk, f"asked for by {room.owner_id}"),
                    name=room.name,
                    type=ChannelType.VOICE,
                    is_like_ours=True,
                )
                self.others.take(made)
                self._mimics.append(made.id)

    def end_mimics(self) -> None:
        """Has the other bot delete what it made, which has to be there for that."""
        for channel_id in self._mimics:
            self.others.forget(channel_id)
            self.world.delete_channel(self.guild.id, channel_id, by=self._other_bot())
        self._mimics.clear()

    # Members ------------------------------------------------------------------

    def use(self, who: int, command: str, **options: Any) -> Interaction:
        """Has a member use a command."""
        used = self.visitors.use(who, command, **options)
        self.asked.append(used)
        return used

    def say(self, who: int, words: str) -> Message:
        """Has a member write into the chat."""
        said = self.world.say(self.guild.id, self.rooms.people(who), self.visitors.text, words)
        self.asked.append(said)
        return said

    async def reads(self, used: Interaction, *parts: str) -> None:
        """Waits until a member reads all of these in an answer."""
        await self.visitors.reads(used, *parts, seconds=SETTLE_SECONDS)

    async def live(self) -> list[Room]:
        """The rooms to which something is still to come."""
        return [row for row in await self.rooms.rows() if row.ended_at is None]

    async def comes(self, condition: Callable[[], Awaitable[Any]]) -> None:
        """Waits for what is to come."""
        patience = time.monotonic() + SETTLE_SECONDS
        while not await condition():
            assert time.monotonic() < patience, f"It did not come: {self.bots.log()}"
            await asyncio.sleep(LOOK_SECONDS)

    async def is_in(self, who: int, *states: str) -> Room:
        """Waits until a member's live room is in one of these states."""
        found: list[Room] = []

        async def is_there() -> bool:
            mine = [row for row in await self.live() if row.owner_id == self.rooms.people(who)]
            found[:] = [row for row in mine if row.state in states]
            return bool(found)

        await self.comes(is_there)
        return found[0]

    # Bots ------------------------------------------------------------------

    async def start(self) -> None:
        """Starts a bot, and waits until it is connected and members can use its commands.

        Its sweep at the start is waited for too, as long as it takes usually: it asks when it
        comes to it, and what it asks is of no story.
        """
        before = self.sandbox.gateway.identified
        await self.bots.begin("bot")

        async def is_there() -> bool:
            assert not self.bots.ended.is_set(), self.bots.log()
            sessions = self.sandbox.gateway.sessions.values()
            is_connected = any(session.connection is not None for session in sessions)
            has_commands = bool(self.world.commands.get(None))
            return self.sandbox.gateway.identified > before and is_connected and has_commands

        await self.comes(is_there)
        with contextlib.suppress(AssertionError):
            await until(self._has_swept, seconds=START_SWEEP_SECONDS)

    def _has_swept(self) -> bool:
        log = self.bots.log(lines=200)
        return "at its start" in log[log.rfind("Serving shards") :]

    async def sweep(self) -> GuildSweep:
        """Sweeps as beat does, when nothing is in the bot's hands any more."""

        def do() -> GuildSweep:
            pace, url = Pace(10_000), self.sandbox.api_url
            with DiscordRest(token=TOKEN, api_url=url, pace=pace) as rest:
                return sweep_guild(self.guild.id, rest=rest, now=now() + LONG_AFTER)

        return await stored(do)

    # What is so ------------------------------------------------------------------

    async def problems(self) -> list[str]:
        """Says what is amiss now."""

        def look() -> list[str]:
            try:
                return Truth(
                    self.sandbox, self.guild, self.others, self.asked, since=self._since
                ).problems()
            except RuntimeError as error:  # the world changed under the look
                return [repr(error)]

        return await stored(look)

    async def settles(self, *, is_swept: bool = False) -> None:
        """Waits until nothing is amiss.

        Args:
            is_swept: whether beat sweeps a channel that the bot leaves alone for long.
        """
        began = time.monotonic()
        looks, has_swept = 0, False
        while looks < ENOUGH_LOOKS:
            self.sandbox.gateway.expire()
            found = await self.problems()
            looks = 0 if found else looks + 1
            took = time.monotonic() - began
            assert took < SETTLE_SECONDS, "\n".join([*found, self.bots.log()])
            is_left = any(LEFT_OVER in each for each in found)
            if is_left and is_swept and not has_swept and took > UNTIL_SWEPT_SECONDS:
                has_swept = True
                self.swept += bool((await self.sweep()).done)
            await asyncio.sleep(LOOK_SECONDS)

    async def finish(self) -> None:
        """Ends all: members leave, owners close what is left; and nothing is left."""
        self.sandbox.route_faults.lift()
        self.bots.lift_trap()
        if self.bots.ended.is_set():
            await self.start()
        hubs = await stored(lambda: set(Hub.objects.values_list("channel_id", flat=True)))
        patience = time.monotonic() + SETTLE_SECONDS
        while rows := await self.live():
            assert time.monotonic() < patience, f"{rows} live on: {self.bots.log()}"
            for user_id, state in list(self.guild.voice_states.items()):
                is_person = not self.guild.members[user_id].user.bot
                if is_person and state.channel_id in self.others.ours | hubs:
                    self.world.leave(self.guild.id, user_id)
            for row in rows:
                if row.state in {"waiting", "queued"}:
                    await self._close(row)
            await asyncio.sleep(LOOK_SECONDS)
        await stored(self._delete_quarantined)
        await self.settles()
        swept = await self.sweep()
        assert [each.action for each in swept.found] == []
        assert swept.error is None
        assert not self.others.ours & self.guild.channels.keys()
        self.end_mimics()
        self.asked.clear()
        self._since = now()

    def _delete_quarantined(self) -> None:
        """Has staff delete what is in quarantine."""
        actor, _ = User.objects.get_or_create(username="staff")
        for item in QuarantinedChannel.objects.filter(state="open"):
            with DiscordRest(token=TOKEN, api_url=self.sandbox.api_url, pace=Pace(10_000)) as rest:
                quarantine.delete_channel(
                    item.pk,
                    confirmed_id=item.channel_id,
                    rest=rest,
                    actor=actor,
                    reason="Nobody's",
                    now=now(),
                )

    async def _close(self, row: Room) -> None:
        used = self.world.use_command(
            self.guild.id, row.owner_id, self.visitors.text, "close", options={}
        )
        self.asked.append(used)
        with contextlib.suppress(AssertionError):
            await self.visitors.answered(used)


@contextlib.asynccontextmanager
async def staged(**settings: str) -> AsyncIterator[Stage]:
    """Prepares a stage; no bot runs yet."""
    async with (
        serving(keeps_short_stays=True, resume_within=1.0, heartbeat_interval=5.0) as community,
        nursery(community, **settings) as bots,
    ):
        yield Stage(community, bots)
