"""Eight weeks of a community, from Discord to participation, against what really happened."""

from __future__ import annotations

import os
import random
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.botrunner.season.conftest import SEASON
from tests.botrunner.season.plot import WEEKLY, play_season
from tests.botrunner.season.stage import staged
from tests.botrunner.season.story import FIRST, Season

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# With SEASON_SEEDS=20: twenty seasons, each also with a bot that is not told of members.
SEEDS = int(os.environ.get("SEASON_SEEDS", "0"))
# In the fourth somebody is alone for a while of which Discord tells afterwards.
CASES = [(4, True), *((seed, intent) for seed in range(1, SEEDS + 1) for intent in (True, False))]
MEMBERS = 14


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("seed", "intent"), dict.fromkeys(CASES))
async def test_participation_is_what_really_happened_for_eight_weeks(
    seed: int, intent: bool, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    start = (FIRST - timedelta(days=3)).astimezone(UTC)

    async with staged(
        seed, start=start, members=MEMBERS, has_intent=intent, folder=tmp_path
    ) as stage:
        season = Season(stage, random.Random(seed))
        await play_season(season)

    figures = season.judge.figures
    told = "with" if intent else "without"
    record_property(
        SEASON,
        f"seed {seed}, {told} the members intent: {len(WEEKLY)} weeks, "
        f"{len(stage.truth.people())} members, {stage.deeds} deeds, {figures.rows} rows, "
        f"{figures.exact} of them exact, {figures.seconds:,.0f} s compared, "
        f"{figures.unsure:,.0f} s stated as unsure, off by {figures.off:.3f} s, "
        f"beyond what is stated by {figures.outside:.3f} s",
    )
    assert not figures.wrong, "\n".join(figures.wrong)
    assert figures.rows > 10 * len(WEEKLY)
    # Without the intent hardly anybody's roles are known to the second.
    assert figures.exact > (figures.rows / 2 if intent else 0)
    assert figures.links > (10 * len(WEEKLY) if intent else 0)
