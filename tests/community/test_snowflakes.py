from __future__ import annotations

from datetime import UTC, datetime

from community.domain.snowflakes import DISCORDS_BEGINNING, issued_at


def test_an_id_tells_when_it_was_issued() -> None:
    # The example of Discord's reference.
    assert issued_at(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)
    assert issued_at((1 << 22) - 1) == DISCORDS_BEGINNING
