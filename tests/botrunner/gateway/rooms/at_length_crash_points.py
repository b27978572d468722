"""The bot is killed at each instant of each scenario, and the next one goes on from the rows.

The instants are read off a run of the scenario, so that what the bot does anew has its crash
points by itself: before each request, after its effect and before its answer, and after each
commit of what concerns rooms.
"""

from __future__ import annotations

import pytest

from tests.botrunner.gateway.rooms.crash_points import play_all
from tests.botrunner.gateway.rooms.crash_scenarios import SCENARIOS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_crash_at_any_point_leaves_nothing_behind(name: str) -> None:
    played = await play_all(SCENARIOS[name])
    print(played.told())  # noqa: T201 - `make test-crashes` shows it

    assert not played.failed, played.failures()
    assert played.missed_of(SCENARIOS[name].includes) == []
    assert len(played.missed) <= len(played.points) / 10, list(map(str, played.missed))
