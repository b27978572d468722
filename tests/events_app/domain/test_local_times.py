from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events_app.domain.local_times import instant_of, resolve, wall_of, zone_named
from events_app.domain.problems import Problem
from tests.events_app.planned import BERLIN, SANTIAGO, utc

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

walls = st.datetimes(datetime(2015, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 - on the wall
zones = st.sampled_from(["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "UTC"])


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        (BERLIN, "2026-07-01T20:00", utc(2026, 7, 1, 18)),
        (BERLIN, "2026-12-01T20:00", utc(2026, 12, 1, 19)),
        # Just before and just after the hour that is missing.
        (BERLIN, "2026-03-29T01:59", utc(2026, 3, 29, 0, 59)),
        (BERLIN, "2026-03-29T03:00", utc(2026, 3, 29, 1)),
        # Shown twice: the first is meant.
        (BERLIN, "2026-10-25T02:30", utc(2026, 10, 25, 0, 30)),
        (BERLIN, "2026-10-25T03:00", utc(2026, 10, 25, 2)),
        # The southern half: summer time begins in September and ends in April, at midnight.
        (SANTIAGO, "2026-09-06T01:00", utc(2026, 9, 6, 4)),
        (SANTIAGO, "2026-04-04T23:30", utc(2026, 4, 5, 2, 30)),
    ],
)
def test_a_time_on_the_wall_is_an_instant(zone: ZoneInfo, local: str, instant: datetime) -> None:
    assert instant_of(wall(local), zone, field="starts_at") == instant


@pytest.mark.parametrize(
    ("zone", "local", "message"),
    [
        (
            BERLIN,
            "2026-03-29T02:30",
            "In Europe/Berlin there is no 02:30 on 2026-03-29: the clocks go forward over it.",
        ),
        (
            SANTIAGO,
            "2026-09-06T00:00",
            "In America/Santiago there is no 00:00 on 2026-09-06: the clocks go forward over it.",
        ),
    ],
)
def test_a_time_that_the_wall_never_shows_is_refused(
    zone: ZoneInfo, local: str, message: str
) -> None:
    refused = instant_of(wall(local), zone, field="ends_at")

    assert refused == Problem("ends_at", "no_such_time", message)


def test_a_time_at_the_calendars_edge_is_refused() -> None:
    refused = [
        instant_of(wall(local), BERLIN, field="starts_at")
        for local in ("0001-01-01T00:00", "9999-12-31T23:59")
    ]

    assert isinstance(refused[0], Problem)
    assert (refused[0].field, refused[0].code) == ("starts_at", "out_of_range")


def test_a_time_with_a_zone_of_its_own_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no zone of its own"):
        resolve(utc(2026, 1, 1), BERLIN)


def test_a_missing_time_moves_forward_by_what_is_missing() -> None:
    assert resolve(wall("2026-03-29T02:30"), BERLIN) == utc(2026, 3, 29, 1, 30)
    assert wall_of(utc(2026, 3, 29, 1, 30), BERLIN) == wall("2026-03-29T03:30")


@given(walls, zones)
def test_the_wall_shows_at_the_instant_what_was_asked_for(local: datetime, name: str) -> None:
    zone = zone_named(name)
    assert zone is not None

    instant = instant_of(local, zone, field="starts_at")

    moved = wall_of(resolve(local, zone), zone) - local
    if isinstance(instant, Problem):
        assert instant.code == "no_such_time"
        assert timedelta(0) < moved <= timedelta(hours=1)
    else:
        assert moved == timedelta(0)
        # Of two such instants it is the first.
        assert all(
            wall_of(instant - timedelta(minutes=minutes), zone) != local
            for minutes in (30, 60, 120)
        )


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "Mars/Phobos", "localtime", "Factory", "/etc/localtime", "a\0b", "\ud800"],
)
def test_there_is_no_zone_of_another_name(name: str) -> None:
    assert zone_named(name) is None
