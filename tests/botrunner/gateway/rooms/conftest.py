from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.gateway.rooms import keeper
from botrunner.models import Hub, Room, RoomRules
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.route_faults import RouteFault
from botrunner.services.rooms import requests, rules, steps
from community.services import outbox
from community.services.guild_choices import RULES
from tests.botrunner.gateway.conftest import (
    now,
    people_of,
    running,
    serving,
    stored,
    until_stored,
)
from tests.botrunner.gateway.rooms.pauses import shortened
from tests.botrunner.gateway.rooms.sitting import Sitter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from botrunner.sandbox.entities import Channel, Guild
    from tests.botrunner.gateway.conftest import Community

MAKE = "POST /guilds/{guild}/channels"
DELETE = "DELETE /channels/{channel}"
MOVE = "PATCH /guilds/{guild}/members/{user}"
AUDIT_LOG = "GET /guilds/{guild}/audit-logs"


class Rooms:
    """Rooms of a community in the sandbox, and what is asked of Discord for them."""

    def __init__(self, community: Community, guild: Guild | None = None) -> None:
        """Knows one guild, the first one unless another is named."""
        self.community = community
        self.world = community.world
        self.guild = guild or community.guild
        self.members = people_of(self.guild)
        self.before = set(self.guild.channels)

    def made(self) -> list[Channel]:
        """The channels that were not there at the start and are there now."""
        return [each for each in self.guild.channels.values() if each.id not in self.before]

    def fail(self, route: str, **fault: Any) -> RouteFault:
        """Has the next request of a route answered as is said, with 500 where nothing is."""
        return self.community.sandbox.route_faults.lay(
            RouteFault(**({"route": route, "way": "answer"} | fault))
        )

    def people(self, who: int) -> int:
        return self.members[who]

    def enter(self, who: int, channel_id: int) -> None:
        self.world.join(self.guild.id, self.people(who), channel_id)

    def where(self, who: int) -> int | None:
        state = self.guild.voice_states.get(self.people(who))
        return None if state is None else state.channel_id

    def leave(self, who: int) -> None:
        self.world.leave(self.guild.id, self.people(who))

    async def ask(self, who: int = 0, name: str = "Mira") -> Room:
        """Has a member ask for a room."""
        return await stored(
            lambda: requests.request_room(
                self.guild.id, self.people(who), now=now(), display_name=name
            )
        )

    async def have(self, **chosen: Any) -> None:
        """Has the guild choose."""
        await stored(
            lambda: RoomRules.objects.update_or_create(guild_id=self.guild.id, defaults=chosen)
        )

    async def hub(self, **fields: Any) -> Hub:
        """Makes a hub, a voice channel of its own."""
        category = self.world.create_channel(self.guild.id, type=ChannelType.CATEGORY, name="Rooms")
        channel = self.world.create_channel(
            self.guild.id,
            type=ChannelType.VOICE,
            name="Join to create",
            parent_id=category.id,
            user_limit=5,
            bitrate=48_000,
        )
        self.before |= {category.id, channel.id}
        hub = Hub(guild_id=self.guild.id, channel_id=channel.id, created_at=now(), **fields)

        def keep() -> None:
            hub.save()
            outbox.ask(RULES, guild_id=hub.guild_id, payload={}, now=now())

        await stored(keep)
        return hub

    async def row(self, room: Room | UUID) -> Room:
        pk = room.pk if isinstance(room, Room) else room
        return await stored(lambda: Room.objects.get(pk=pk))

    async def rows(self) -> list[Room]:
        return await stored(lambda: list(Room.objects.order_by("requested_at", "id")))

    async def until(self, room: Room | UUID, *states: str, seconds: float = 30.0) -> Room:
        """Waits until a room is in one of these states."""

        async def is_there() -> bool:
            return (await self.row(room)).state in states

        await until_stored(is_there, seconds=seconds)
        return await self.row(room)

    async def story(self, room: Room | UUID) -> list[tuple[str, str]]:
        row = await self.row(room)
        return await stored(lambda: list(row.steps.values_list("happening", "state")))


@pytest.fixture
def timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes pauses after what failed short."""
    monkeypatch.setattr(steps, "timing_of", lambda room: shortened(rules.timing_of(room)))
    monkeypatch.setattr(keeper, "REST_SECONDS", 0.3)


@pytest.fixture
async def rooms(timing: None) -> AsyncIterator[Rooms]:  # noqa: ARG001 - short pauses
    async with serving(keeps_short_stays=True) as community:
        yield Rooms(community)


@pytest.fixture
async def sitter() -> AsyncIterator[Sitter]:
    # Of all that a bot sends Discord takes 120 messages a minute, heartbeats among them.
    async with serving(heartbeat_interval=5.0) as community, running(community) as supervisor:
        yield Sitter(community, supervisor)
