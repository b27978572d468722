from __future__ import annotations

import pytest

from events_app.domain.states import Life, state_at, state_of
from tests.factories import at


@pytest.mark.parametrize(
    ("minutes", "state"),
    [(-1, "scheduled"), (0, "live"), (59, "live"), (60, "ended"), (61, "ended")],
)
def test_the_window_has_its_start_and_not_its_end(minutes: float, state: str) -> None:
    assert state_at(at(0), at(60), now=at(minutes)) == state


@pytest.mark.parametrize(
    ("state", "life"),
    [
        ("draft", Life.DRAFT),
        ("scheduled", Life.ON),
        ("live", Life.ON),
        ("ended", Life.ON),
        ("cancelled", Life.CANCELLED),
    ],
)
def test_people_decide_of_drafts_and_cancelling_alone(state: str, life: Life) -> None:
    assert Life.of(state) is life
    assert state_of(life, starts_at=at(0), ends_at=at(60), now=at(30)) == (
        "live" if life is Life.ON else state
    )
