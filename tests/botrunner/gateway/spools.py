"""Spools for tests: whose they are, what stands in them, and what is read from them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_layout import SpoolIdentity
from botrunner.gateway.spool_left import Left, read_left
from sessions_app.domain.facts import ChannelDeleted, VoiceChanged, VoicePresence

if TYPE_CHECKING:
    from pathlib import Path

Things = list[tuple[int, object]]

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDENTITY = SpoolIdentity(
    database="7440000000000000001/rollcall", shard_id=1, shard_count=4, fence=7
)
PLENTY = 1_000_000


def thing(number: int) -> object:
    """A fact that no other number gives; some are short and some are long."""
    at = AT + timedelta(seconds=number)
    if number % 3 == 0:
        return ChannelDeleted(guild_id=10, channel_id=number, at=at)
    return VoiceChanged(10, VoicePresence(number, 20, "v" * (number % 40)), at)


def things(first: int, last: int) -> Things:
    """Facts with the numbers from the first to the last."""
    return [(number, thing(number)) for number in range(first, last + 1)]


def created(path: Path, *, most_bytes: int = PLENTY) -> Spool:
    return Spool.create(path, IDENTITY, most_bytes=most_bytes)


def written(path: Path, found: Things) -> list[int]:
    """Writes a spool as a process leaves it that is killed; gives where each record ends."""
    spool = created(path)
    ends = [spool.size]
    for entry in found:
        assert spool.append([entry]) == 1
        ends.append(spool.size)
    spool.close()
    return ends


def left_in(path: Path) -> Left:
    left = read_left(path)
    assert left is not None
    return left


def opened(path: Path, *, most_bytes: int = PLENTY) -> Spool:
    return Spool.open(left_in(path), IDENTITY, most_bytes=most_bytes, now=AT)


def killed(spool: Spool) -> None:
    """Leaves the file as it is, as the end of a process does."""
    os.close(spool._file)
    spool._file = -1
