"""When the keeper has rooms held against the clock, without a database or a Discord."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from botrunner.gateway.rooms import records
from botrunner.gateway.rooms.bringing import CHANGE
from botrunner.gateway.rooms.faces import Faces
from botrunner.gateway.rooms.keeper import DUE_AGAIN_SECONDS, RECOUNT_SECONDS, RoomKeeper
from botrunner.gateway.rooms.outcome import Outcome
from botrunner.gateway.things import RoomsDue
from botrunner.services.rooms import requests, steps, work
from botrunner.services.rooms.work import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

GUILD = 7
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Hand:
    """A clock whose hand the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def elapsed(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


class Here:
    """Stands for the thread to the database, which is not there, and for the sight of a guild."""

    shard_id = 0

    async def run(self, function: Callable[[], Any]) -> Any:
        return function()

    def sees(self, guild_id: int) -> bool:
        return guild_id == GUILD


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> list[Standing]:
    """The live rooms, for the test to fill."""
    live: list[Standing] = []
    monkeypatch.setattr(work, "standing", lambda _: live)
    monkeypatch.setattr(requests, "admit", lambda **_: 0)
    monkeypatch.setattr(work, "close_at_shutdown", lambda *_, **__: [])
    monkeypatch.setattr(
        records, "at_database", lambda function, *given, **named: function(*given, **named)
    )
    return live


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def put() -> list[float]:
    """When guilds were held against the clock."""
    return []


@pytest.fixture
def keeper(clock: Hand, put: list[float]) -> RoomKeeper:
    def take(at: float, thing: object) -> None:
        assert thing == RoomsDue(GUILD)
        put.append(at)

    stand_in: Any = Here()
    any_clock: Any = clock
    return RoomKeeper(
        lease=stand_in,
        writer=stand_in,
        clock=any_clock,
        connection=lambda: None,
        sight=stand_in,
        put=take,
    )


done: list[UUID] = []
"""The rooms for which something was begun."""


async def done_for(room_id: UUID) -> None:
    done.append(room_id)


def waiting(number: int, *, due: float) -> Standing:
    """Gives a room that waits until so many seconds after noon."""
    return Standing(
        room_id=UUID(int=number),
        guild_id=GUILD,
        kind="private",
        state="waiting",
        channel_id=100 + number,
        has_work=False,
        at=NOON + timedelta(seconds=due),
        is_open=True,
        moves_owner=False,
        bot_joins=False,
    )


async def test_room_that_is_due_just_after_a_recount_is_not_kept_waiting(
    keeper: RoomKeeper, clock: Hand, rooms: list[Standing], put: list[float]
) -> None:
    due = RECOUNT_SECONDS + 0.3
    rooms.append(waiting(1, due=due))
    clock.seconds = RECOUNT_SECONDS
    pause = await keeper._look()
    clock.seconds += pause
    await keeper._look()

    assert pause == pytest.approx(0.3)
    assert put == [RECOUNT_SECONDS, pytest.approx(due)]


async def test_rooms_due_one_after_another_end_each_at_its_time(
    keeper: RoomKeeper, clock: Hand, rooms: list[Standing], put: list[float]
) -> None:
    rooms += [waiting(1, due=1.0), waiting(2, due=1.4)]
    clock.seconds = 1.0
    pause = await keeper._look()
    clock.seconds += pause
    del rooms[0]
    await keeper._look()

    assert put == [1.0, pytest.approx(1.4)]


async def test_room_that_stays_due_is_held_against_the_clock_once_a_second(
    keeper: RoomKeeper, clock: Hand, rooms: list[Standing], put: list[float]
) -> None:
    rooms.append(waiting(1, due=1.0))
    clock.seconds = 1.25
    await keeper._look()
    clock.seconds = 1.5
    pause = await keeper._look()
    clock.seconds += pause
    await keeper._look()

    assert put == [1.25, pytest.approx(1.25 + DUE_AGAIN_SECONDS)]


async def test_a_bot_that_stops_gives_no_turns_and_makes_no_rooms(
    keeper: RoomKeeper,
    clock: Hand,
    rooms: list[Standing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[datetime] = []

    def admit(*, now: datetime) -> int:
        given.append(now)
        return 1

    monkeypatch.setattr(requests, "admit", admit)
    connected = SimpleNamespace(client=object(), is_open=True)
    monkeypatch.setattr(keeper, "_connection", lambda: connected)
    monkeypatch.setattr(keeper, "_work", done_for)
    done.clear()
    rooms += [
        replace(waiting(1, due=60), state="closing", is_open=False, at=None, has_work=True),
        replace(waiting(2, due=60), state="creating", is_open=False, at=None, has_work=True),
        replace(waiting(3, due=60), state="queued", is_open=False, at=None),
    ]
    rooms[1] = replace(rooms[1], is_to_be_made=True)
    await keeper.shut_down()
    clock.seconds = 60.0
    await keeper._look()
    del rooms[0]
    await keeper._look()
    await asyncio.gather(*keeper.tasks())

    assert given == []
    assert done == [UUID(int=1)]


async def test_a_mark_that_cannot_be_written_ends_nothing_but_itself(
    keeper: RoomKeeper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(steps, "tell", stumble)
    monkeypatch.setattr(
        records, "at_database", lambda function, *given, **named: function(*given, **named)
    )

    keeper.channel_made(UUID(int=1), 5)
    await asyncio.gather(*keeper.tasks())

    assert "could not be told of its channel" in caplog.text


async def test_a_stop_goes_on_whatever_rooms_stumble_over(
    keeper: RoomKeeper, rooms: list[Standing], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(work, "close_at_shutdown", stumble)

    await keeper.shut_down()

    assert await keeper._look() > 0
    assert rooms == []


async def test_a_keeper_that_is_woken_as_it_is_cancelled_ends(keeper: RoomKeeper) -> None:
    await ends_though_woken(asyncio.create_task(keeper.run()), keeper.wake)


async def test_faces_that_are_woken_as_they_are_cancelled_end() -> None:
    faces = faces_with(None)

    await ends_though_woken(asyncio.create_task(faces.run()), faces.wake)


def faces_with(connection: Any) -> Faces:
    stand_in: Any = Here()
    any_clock: Any = Hand()
    return Faces(
        lease=stand_in,
        writer=stand_in,
        clock=any_clock,
        connection=lambda: connection,
        syncing=stand_in,
    )


async def test_a_refusal_is_not_hidden_by_what_came_of_the_next_wish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faces = faces_with(SimpleNamespace(is_open=True, client=SimpleNamespace()))
    outcomes = [Outcome(refusal="Missing Permissions"), Outcome(), None]

    async def step(*_: object) -> Outcome | None:
        return outcomes.pop(0)

    monkeypatch.setattr(faces._bringing, "step", step)

    first = await faces.in_line(UUID(int=1), CHANGE)
    second = await faces.in_line(UUID(int=1), CHANGE)

    assert (first, second) == (Outcome(refusal="Missing Permissions"), Outcome())
    assert outcomes == []


async def ends_though_woken(running: asyncio.Task[None], wake: Callable[[], None]) -> None:
    """Wakes what waits, and cancels it before it has gone on."""
    await asyncio.sleep(0.05)
    wake()
    await asyncio.sleep(0)
    running.cancel()

    done, _ = await asyncio.wait({running}, timeout=3)

    running.cancel()
    assert done == {running}
