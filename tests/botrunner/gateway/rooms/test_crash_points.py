"""The bot is killed at two instants; the long test beside this one takes them all."""

from __future__ import annotations

import pytest

from tests.botrunner.gateway.rooms.conftest import DELETE, MAKE
from tests.botrunner.gateway.rooms.crash_points import Point, crash_at, points_of
from tests.botrunner.gateway.rooms.crash_scenarios import AFTER, BEFORE, InWords
from tests.botrunner.gateway.rooms.crash_stage import staged


@pytest.mark.django_db(transaction=True)
async def test_a_bot_that_is_killed_leaves_nothing_behind() -> None:
    async with staged() as stage:
        scenario = InWords()
        met = [
            await crash_at(stage, scenario, point)
            for point in (Point(AFTER, MAKE, 1), Point(BEFORE, DELETE, 1))
        ]

    assert met == [True, True]


def test_each_effect_and_each_commit_of_a_recording_has_its_crash_points() -> None:
    made = points_of([DELETE, MAKE, DELETE], ["a step", "a step"])

    assert list(map(str, made)) == [
        f"before {DELETE} #1",
        f"after the effect of {DELETE} #1",
        f"before {MAKE} #1",
        f"after the effect of {MAKE} #1",
        f"long before the effect of {MAKE} #1",
        f"before {DELETE} #2",
        f"after the effect of {DELETE} #2",
        "after the commit of a step #1",
        "after the commit of a step #2",
    ]
