from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.truth import TruthFileInUseError, TruthWriter
from botrunner.sandbox.world import World, build_world

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Place:
    """A small world with a clock that the test turns."""

    now: datetime = NOON
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.world = build_world(seed=1, guilds=1, members=5, clock=lambda: self.now)
        (self.guild_id,) = self.world.guilds
        guild = self.world.guilds[self.guild_id]
        people = [member.user for member in guild.members.values()]
        self.anna, self.bela = [user.id for user in people if not user.bot][:2]
        self.bot = next(user.id for user in people if user.bot)
        self.lounge, self.stage = [c.id for c in guild.channels.values() if c.is_voice][:2]

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def place() -> Place:
    return Place()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stay_is_one_line_from_its_beginning_to_its_end(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth" / "truth.jsonl"
    writer = TruthWriter(path, place.world)

    place.world.join(place.guild_id, place.anna, place.lounge)
    under_way = rows(path)
    place.later(90.0625)
    place.world.leave(place.guild_id, place.anna)

    stay = {
        "kind": "voice",
        "guild_id": str(place.guild_id),
        "user_id": str(place.anna),
        "channel_id": str(place.lounge),
        "from": "2026-11-20T12:00:00.000Z",
    }
    assert under_way == [stay | {"to": None}]
    assert rows(path) == [stay | {"to": "2026-11-20T12:01:30.062Z"}]
    writer.close(at=place.now)


def test_a_move_ends_one_line_and_begins_the_next(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, place.world)
    place.world.join(place.guild_id, place.anna, place.lounge)
    place.world.join(place.guild_id, place.bela, place.lounge)

    place.later(10)
    place.world.move(place.guild_id, place.anna, place.stage)

    moved = "2026-11-20T12:00:10.000Z"
    assert [(row["user_id"], row["channel_id"], row["to"]) for row in rows(path)] == [
        (str(place.anna), str(place.lounge), moved),
        (str(place.bela), str(place.lounge), None),
        (str(place.anna), str(place.stage), None),
    ]
    assert rows(path)[2]["from"] == moved
    writer.close(at=place.now)


def test_an_orderly_end_ends_the_stays_under_way(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, place.world)
    place.world.join(place.guild_id, place.anna, place.lounge)

    writer.close(at=NOON + timedelta(seconds=5))
    place.world.leave(place.guild_id, place.anna)

    assert [row["to"] for row in rows(path)] == ["2026-11-20T12:00:05.000Z"]


def test_members_who_are_in_voice_already_are_written_too(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    place.world.join(place.guild_id, place.anna, place.lounge)
    place.later(60)

    writer = TruthWriter(path, place.world)

    assert [(row["from"], row["to"]) for row in rows(path)] == [("2026-11-20T12:00:00.000Z", None)]
    writer.close(at=place.now)


def test_bots_are_not_written(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, place.world)

    place.world.join(place.guild_id, place.bot, place.lounge)
    place.world.leave(place.guild_id, place.bot)

    assert rows(path) == []
    writer.close(at=place.now)


def test_a_second_start_goes_on_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    for number in range(2):
        place = Place(now=NOON + timedelta(hours=number))
        writer = TruthWriter(path, place.world)
        place.world.join(place.guild_id, place.anna, place.lounge)
        writer.close(at=place.now + timedelta(minutes=1))

    assert [(row["from"][11:16], row["to"][11:16]) for row in rows(path)] == [
        ("12:00", "12:01"),
        ("13:00", "13:01"),
    ]


def test_what_a_kill_left_ends_at_the_last_write(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    killed = TruthWriter(path, place.world)
    place.world.join(place.guild_id, place.anna, place.lounge)
    place.world.join(place.guild_id, place.bela, place.stage)
    place.later(10)
    place.world.leave(place.guild_id, place.anna)
    place.world.on_stay.clear()
    os.close(killed._file)
    with path.open("a") as file:
        file.write('{"kind": "voice", "guild_id": "7')
    last_write = NOON + timedelta(minutes=3)
    os.utime(path, (last_write.timestamp(), last_write.timestamp()))

    writer = TruthWriter(path, Place().world)

    assert [row["to"] for row in rows(path)] == [
        "2026-11-20T12:00:10.000Z",
        "2026-11-20T12:03:00.000Z",
    ]
    assert path.read_bytes().endswith(b"}\n")
    writer.close(at=place.now)


def test_a_stay_never_ends_before_it_began(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    killed = TruthWriter(path, place.world)
    place.world.join(place.guild_id, place.anna, place.lounge)
    os.close(killed._file)
    early = (NOON - timedelta(seconds=1)).timestamp()
    os.utime(path, (early, early))

    writer = TruthWriter(path, Place().world)

    assert [row["to"] for row in rows(path)] == ["2026-11-20T12:00:00.000Z"]
    writer.close(at=place.now)


def test_two_sandboxes_do_not_write_to_one_file(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, place.world)

    with pytest.raises(TruthFileInUseError, match="being written by another sandbox"):
        TruthWriter(path, Place().world)

    writer.close(at=place.now)


async def test_a_quiet_world_keeps_its_file_fresh(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, place.world)
    os.utime(path, (0, 0))

    with suppress(TimeoutError):
        await asyncio.wait_for(writer.keep_fresh(every=0.01), timeout=0.2)

    assert path.stat().st_mtime > 0
    writer.close(at=place.now)


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from botrunner.sandbox.truth import TruthWriter
from botrunner.sandbox.world import build_world

world = build_world(seed=1, guilds=1, members=50, clock=lambda: datetime.now(UTC))
writer = TruthWriter(Path(sys.argv[1]), world)
(guild,) = world.guilds.values()
channels = [channel.id for channel in guild.channels.values() if channel.is_voice]
print("writing", flush=True)
while True:
    for user_id in list(guild.members):
        for channel_id in channels:
            world.join(guild.id, user_id, channel_id)
"""


def test_a_kill_in_the_middle_of_writing_leaves_one_line_for_each_stay(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
    ) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        while path.stat().st_size < 200_000:
            assert killed.poll() is None
        killed.send_signal(signal.SIGKILL)

    writer = TruthWriter(path, Place().world)

    stays = rows(path)
    assert all(stay["to"] >= stay["from"] for stay in stays)
    last: dict[str, str] = {}
    for stay in stays:
        assert stay["from"] >= last.get(stay["user_id"], "")
        last[stay["user_id"]] = stay["to"]
    writer.close(at=NOON)
