from __future__ import annotations

from datetime import UTC, datetime

from community.domain.snowflakes import DISCORDS_BEGINNING, first_issued_at, issued_at


def test_an_id_tells_when_it_was_issued() -> None:
    # The example of Discord's reference.
    assert issued_at(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)
    assert issued_at((1 << 22) - 1) == DISCORDS_BEGINNING


def test_the_first_id_of_an_instant_is_the_smallest_that_was_issued_then() -> None:
    at = datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)

    first = first_issued_at(at)

    assert issued_at(first) == at
    assert issued_at(first - 1) < at
    assert first_issued_at(datetime(2014, 1, 1, tzinfo=UTC)) == 0
