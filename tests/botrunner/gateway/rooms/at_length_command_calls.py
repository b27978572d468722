"""Every call by which Discord is told of the commands, and everything that it may say to it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.gateway.rooms import command_sync
from community.services.bot_facts import COMMANDS_UNTOLD
from tests.botrunner.gateway.conftest import running, until
from tests.botrunner.gateway.rooms.refusals import DONE, LONG_SECONDS, PATIENCE, answers_to
from tests.botrunner.gateway.rooms.trying import hasten, unexpected

if TYPE_CHECKING:
    from botrunner.gateway.shard import Shard
    from tests.botrunner.gateway.rooms.conftest import Rooms

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20.0
SHORT_SECONDS = 1.5


class Telling:
    """Discord is told of the commands again and again, in one process."""

    def __init__(self, rooms: Rooms, shard: Shard) -> None:
        self.rooms = rooms
        self.syncing = shard._desk.syncing
        self.shard = shard

    def begin(self) -> None:
        """Has Discord know none, and be told."""
        self.rooms.world.commands.clear()
        self.syncing.is_done = False
        self.begin_again()

    def begin_again(self) -> None:
        assert self.shard._watch is not None
        if self.syncing._task is not None:
            self.syncing._task.cancel()
        self.shard._watch.faces.wake()

    def is_known(self) -> bool:
        known = self.rooms.world.commands.get(None, {})
        return self.syncing.is_done and {each["name"] for each in known.values()} == {
            "voice",
            "close",
            "room",
        }

    def staff_read(self) -> str:
        """What the page of health says, by the figures that go with the heartbeats."""
        return str(self.shard._figures()[COMMANDS_UNTOLD])

    async def calls(self) -> set[str]:
        """Has Discord be told while all is well; gives what it is asked for."""
        noted = self.rooms.community.sandbox.requests.noted
        last = noted[-1].number
        self.begin()
        await until(self.is_known, seconds=SECONDS)
        return {each.route for each in noted if each.number > last and "commands" in each.route}

    async def goes_wrong(
        self, call: str, kind: str, fault: dict[str, Any], *, always: bool
    ) -> None:
        """Has a call go wrong, once or until that is lifted."""
        waits = {"retry_after": LONG_SECONDS if always else SHORT_SECONDS}
        laid = self.rooms.fail(call, **(waits | {"count": None if always else 1} | fault))
        self.begin()
        await until(lambda: laid.struck, seconds=SECONDS)
        if always and kind != DONE:
            await until(self.staff_read, seconds=SECONDS)
        self.rooms.community.sandbox.route_faults.lift()
        if always and kind == PATIENCE:
            self.begin_again()
        await until(self.is_known, seconds=SECONDS)
        assert self.staff_read() == ""


@pytest.mark.parametrize("always", [True, False], ids=["always", "once"])
async def test_discord_is_told_of_the_commands_whatever_it_says(
    rooms: Rooms,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    always: bool,
) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr(command_sync, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(command_sync, "LONGEST_PAUSE_SECONDS", 0.2)
    caplog.set_level(logging.INFO)
    async with running(rooms.community) as bot:
        telling = Telling(rooms, bot.shards[0])
        await until(telling.is_known, seconds=SECONDS)
        calls = await telling.calls()
        for call in sorted(calls):
            for kind, fault in answers_to(call).values():
                await telling.goes_wrong(call, kind, fault, always=always)

    assert {call.split(" ")[0] for call in calls} == {"GET", "PUT"}
    assert [record.getMessage() for record in unexpected(caplog)] == []
