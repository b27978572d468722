"""How the times of an older system are read."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.import_refusals import RefusedRowError
from sessions_app.domain.import_times import TimeReader

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
BERLIN = TimeReader(ZoneInfo("Europe/Berlin"))
NO_ZONE = TimeReader()


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00+00:00",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01 08:00:00-0400",
        "2024-05-01 12:00:00+00",
        "2024-05-01 12:00:00.000000000Z",
        "20240501T120000Z",
        " 2024-05-01T12:00Z ",
        "2024-05-01 12:00:00 UTC",
        "2024-05-01 12:00:00 +0000",
        "2024-05-01 14:00:00 +0200",
        "2024-05-01 12:00:00 +0000 UTC",
        "1714564800",
        "1714564800.0",
        "1714564800000",
        "1714564800000.0",
        1714564800,
        1714564800.0,
        1714564800000,
    ],
)
def test_every_way_to_write_an_instant_is_read_as_the_same(value: object) -> None:
    moment = NO_ZONE.read(value, "started_at")

    assert moment == NOON
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("value", ["2024-05-01 14:00:00", "2024-05-01T14:00", "20240501T140000"])
def test_time_without_a_zone_is_read_in_the_one_that_is_given(value: str) -> None:
    assert BERLIN.read(value, "started_at") == NOON


def test_zone_of_the_time_itself_goes_before_the_one_that_is_given() -> None:
    assert BERLIN.read("2024-05-01 12:00:00 UTC", "started_at") == NOON
    assert BERLIN.read("1714564800", "started_at") == NOON


def test_fractions_are_kept_to_the_microsecond() -> None:
    half = NOON.replace(microsecond=500_001)

    assert NO_ZONE.read("2024-05-01T12:00:00.500001Z", "ended_at") == half
    assert NO_ZONE.read("1714564800.500001", "ended_at") == half
    assert NO_ZONE.read(1714564800500.001, "ended_at") == half


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("yesterday", "unreadable_time"),
        ("2024-05-01", "unreadable_time"),
        ("2024-13-01T12:00:00Z", "unreadable_time"),
        ("0000-00-00 00:00:00", "unreadable_time"),
        ("01/05/2024 12:00", "unreadable_time"),
        ("0001-01-01T00:00:00+14:00", "unreadable_time"),
        ("99999999999999999999", "unreadable_time"),
        (float("nan"), "unreadable_time"),
        (float("inf"), "unreadable_time"),
        (10**400, "unreadable_time"),
        (True, "unreadable_time"),
        (["2024-05-01T12:00:00Z"], "unreadable_time"),
        ("2024-05-01T12:00:00", "no_time_zone"),
    ],
)
def test_what_is_no_instant_is_refused(value: object, code: str) -> None:
    with pytest.raises(RefusedRowError) as caught:
        NO_ZONE.read(value, "started_at")

    assert caught.value.code == code
    assert "started_at" in str(caught.value)


def test_hour_that_clocks_skipped_or_had_twice_is_refused() -> None:
    with pytest.raises(RefusedRowError) as skipped:
        BERLIN.read("2024-03-31 02:30:00", "started_at")
    with pytest.raises(RefusedRowError) as twice:
        BERLIN.read("2024-10-27 02:30:00", "started_at")

    assert skipped.value.code == "no_such_time"
    assert twice.value.code == "ambiguous_time"
    assert "Europe/Berlin" in str(twice.value)
    assert BERLIN.read("2024-10-27 02:30:00+01:00", "started_at").hour == 1


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_any_value_is_read_or_refused(value: object) -> None:
    try:
        shown = str(BERLIN.read(value, "started_at").utcoffset())
    except RefusedRowError as error:
        shown = str(error)

    assert shown == "0:00:00" or (shown.isascii() and "started_at" in shown)
