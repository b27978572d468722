"""``manage.py runbot`` as a process: what it says, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from botrunner.management.commands.runbot import read_shards
from community.models import Shard
from tests.botrunner.gateway.bot_processes import ROOT, active, connected, runbot
from tests.botrunner.gateway.conftest import (
    TOKEN,
    bounded,
    now,
    rows,
    running,
    serving,
    settled,
    stored,
)

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

STOP_SECONDS = 5.0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_bot_in_good_order_and_no_session(
    signal_number: signal.Signals,
) -> None:
    async with serving() as community, runbot(community) as bot:
        community.join(0, 0)
        await active(1)
        community.join(1, 0)
        await active(2)
        signalled = time.monotonic()
        bot.process.send_signal(signal_number)
        output = await bot.ended()

        assert time.monotonic() - signalled < STOP_SECONDS
        assert bot.process.returncode == 0, output
        assert {row.status for row in await rows()} == {"active"}
        shard = await stored(Shard.objects.get)
        assert shard.stopped_at is not None
        assert shard.last_frame_at is not None
        assert {row.last_seen_at for row in await rows()} == {shard.last_frame_at}


async def test_a_signal_ends_a_bot_that_has_hardly_begun_with_status_0(
    settings: Settings,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        "runbot",
        cwd=ROOT,
        env={"DISCORD_TOKEN": TOKEN, "DATABASE_URL": "postgresql://u@127.0.0.1:9/nothing"}
        | {"DATA_DIR": str(settings.DATA_DIR), "ENV_FILE": os.devnull},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    # Its modules are still being loaded.
    await asyncio.sleep(0.5)
    process.terminate()
    output, _ = await asyncio.wait_for(process.communicate(), STOP_SECONDS)

    assert process.returncode == 0, output.decode()


@pytest.mark.django_db(transaction=True)
async def test_after_a_kill_the_gap_is_known_to_within_seconds() -> None:
    async with serving() as community:
        async with runbot(community) as process:
            await connected(1)
            community.join(0, 0)
            community.join(1, 0)
            await asyncio.sleep(2.5)
            await process.kill()
        killed = now()
        started = {row.user_id: row.started_at for row in await rows()}
        shard = await stored(Shard.objects.get)
        assert shard.stopped_at is None
        assert shard.last_frame_at is not None
        assert (killed - shard.last_frame_at).total_seconds() < 2.5

        community.leave(1)
        await asyncio.sleep(0.5)
        async with running(community) as bot:
            await settled(bot)
            [stayed] = await rows(user_id=community.people[0])
            assert (stayed.status, stayed.started_at) == ("active", started[stayed.user_id])
            [left] = await rows(user_id=community.people[1])
            assert left.started_at == started[left.user_id]
            assert left.end_uncertainty >= 0.5
            bounded(left, community.ended()[0])


@pytest.mark.django_db(transaction=True)
async def test_a_wrong_token_is_said_in_words() -> None:
    async with (
        serving() as community,
        runbot(community, DISCORD_TOKEN="wrong") as bot,
    ):
        output = await bot.ended()

    assert bot.process.returncode == 1
    assert "Discord refuses the token" in output
    assert "DISCORD_TOKEN" in output
    assert "Traceback" not in output
    assert "wrong" not in output.replace("wrong token", "")


@pytest.mark.django_db(transaction=True)
async def test_an_intent_that_is_not_enabled_is_named() -> None:
    async with serving(privileged=0) as community, runbot(community) as bot:
        output = await bot.ended()

    assert bot.process.returncode == 1
    assert "Server Members Intent" in output
    assert "DISCORD_MEMBERS_INTENT=false" in output
    assert "https://discord.com/developers/applications" in output


@pytest.mark.django_db(transaction=True)
async def test_without_the_members_intent_it_runs() -> None:
    async with (
        serving(privileged=0) as community,
        runbot(community, DISCORD_MEMBERS_INTENT="false") as bot,
    ):
        community.join(0, 0)
        await active(1)
        bot.process.terminate()
        await bot.ended()

        assert bot.process.returncode == 0


@pytest.mark.django_db(transaction=True)
async def test_without_options_it_serves_as_many_shards_as_discord_names() -> None:
    async with serving(guilds=4) as community:
        community.sandbox.shards = 2
        async with runbot(community) as bot:
            await connected(2)
            bot.process.terminate()
            await bot.ended()

    assert bot.process.returncode == 0


def test_a_missing_token_is_said_in_words(settings: Settings) -> None:
    settings.DISCORD_TOKEN = ""

    with pytest.raises(CommandError, match="DISCORD_TOKEN is not set"):
        call_command("runbot")


@pytest.mark.parametrize(
    ("ids", "count", "wanted"),
    [(None, None, (None, None)), (None, 4, (None, 4)), ("1,0", 4, ([0, 1], 4))],
)
def test_shards_are_read(
    ids: str | None, count: int | None, wanted: tuple[list[int] | None, int | None]
) -> None:
    assert read_shards(ids, count) == wanted


@pytest.mark.parametrize(
    ("ids", "count"), [("0", None), ("4", 4), ("-1", 4), ("a", 4), ("", 4), (None, 0)]
)
def test_shards_that_cannot_be_are_refused(ids: str | None, count: int | None) -> None:
    with pytest.raises(CommandError, match="--shard-"):
        read_shards(ids, count)
