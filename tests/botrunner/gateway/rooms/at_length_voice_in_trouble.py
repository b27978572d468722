"""What keeps the bot out of voice channels, and what throws it out of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.rooms import seating
from community.domain.permissions import Overwrite, Permission
from tests.botrunner.gateway.conftest import is_live, until

if TYPE_CHECKING:
    from tests.botrunner.gateway.rooms.sitting import Sitter

pytestmark = pytest.mark.django_db(transaction=True)


# What stands in the way ------------------------------------------------------------------


async def test_a_missing_permission_is_named(sitter: Sitter) -> None:
    everyone = Overwrite(sitter.guild_id, is_role=True, allow=0, deny=int(Permission.CONNECT))
    sitter.world.update_member(sitter.guild_id, sitter.world.bot.id, roles=[])
    sitter.world.set_overwrite(sitter.guild_id, sitter.rooms[0], everyone)
    client = sitter.client()
    assert client is not None
    guild = client.get_guild(sitter.guild_id)
    assert guild is not None
    await until(
        lambda: isinstance(
            seating.channel_to_sit_in(guild, sitter.rooms[0]), seating.NoPermissionError
        )
    )

    problem = await sitter.voice.sit(sitter.guild_id, sitter.rooms[0])

    assert str(problem) == (
        f"The bot cannot join channel {sitter.rooms[0]}: it lacks the permission Connect there."
    )
    assert sitter.really() is None


async def test_a_full_channel_is_told(sitter: Sitter) -> None:
    made = sitter.world.create_channel(sitter.guild_id, name="Full", type=2, user_limit=1)
    sitter.world.update_member(sitter.guild_id, sitter.world.bot.id, roles=[])
    sitter.world.join(sitter.guild_id, sitter.community.people[0], made.id)
    voice = sitter.new_voice(sit_seconds=0.5)
    client = sitter.client()
    assert client is not None
    await until(lambda: client.get_channel(made.id))

    problem = await voice.sit(sitter.guild_id, made.id)

    assert problem is not None
    assert problem.code == "voice.full"
    await sitter.left_nothing()


async def test_a_text_channel_and_an_unknown_guild_are_refused_in_words(sitter: Sitter) -> None:
    text = next(c.id for c in sitter.community.guild.channels.values() if not c.is_voice)

    problems = [
        await sitter.voice.sit(sitter.guild_id, text),
        await sitter.voice.sit(1, sitter.rooms[0]),
    ]

    assert [problem and problem.code for problem in problems] == [
        "voice.no_channel",
        "voice.not_connected",
    ]


async def test_a_voice_server_that_is_never_named_is_told(sitter: Sitter) -> None:
    sitter.servers.faults.never_announces = True
    sitter.new_voice(sit_seconds=0.5)

    problem = await sitter.sit(0)

    assert problem == "voice.no_server"
    assert sitter.really() is None
    await sitter.left_nothing()


@pytest.mark.parametrize("fault", ["never_greets", "loses_packets"])
async def test_a_silent_voice_server_is_told(sitter: Sitter, fault: str) -> None:
    setattr(sitter.servers.faults, fault, True)
    sitter.new_voice(sit_seconds=0.5)

    problem = await sitter.sit(0)

    assert problem == "voice.server_silent"
    assert sitter.really() is None
    await sitter.left_nothing()
    setattr(sitter.servers.faults, fault, False)
    sitter.new_voice()
    assert await sitter.sit(0) is None


async def test_a_voice_server_that_refuses_connections_is_told(sitter: Sitter) -> None:
    sitter.servers.faults.refuses = True

    problem = await sitter.voice.sit(sitter.guild_id, sitter.rooms[0])

    assert problem is not None
    assert problem.code == "voice.server_refused"
    assert problem.data["reason"] == "503"
    assert sitter.really() is None
    await sitter.left_nothing()


@pytest.mark.parametrize("code", [4004, 4006, 4017])
async def test_a_voice_server_that_closes_with_a_code_is_told(sitter: Sitter, code: int) -> None:
    sitter.servers.faults.closes.append(code)

    problem = await sitter.voice.sit(sitter.guild_id, sitter.rooms[0])

    assert problem is not None
    assert problem.data["reason"] == str(code)
    assert sitter.really() is None
    await sitter.left_nothing()
    assert await sitter.sit(0) is None


async def test_a_voice_server_that_is_away_at_first_is_waited_for(sitter: Sitter) -> None:
    sitter.servers.faults.away_seconds = 0.3

    problem = await sitter.sit(0)

    assert problem is None
    assert sitter.has_place()


@pytest.mark.parametrize("library", ["has_nacl", "has_dave"])
async def test_a_missing_library_is_named(
    sitter: Sitter, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"discord.voice_client.{library}", False)

    problem = await sitter.voice.sit(sitter.guild_id, sitter.rooms[0])

    assert str(problem) == (
        "The bot cannot join voice: PyNaCl or davey is missing. Install discord.py[voice]."
    )
    assert sitter.really() is None
    await sitter.left_nothing()


# What goes wrong while it sits -----------------------------------------------------------


async def test_a_voice_server_that_goes_away_is_followed_to_the_next(sitter: Sitter) -> None:
    await sitter.sit(0)
    former = sitter.servers.places[sitter.guild_id].endpoint

    sitter.servers.go_away(sitter.guild_id, seconds=0.2)

    await until(sitter.has_place)
    assert sitter.servers.places[sitter.guild_id].endpoint != former
    assert sitter.where() == sitter.really() == 0
    assert not sitter.unseated


@pytest.mark.parametrize("code", [4006, 4009, 4021, 1011])
async def test_a_lost_voice_connection_ends_its_seat_and_is_told(sitter: Sitter, code: int) -> None:
    await sitter.sit(0)

    sitter.servers.close_all(code)

    await until(lambda: sitter.unseated == [(sitter.guild_id, sitter.rooms[0])])
    await until(lambda: sitter.really() is None)
    await sitter.left_nothing()
    assert await sitter.sit(0) is None
    assert sitter.where() == 0


async def test_a_resumed_gateway_connection_keeps_its_seat(sitter: Sitter) -> None:
    await sitter.sit(0)
    client = sitter.client()
    assert client is not None
    former = client.ws

    sitter.community.sandbox.troubles.make("drop")

    await until(lambda: client.ws is not former and is_live(sitter._supervisor))
    assert sitter.where() == sitter.really() == 0
    assert sitter.has_place()
    assert await sitter.leave(0)
    await sitter.left_nothing()


async def test_a_client_that_starts_anew_has_left_nothing_and_sits_again(sitter: Sitter) -> None:
    await sitter.sit(0)
    former = sitter.client()

    # discord.py's parser throws at it, which ends the client.
    sitter.community.sandbox.troubles.make("garbage", guild_id=sitter.guild_id)

    await until(lambda: sitter.unseated == [(sitter.guild_id, sitter.rooms[0])])
    await until(lambda: sitter.client() not in {None, former} and sitter.knows_the_guild())
    assert sitter.where() is None
    await sitter.left_nothing()
    assert await sitter.sit(0) is None
    assert sitter.where() == sitter.really() == 0


async def test_a_client_that_ends_while_it_joins_leaves_nothing(sitter: Sitter) -> None:
    sitter.servers.faults.never_announces = True
    sitter.new_voice(sit_seconds=1.0)
    joining = asyncio.create_task(sitter.sit(0))
    await until(lambda: sitter.really() == 0)

    sitter.community.sandbox.troubles.make("garbage", guild_id=sitter.guild_id)

    assert await joining in {"voice.sent_away", "voice.no_server"}
    await until(lambda: sitter.really() is None)
    await sitter.left_nothing()


async def test_a_bot_that_was_killed_takes_its_seat_over(sitter: Sitter) -> None:
    # What a kill leaves behind: Discord shows the bot in voice, and nobody is connected.
    sitter.world.join(sitter.guild_id, sitter.world.bot.id, sitter.rooms[0])
    await until(lambda: sitter.where() == 0)

    problem = await sitter.sit(0)

    assert problem is None
    assert sitter.has_place()
    assert sitter.where() == sitter.really() == 0


async def test_a_bot_that_was_killed_can_leave(sitter: Sitter) -> None:
    sitter.world.join(sitter.guild_id, sitter.world.bot.id, sitter.rooms[0])
    await until(lambda: sitter.where() == 0)

    is_out = await sitter.leave(0)

    assert is_out
    assert sitter.really() is None
