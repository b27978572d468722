"""Crash points: they are read off a scenario that was played once, and each is played again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from django.core.management import call_command

from tests.botrunner.gateway.conftest import stored, until
from tests.botrunner.gateway.rooms.conftest import MAKE
from tests.botrunner.gateway.rooms.crash_scenarios import AFTER, BEFORE, COMMIT, LATE
from tests.botrunner.gateway.rooms.crash_stage import Kill, LateKill, staged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tests.botrunner.gateway.rooms.crash_scenarios import Scenario
    from tests.botrunner.gateway.rooms.crash_stage import Stage

OF_NO_STORY: Final = frozenset({"GATEWAY REQUEST_MEMBERS"})
"""What each bot asks for once, at any time after its start."""
TRIES: Final = 3
"""What comes now and then, such as a message that two changes share, is waited for so often."""


@dataclass(frozen=True, slots=True)
class Point:
    """An instant at which the process is killed.

    Attributes:
        when: before a request, after its effect and before its answer, after a commit.
        what: the request's route, or what is committed.
        occurrence: the how manieth of these, 1 for the first.
    """

    when: str
    what: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.when} {self.what} #{self.occurrence}"


@dataclass
class Played:
    """What came of a scenario's points.

    Attributes:
        points: all of them.
        struck: those at which a process was killed.
        failed: those after which something was amiss, and what.
        swept: how often a sweep had something to do.
        seconds: how long it took.
    """

    scenario: str
    points: list[Point]
    struck: list[Point] = field(default_factory=list)
    failed: dict[Point, str] = field(default_factory=dict)
    swept: int = 0
    seconds: float = 0.0

    @property
    def missed(self) -> list[Point]:
        """Those that did not come: of two messages in a moment the bot may write the last."""
        return [each for each in self.points if each not in {*self.struck, *self.failed}]

    def missed_of(self, named: Collection[str]) -> list[str]:
        """Says which of some effects and commits were not struck once."""
        struck = {(each.when, each.what) for each in (*self.struck, *self.failed)}
        wanted = {(each.when, each.what) for each in self.points if each.what in named}
        return sorted(map(str, wanted - struck))

    def failures(self) -> str:
        """Says what was amiss after which."""
        return "\n\n".join(f"{point}\n{why}" for point, why in self.failed.items())

    def told(self) -> str:
        """Says it in a line."""
        return (
            f"{self.scenario}: {len(self.points)} crash points, killed at {len(self.struck)}, "
            f"amiss after {len(self.failed)}, {self.swept} mended by the sweep, "
            f"{self.seconds:.0f} s"
        )


def points_of(requests: Iterable[str], commits: Iterable[str]) -> list[Point]:
    """Makes the crash points of a recording."""
    made: list[Point] = []
    met: Counter[str] = Counter()
    for route in requests:
        met[route] += 1
        ways = [BEFORE, AFTER, LATE] if route == MAKE else [BEFORE, AFTER]
        made += [Point(way, route, met[route]) for way in ways]
    for line in commits:
        met[line] += 1
        made.append(Point(COMMIT, line, met[line]))
    return made


async def record(stage: Stage, scenario: Scenario) -> list[Point]:
    """Plays a scenario once, with nothing in its way, and gives its crash points."""
    await scenario.prepare(stage)
    if not stage.bots.ended.is_set():
        await stage.settles()
    since = _so_far(stage)
    await scenario.play(stage)
    if stage.bots.ended.is_set():
        # What the next bot asks for at its start is not of this story.
        until = _so_far(stage)
        await stage.start()
        await stage.settles()
    else:
        await stage.settles()
        until = _so_far(stage)
    requests = [
        each.route
        for each in stage.sandbox.requests.noted
        if since[0] < each.number <= until[0] and each.route not in OF_NO_STORY
    ]
    commits = stage.bots.ledger()[since[1] : until[1]]
    await stage.finish()
    points = points_of(requests, commits)
    missing = {*scenario.includes} - {each.what for each in points}
    assert not missing, f"{missing} not in {sorted({each.what for each in points})}"
    return [point for point in points if point.when not in scenario.leaves_out]


def _so_far(stage: Stage) -> tuple[int, int]:
    """Gives the number of the last request, and how much was committed."""
    noted = stage.sandbox.requests.noted
    return (noted[-1].number if noted else 0), len(stage.bots.ledger())


async def crash_at(stage: Stage, scenario: Scenario, point: Point) -> bool:
    """Plays a scenario until the process is killed, and holds what is then against the rows.

    Returns:
        Whether the point was met.
    """
    await scenario.prepare(stage)
    if not stage.bots.ended.is_set():
        await stage.settles()
    trap = _lay(stage, point)
    playing = asyncio.create_task(scenario.play(stage))
    killed = asyncio.create_task(stage.bots.next_end())
    try:
        await asyncio.wait({playing, killed}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
            # What comes after all that members wait for comes in a moment, or not at all.
            await asyncio.wait({killed}, timeout=1.0)
        is_met = killed.done() and stage.bots.status < 0
    finally:
        for task in (playing, killed):
            task.cancel()
        await asyncio.gather(playing, killed, return_exceptions=True)
    stage.bots.lift_trap()
    if is_met:
        await stage.mimic()
        await scenario.meanwhile(stage)
    if not is_met or point.when != LATE:
        # What was not met is not to meet the next bot.
        stage.sandbox.route_faults.lift()
    if stage.bots.ended.is_set():
        await stage.start()
    if is_met and isinstance(trap, LateKill):
        await until(lambda: trap.is_on)
    # A twin that came when all had looked is the sweep's; all else the bot mends by itself.
    await stage.settles(is_swept=point.when == LATE)
    await stage.finish()
    return is_met


async def play_all(kind: type[Scenario]) -> Played:
    """Plays a scenario with a crash at each of its points.

    After one that failed the others are played on a new stage.
    """
    began = time.monotonic()
    played: Played | None = None
    left: list[Point] = []
    while played is None or left:
        if played is not None:
            await stored(partial(call_command, "flush", interactive=False, verbosity=0))
        async with staged() as stage:
            scenario = kind()
            if played is None:
                left = await record(stage, scenario)
                played = Played(scenario.name, list(left))
            while left:
                point = left.pop(0)
                try:
                    is_met = await _crash_again(stage, scenario, point)
                except (AssertionError, TimeoutError) as error:
                    played.failed[point] = str(error)
                    break
                if is_met:
                    played.struck.append(point)
            played.swept += stage.swept
    played.seconds = time.monotonic() - began
    return played


async def _crash_again(stage: Stage, scenario: Scenario, point: Point) -> bool:
    for _ in range(TRIES):
        if await crash_at(stage, scenario, point):
            return True
    return False


def _lay(stage: Stage, point: Point) -> Kill | None:
    if point.when == COMMIT:
        stage.bots.lay_trap(point.occurrence, point.what)
        return None
    kind = LateKill if point.when == LATE else Kill
    trap = kind(
        point.what,
        "kill",
        after_effect=point.when == AFTER,
        skip=point.occurrence - 1,
        bots=stage.bots,
    )
    stage.sandbox.route_faults.lay(trap)
    return trap
