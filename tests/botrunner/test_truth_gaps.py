"""What of a member's time may be wrong because of a blind gap, and what may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.blind_gaps import Gap
from botrunner.domain.comparison_report import Limits, verdicts
from tests.botrunner.test_truth_comparison import (
    ANNA,
    CORNER,
    GUILD,
    LOUNGE,
    SECOND,
    STAGE,
    compared,
    session,
    stay,
)

if TYPE_CHECKING:
    from botrunner.domain.comparison import Comparison

BELA, BALCONY = 21, 303


def gap(began: float, ended: float, *, user: int | None = None, **more: Any) -> Gap:
    guild_id = more.pop("guild_id", GUILD)
    return Gap(guild_id, user, round(began * SECOND), round(ended * SECOND), **more)


def wrong(result: Comparison) -> tuple[float, float]:
    """Gives the seconds that nothing states, and those that no gap allows."""
    beyond = result.lost.beyond + result.phantom.beyond
    return beyond / SECOND, result.gaps.excess / SECOND


def test_a_stay_within_a_gap_is_lost_and_not_beyond_it() -> None:
    result = compared([stay(LOUNGE, 110, 150)], [], gaps=[gap(100, 160)])

    assert result.lost.raw == result.lost.rest == result.lost.in_gaps == 40 * SECOND
    assert wrong(result) == (0, 0)
    # The truth of the file begins with its first stay.
    assert (result.gaps.rows, result.gaps.length) == (1, 50 * SECOND)
    assert (result.gaps.changed, result.gaps.allowed) == (1, 50 * SECOND)


@pytest.mark.parametrize(
    "other",
    [
        gap(100, 160, is_replayed=True),
        gap(100, 160, guild_id=9),
        gap(100, 160, user=BELA),
        gap(100, 108),
        gap(152, 160),
    ],
)
def test_a_gap_that_was_replayed_or_of_others_or_at_another_time_allows_nothing(
    other: Gap,
) -> None:
    result = compared([stay(LOUNGE, 110, 150)], [], gaps=[other])

    assert wrong(result) == (40, 0)


def test_a_gap_of_one_member_allows_what_is_wrong_with_them() -> None:
    stays = [stay(LOUNGE, 110, 150), stay(LOUNGE, 110, 150, user=BELA)]

    result = compared(stays, [], gaps=[gap(100, 160, user=ANNA)])

    assert wrong(result) == (40, 0)
    assert [piece.user_id for piece in result.worst] == [BELA]
    assert (result.gaps.rows, result.gaps.of_members) == (0, 1)


def test_the_tolerance_widens_a_gap() -> None:
    result = compared(
        [stay(LOUNGE, 0, 400), stay(LOUNGE, 99.9, 160.1, user=BELA)],
        [session(LOUNGE, 0, 400)],
        gaps=[gap(100, 160)],
    )

    assert result.lost.rest == round(60.2 * SECOND)
    assert result.lost.in_gaps == 60 * SECOND
    assert wrong(result) == (0, 0)


def test_an_errand_to_another_channel_in_a_gap_leaves_no_trace_and_is_allowed() -> None:
    result = compared(
        [stay(LOUNGE, 0, 110), stay(STAGE, 110, 150), stay(LOUNGE, 150, 300)],
        [session(LOUNGE, 0, 300)],
        gaps=[gap(100, 160)],
    )

    assert result.lost.rest == result.phantom.rest == 40 * SECOND
    assert wrong(result) == (0, 0)


def test_after_errands_in_gaps_the_boundaries_are_those_of_the_outermost_stays() -> None:
    result = compared(
        [stay(LOUNGE, 90, 130), stay(LOUNGE, 180, 300), stay(LOUNGE, 340, 430)],
        [session(LOUNGE, 120, 360, start_uncertainty=40, end_uncertainty=70)],
        gaps=[gap(80, 120), gap(125, 190), gap(290, 350), gap(360, 430)],
    )

    assert result.boundaries.inferred_starts == [30 * SECOND]
    assert result.boundaries.inferred_ends == [70 * SECOND]
    assert result.boundaries.outside == 0
    assert wrong(result) == (0, 0)


@pytest.mark.parametrize(("uncertainty", "beyond"), [(60, 0), (0, 60 - 2 * 0.25)])
def test_whoever_did_not_change_in_a_gap_has_nothing_wrong_in_it_whatever_the_rows_state(
    uncertainty: float, beyond: float
) -> None:
    result = compared(
        [stay(LOUNGE, 0, 300), stay(STAGE, 110, 150, user=BELA)],
        [
            session(LOUNGE, 0, 100, end_uncertainty=uncertainty, end_reason="recovered"),
            session(LOUNGE, 160, 300, start_uncertainty=uncertainty),
        ],
        gaps=[gap(100, 160)],
    )

    assert wrong(result) == (beyond, 60 - 2 * 0.25)
    assert [(piece.kind, piece.user_id) for piece in result.excesses] == [("lost", ANNA)]


def test_an_inferred_end_is_wrong_by_no_more_than_the_gap() -> None:
    result = compared(
        [stay(LOUNGE, 0, 110)],
        [session(LOUNGE, 0, 70, end_uncertainty=60, end_reason="recovered")],
        gaps=[gap(70, 80), gap(100, 130)],
    )

    assert wrong(result) == (0, 30 - 2 * 0.25)


def test_an_end_by_estimate_has_its_own_uncertainty() -> None:
    result = compared(
        [stay(LOUNGE, 0, 110)],
        [session(LOUNGE, 0, 72, end_uncertainty=60, status="stale")],
        gaps=[gap(70, 80), gap(100, 130)],
    )

    assert wrong(result) == (0, 0)


def test_what_was_seen_of_a_stay_for_less_than_a_micro_session_goes_with_the_gap() -> None:
    before = [stay(LOUNGE, 99.3, 110)]
    after_another = [stay(STAGE, 98.6, 99.3), stay(LOUNGE, 99.3, 110)]
    after = [stay(LOUNGE, 150, 160.8), stay(STAGE, 160.8, 300)]
    longer = [stay(LOUNGE, 98, 110)]

    for stays, sessions, expected in (
        (before, [], (0, 0)),
        (after_another, [], (0, 0)),
        (after, [session(STAGE, 160, 300, start_uncertainty=60)], (0, 0)),
        (longer, [], (1.75, 0)),
    ):
        truth = [stay(CORNER, 0, 400, user=BELA), *stays]
        tracked = [session(CORNER, 0, 400, user_id=BELA), *sessions]
        assert wrong(compared(truth, tracked, gaps=[gap(100, 160)])) == expected


def test_a_micro_session_that_a_gap_made_long_may_be_kept() -> None:
    result = compared(
        [stay(LOUNGE, 0, 99.9), stay(STAGE, 99.9, 100.2), stay(CORNER, 100.2, 300)],
        [
            session(LOUNGE, 0, 99.9),
            session(STAGE, 99.9, 160, end_uncertainty=60, end_reason="recovered"),
            session(CORNER, 160, 300, start_uncertainty=60),
        ],
        gaps=[gap(100, 160)],
    )

    assert wrong(result) == (0, 0)
    assert result.boundaries.outside == 0
    assert result.micro_stays == 0


def test_a_session_of_what_was_seen_of_a_stay_after_a_gap_is_where_its_time_belongs() -> None:
    stays = [stay(CORNER, 118, 118.9), stay(STAGE, 118.9, 120.08), stay(LOUNGE, 120.08, None)]
    # All of the stay on the stage but its end lies in the gap.
    sessions = [
        session(STAGE, 120.02, 120.08, start_uncertainty=20.02),
        session(LOUNGE, 120.08, None),
    ]

    result = compared(stays, sessions, gaps=[gap(100, 120.02)])

    assert result.boundaries.observed_starts == [0]
    assert result.boundaries.outside == 0
    assert wrong(result) == (0, 0)


def test_a_session_of_one_moment_stands_for_a_stay_whose_rest_was_not_seen() -> None:
    stays = [
        stay(STAGE, 0, 99.999),
        stay(LOUNGE, 99.999, 100.953),  # by its length none to be kept; nobody saw that
        stay(LOUNGE, 103.3, 300),
    ]
    sessions = [
        session(STAGE, 0, 100),
        session(LOUNGE, 100, 100, end_uncertainty=5, end_reason="recovered"),
        session(LOUNGE, 105, 300, start_uncertainty=5),
    ]

    result = compared(stays, sessions, gaps=[gap(100, 105)])

    assert result.boundaries.outside == 0
    assert result.micro_stays == 0
    assert wrong(result) == (0, 0)


def test_short_stays_that_were_heard_late_may_be_kept_where_they_were_heard() -> None:
    stays = [
        stay(CORNER, 0, 34),
        stay(STAGE, 34, 34.4),
        stay(LOUNGE, 34.4, 34.8),
        stay(STAGE, 34.8, 35.22),
        stay(BALCONY, 35.22, 35.29),
        stay(STAGE, 35.29, 35.38),
        stay(LOUNGE, 35.38, 35.5),
        stay(CORNER, 35.5, 60),
    ]
    # The process stood still from 35.25 to 36.2, and heard of all that at once.
    late: dict[str, Any] = {"start_uncertainty": 0.95, "end_uncertainty": 0.95}
    sessions = [
        session(CORNER, 0, 34),
        session(BALCONY, 34, 36.2, end_uncertainty=0.95),
        session(STAGE, 36.2, 36.201, **late),
        session(LOUNGE, 36.201, 36.202, **late),
        session(CORNER, 36.202, 60, start_uncertainty=0.952),
    ]

    result = compared(stays, sessions)

    assert result.boundaries.outside == 0
    assert result.lost.beyond == result.phantom.beyond == 0
    assert result.micro_stays == 3


def test_while_the_bot_was_not_in_the_guild_nobody_is_expected() -> None:
    stays = [stay(LOUNGE, 0, 300), stay(STAGE, 0, 130, user=BELA)]
    sessions = [
        session(LOUNGE, 0, 100, end_reason="bot_removed"),
        session(LOUNGE, 160, 300, start_uncertainty=60),
        session(STAGE, 0, 100, end_reason="bot_removed", user_id=BELA),
    ]

    removed = compared(stays, sessions, gaps=[gap(100, 160, cause="bot_removed")])
    away = compared(stays, sessions, gaps=[gap(100, 160, cause="bot_down")])

    assert wrong(removed) == (0, 0)
    assert removed.boundaries.outside == 0
    assert wrong(away)[1] == 60 - 2 * 0.25  # Anna's: Bela left
    assert (removed.gaps.changed, removed.gaps.allowed) == (2, 120 * SECOND)


def test_gaps_are_counted_by_cause_and_overlapping_ones_measured_once() -> None:
    result = compared(
        [stay(LOUNGE, 0, 500)],
        [session(LOUNGE, 0, 500)],
        gaps=[
            gap(100, 160, cause="bot_down"),
            gap(150, 200, cause="guild_outage"),
            gap(300, 310, user=ANNA, cause="event_missed"),
            gap(400, 450, is_replayed=True, cause="connection_lost"),
            gap(-90, -50, cause="bot_down"),
            gap(990, 1200, cause="bot_down"),
        ],
    )

    gaps = result.gaps
    assert (gaps.rows, gaps.of_members, gaps.replayed) == (3, 1, 1)
    assert gaps.causes == {
        "bot_down": 2,
        "guild_outage": 1,
        "event_missed": 1,
        "connection_lost": 1,
    }
    assert (gaps.length, gaps.length_of_members) == (110 * SECOND, 10 * SECOND)
    assert (gaps.changed, gaps.allowed, gaps.excess) == (0, 0, 0)


def test_a_session_that_ends_before_it_starts_is_counted() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100)],
        [session(LOUNGE, 0, 100), session(LOUNGE, 50, 40), session(LOUNGE, 60, -5)],
    )

    assert result.negative == 2
    assert [each.what for each in verdicts(result, Limits()) if not each.holds] == [
        "sessions that end before they start"
    ]
    assert result.lost.rest == result.phantom.rest == result.double == 0
