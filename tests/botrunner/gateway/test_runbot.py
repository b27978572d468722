"""``manage.py runbot`` as a process: what it says, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from botrunner.management.commands.runbot import read_shards
from community.models import Shard
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
    from collections.abc import AsyncIterator

    from pytest_django.fixtures import Settings

    from tests.botrunner.gateway.conftest import Community


ROOT = Path(__file__).resolve().parents[3]
STOP_SECONDS = 5.0


def database_url() -> str:
    """The test's own database, as the environment names one."""
    place = connection.settings_dict
    user, password = quote(place["USER"] or ""), quote(place["PASSWORD"] or "")
    account = f"{user}:{password}" if password else user
    host = place["HOST"] or place["OPTIONS"].get("host", "")
    port = f"&port={place['PORT']}" if place["PORT"] else ""
    return f"postgresql://{account}@/{place['NAME']}?host={quote(host, safe='')}{port}"


@contextlib.asynccontextmanager
async def runbot(
    community: Community, *arguments: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DATABASE_URL": database_url(),
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_URL": community.sandbox.api_url,
        "DATA_DIR": str(community.data_dir),
        "CHECKPOINT_SECONDS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        "runbot",
        *arguments,
        cwd=ROOT,
        env=environment | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def active(count: int) -> None:
    patience = time.monotonic() + 20
    while len(await rows(status="active")) < count:
        assert time.monotonic() < patience
        await asyncio.sleep(0.1)


async def connected(count: int) -> None:
    patience = time.monotonic() + 20
    while await stored(Shard.objects.filter(is_connected=True).count) < count:
        assert time.monotonic() < patience
        await asyncio.sleep(0.1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_bot_in_good_order_and_no_session(
    signal_number: signal.Signals,
) -> None:
    async with serving() as community, runbot(community) as process:
        community.join(0, 0)
        await active(1)
        community.join(1, 0)
        await active(2)
        signalled = time.monotonic()
        process.send_signal(signal_number)
        output, _ = await process.communicate()

        assert time.monotonic() - signalled < STOP_SECONDS
        assert process.returncode == 0, output.decode()
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
            process.kill()
            await process.wait()
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
        runbot(community, DISCORD_TOKEN="wrong") as process,
    ):
        output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 1
    assert b"Discord refuses the token" in output
    assert b"DISCORD_TOKEN" in output
    assert b"Traceback" not in output
    assert b"wrong" not in output.replace(b"wrong token", b"")


@pytest.mark.django_db(transaction=True)
async def test_an_intent_that_is_not_enabled_is_named() -> None:
    async with serving(privileged=0) as community, runbot(community) as process:
        output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 1
    assert b"Server Members Intent" in output
    assert b"DISCORD_MEMBERS_INTENT=false" in output
    assert b"https://discord.com/developers/applications" in output


@pytest.mark.django_db(transaction=True)
async def test_without_the_members_intent_it_runs() -> None:
    async with (
        serving(privileged=0) as community,
        runbot(community, DISCORD_MEMBERS_INTENT="false") as process,
    ):
        community.join(0, 0)
        await active(1)
        process.terminate()
        await process.communicate()

        assert process.returncode == 0


@pytest.mark.django_db(transaction=True)
async def test_without_options_it_serves_as_many_shards_as_discord_names() -> None:
    async with serving(guilds=4) as community:
        community.sandbox.shards = 2
        async with runbot(community) as process:
            await connected(2)
            process.terminate()
            await process.communicate()

    assert process.returncode == 0


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
