"""Whoever listens hears of what was said, and looks by itself whatever else is said."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from botrunner.gateway import listening
from tests.botrunner.gateway.conftest import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

pytestmark = pytest.mark.django_db(transaction=True)


class Ear:
    """Notes what it hears; looks are those with nothing."""

    def __init__(self) -> None:
        self.looks = 0
        self.heard: set[str] = set()

    async def __call__(self, payloads: Collection[str]) -> None:
        self.looks += not payloads
        self.heard |= set(payloads)


@contextlib.asynccontextmanager
async def heard_by(**ears: Ear) -> AsyncIterator[None]:
    task = asyncio.create_task(listening.listen(ears))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def say(channel: str, payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])


async def test_a_channel_that_is_never_quiet_keeps_nobody_from_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.5)
    loud, quiet = Ear(), Ear()

    async with heard_by(loud=loud, quiet=quiet), asyncio.timeout(20):
        while quiet.looks < 3:
            await stored(lambda: say("loud", "again"))

    assert (loud.heard, quiet.heard) == ({"again"}, set())
