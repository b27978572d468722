from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.rooms import seat
from botrunner.gateway.rooms.seat import BotSeat
from tests.botrunner.gateway.conftest import running, until
from tests.botrunner.gateway.rooms.conftest import DELETE

if TYPE_CHECKING:
    from botrunner.gateway.supervisor import Supervisor
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Voice:
    """A bot's voice that notes where it goes.

    Attributes:
        refuses: how many times more it cannot sit down.
    """

    at: dict[int, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    refuses: int = 0

    async def sit(self, guild_id: int, channel_id: int) -> Exception | None:
        if self.refuses:
            self.refuses -= 1
            return TimeoutError()
        self.at[guild_id] = channel_id
        self.done.append("sat")
        return None

    async def leave(self, guild_id: int, channel_id: int) -> None:
        assert self.at.pop(guild_id) == channel_id
        self.done.append("left")

    def where(self, guild_id: int) -> int | None:
        return self.at.get(guild_id)


def seated(bot: Supervisor, voice: Voice) -> None:
    """Gives the bot's keeper a voice."""
    [shard] = bot.shards
    assert shard._watch is not None
    keeper = shard._watch.rooms
    keeper._seat = BotSeat(voice, elapsed=keeper._clock.elapsed)


async def test_the_bot_sits_in_the_oldest_room_and_leaves_before_it_is_deleted(
    rooms: Rooms,
) -> None:
    await rooms.have(most_rooms=2)
    voice = Voice()
    async with running(rooms.community) as bot:
        seated(bot, voice)
        first = await rooms.until(await rooms.ask(0), "waiting")
        await until(lambda: voice.at == {rooms.guild.id: first.channel_id})
        second = await rooms.until(await rooms.ask(1), "waiting")
        await asyncio.sleep(0.1)
        stayed = dict(voice.at)
        deleting = rooms.fail(DELETE, way="call", count=1)
        deleting.hook = lambda: voice.done.append("deleted")
        rooms.enter(0, first.channel_id or 0)
        await rooms.until(first, "occupied")
        rooms.leave(0)
        await until(lambda: voice.at == {rooms.guild.id: second.channel_id})

    assert stayed == {rooms.guild.id: first.channel_id}
    assert voice.done == ["sat", "left", "deleted", "sat"]


async def test_a_bot_that_cannot_sit_down_tries_again(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seat, "AGAIN_SECONDS", 0.1)
    voice = Voice(refuses=1)
    async with running(rooms.community) as bot:
        seated(bot, voice)
        room = await rooms.until(await rooms.ask(0), "waiting")
        await until(lambda: voice.at == {rooms.guild.id: room.channel_id})


async def test_a_bot_stays_out_where_the_guild_wants_it_to(rooms: Rooms) -> None:
    await rooms.have(bot_joins=False)
    voice = Voice()
    async with running(rooms.community) as bot:
        seated(bot, voice)
        await rooms.until(await rooms.ask(0), "waiting")
        await asyncio.sleep(0.2)

    assert voice.done == []
