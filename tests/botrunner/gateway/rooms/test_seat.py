from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from botrunner.gateway.rooms import seat
from botrunner.gateway.rooms.seat import BotSeat
from botrunner.services.rooms.work import Standing
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
        untold: the channels that Discord has not told of.
    """

    at: dict[int, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    refuses: int = 0
    untold: set[int] = field(default_factory=set)

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

    def knows(self, guild_id: int, channel_id: int) -> bool:
        del guild_id
        return channel_id not in self.untold

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
        deleting = rooms.fail(DELETE, way="call", count=1)
        deleting.hook = lambda: voice.done.append("deleted")
        rooms.enter(0, first.channel_id or 0)
        await rooms.until(first, "occupied")
        rooms.leave(0)
        await until(lambda: voice.at == {rooms.guild.id: second.channel_id})

    assert voice.done == ["sat", "left", "deleted", "sat"]


async def test_a_bot_that_cannot_sit_down_tries_again(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seat, "LONGEST_SECONDS", 0.1)
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
        room = await rooms.until(await rooms.ask(0), "waiting")
        rooms.enter(0, room.channel_id or 0)
        await rooms.until(room, "occupied")
        rooms.leave(0)
        await rooms.until(room, "closed")

    assert voice.done == []


def wants_the_bot(channel_id: int) -> Standing:
    return Standing(
        room_id=UUID(int=channel_id),
        guild_id=7,
        kind="private",
        state="waiting",
        channel_id=channel_id,
        has_work=False,
        at=None,
        is_open=True,
        moves_owner=False,
        bot_joins=True,
    )


async def test_a_channel_that_discord_tells_of_late_is_sat_in_at_once_then() -> None:
    seconds = 0.0
    noted: list[str] = []

    async def note(_: UUID, words: str) -> None:
        noted.append(words)

    voice = Voice(untold={50})
    bot_seat = BotSeat(voice, elapsed=lambda: seconds, note=note)
    waits = [bot_seat.take([wants_the_bot(50)])]
    seconds += waits[0]
    waits.append(bot_seat.take([wants_the_bot(50)]))
    seconds += waits[1]
    voice.untold.clear()
    bot_seat.take([wants_the_bot(50)])
    await asyncio.gather(*bot_seat.tasks())

    assert max(waits) < 1.0
    assert voice.at == {7: 50}
    assert noted == []


async def test_a_seat_that_is_not_to_be_had_is_tried_less_and_less() -> None:
    seconds = 0.0
    noted: list[str] = []

    async def note(_: UUID, words: str) -> None:
        noted.append(words)

    voice = Voice(refuses=8)
    bot_seat = BotSeat(voice, elapsed=lambda: seconds, note=note)
    waits = []
    for _ in range(8):
        bot_seat.take([wants_the_bot(50)])
        await asyncio.gather(*bot_seat.tasks())
        waits.append(bot_seat.take([wants_the_bot(50)]))
        seconds += waits[-1]

    assert waits[:3] == pytest.approx([0.25, 0.5, 1.0])
    assert waits[-1] == pytest.approx(10.0)
    assert len(noted) == 8


async def test_what_a_seat_has_to_say_ends_with_the_shard_too() -> None:
    noted = asyncio.Event()

    async def note(_: UUID, __: str) -> None:
        noted.set()
        await asyncio.Event().wait()

    bot_seat = BotSeat(Voice(refuses=1), elapsed=lambda: 0.0, note=note)
    bot_seat.take([wants_the_bot(50)])
    await noted.wait()
    under_way = bot_seat.tasks()
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)

    assert (len(under_way), bot_seat.tasks()) == (1, [])
