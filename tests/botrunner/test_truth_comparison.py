from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.domain.boundary_errors import percentile
from botrunner.domain.comparison import Comparison, Measure
from botrunner.domain.tracked_session import TrackedSession
from botrunner.domain.truth_comparison import compare
from botrunner.domain.truth_file import TrueStay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botrunner.domain.blind_gaps import Gap

GUILD, ANNA, LOUNGE, STAGE, CORNER = 1, 20, 300, 301, 302
SECOND = 1_000_000


def stay(channel: int, began: float, ended: float | None, *, user: int = ANNA) -> TrueStay:
    end = None if ended is None else round(ended * SECOND)
    return TrueStay(GUILD, user, channel, round(began * SECOND), end)


def session(channel: int, started: float, ended: float | None, **more: Any) -> TrackedSession:
    more.setdefault("status", "active" if ended is None else "completed")
    for name in ("start_uncertainty", "end_uncertainty"):
        more[name] = round(more.get(name, 0) * SECOND)
    end = None if ended is None else round(ended * SECOND)
    return TrackedSession(
        more.pop("id", "s"),
        more.pop("guild_id", GUILD),
        more.pop("user_id", ANNA),
        channel,
        started=round(started * SECOND),
        ended=end,
        **more,
    )


def compared(
    stays: list[TrueStay],
    sessions: list[TrackedSession],
    *,
    at: float = 1000,
    tolerance: float = 0.25,
    micro: float = 1,
    sight: float | None = None,
    gaps: Sequence[Gap] = (),
) -> Comparison:
    measure = Measure(
        at=round(at * SECOND),
        tolerance=round(tolerance * SECOND),
        micro=round(micro * SECOND),
        orphaned_after=60 * SECOND,
    )
    sights = {} if sight is None else {GUILD: round(sight * SECOND)}
    return compare(stays, sessions, measure, sights, gaps)


def test_a_move_tracked_as_it_was_is_without_fault() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100), stay(STAGE, 100, None)],
        [session(LOUNGE, 0.01, 100.02), session(STAGE, 100.02, None)],
    )

    assert result.true == 1000 * SECOND
    assert result.tracked == 999.99 * SECOND
    assert result.lost.raw == result.lost.rest == 0.03 * SECOND
    assert result.phantom.rest == 0.02 * SECOND
    assert result.lost.beyond == result.phantom.beyond == result.double == result.orphaned == 0
    assert result.boundaries.observed_starts == [10_000, 20_000]
    assert result.boundaries.observed_ends == [20_000]
    assert result.boundaries.outside == 0


def test_a_stay_without_a_session_is_lost() -> None:
    result = compared([stay(LOUNGE, 0, 100)], [])

    assert result.lost.raw == result.lost.rest == result.lost.beyond == 100 * SECOND
    assert [(piece.kind, piece.began, piece.ended) for piece in result.worst] == [
        ("lost", 0, 100 * SECOND)
    ]


def test_a_session_in_another_channel_is_both_lost_and_phantom() -> None:
    result = compared([stay(LOUNGE, 0, 100)], [session(STAGE, 0, 100)])

    assert result.lost.rest == result.phantom.rest == 100 * SECOND
    assert result.orphaned == 1
    assert result.orphans[0].why == "no stay of the member in that channel"


def test_two_sessions_at_once_count_twice_once() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100)],
        [session(LOUNGE, 0, 60), session(LOUNGE, 40, 100), session(LOUNGE, 45, 50)],
    )

    assert result.double == 20 * SECOND
    assert result.lost.rest == result.phantom.rest == 0


def test_an_active_session_of_one_who_left_is_an_orphan_after_a_while() -> None:
    stays = [stay(LOUNGE, 0, 900)]
    sessions = [session(LOUNGE, 0, None)]

    assert compared(stays, sessions, at=1000).orphaned == 1
    assert compared(stays, sessions, at=950).orphaned == 0
    assert compared(stays, sessions, at=950).phantom.beyond == 50 * SECOND


def test_a_micro_stay_gives_its_time_to_the_session_that_follows() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100), stay(STAGE, 100, 100.5), stay(CORNER, 100.5, 200)],
        [session(LOUNGE, 0, 100), session(CORNER, 100, 200)],
    )

    assert result.micro_stays == 1
    assert (result.lost.raw, result.lost.micro, result.lost.rest) == (500_000, 500_000, 0)
    assert (result.phantom.raw, result.phantom.micro, result.phantom.rest) == (500_000, 500_000, 0)
    assert max(result.boundaries.observed_starts) == 0


def test_a_micro_stay_whose_time_went_nowhere_is_lost() -> None:
    result = compared(
        [stay(STAGE, 100, 100.6), stay(CORNER, 100.6, 200)], [session(CORNER, 100.6, 200)]
    )

    assert result.lost.raw == result.lost.micro == 600_000
    assert result.lost.rest == 600_000


def test_a_micro_stay_that_was_kept_is_phantom() -> None:
    result = compared([stay(STAGE, 100, 100.5)], [session(STAGE, 100, 100.5)])

    assert result.phantom.raw == 0
    assert result.phantom.rest == 500_000


@pytest.mark.parametrize("end", [200, 200.5])
def test_the_last_micro_stay_of_a_visit_goes_with_or_without_its_time(end: float) -> None:
    result = compared(
        [stay(LOUNGE, 100, 200), stay(STAGE, 200, 200.5)], [session(LOUNGE, 100, end)]
    )

    assert result.lost.rest == result.phantom.rest == 0
    assert result.boundaries.observed_ends == [0]


@pytest.mark.parametrize(
    "sessions",
    [
        [session(LOUNGE, 0, 100), session(STAGE, 100, 101.1), session(CORNER, 101.1, 200)],
        [session(LOUNGE, 0, 100), session(CORNER, 100, 200)],
    ],
)
def test_about_the_limit_both_kept_and_dropped_are_right(sessions: list[TrackedSession]) -> None:
    result = compared(
        [stay(LOUNGE, 0, 100), stay(STAGE, 100, 101.1), stay(CORNER, 101.1, 200)], sessions
    )

    assert result.lost.rest == result.phantom.rest == 0


def test_leaving_and_coming_back_to_the_same_channel_are_two_visits() -> None:
    result = compared([stay(LOUNGE, 0, 0.5), stay(LOUNGE, 0.5, 100)], [session(LOUNGE, 0.5, 100)])

    assert result.lost.micro == 500_000
    assert result.lost.rest == 0


def test_an_inferred_end_is_wrong_only_beyond_its_uncertainty() -> None:
    honest = session(LOUNGE, 0, 90, end_uncertainty=10, status="stale")
    too_sure = session(LOUNGE, 0, 90, end_uncertainty=5, status="stale")

    within, beyond = (compared([stay(LOUNGE, 0, 100)], [row]) for row in (honest, too_sure))

    assert within.lost.rest == beyond.lost.rest == 10 * SECOND
    assert within.lost.beyond == 0
    assert beyond.lost.beyond == 4.75 * SECOND
    assert within.boundaries.inferred_ends == [10 * SECOND]
    assert (within.boundaries.outside, beyond.boundaries.outside) == (0, 1)


def test_a_channel_passed_unseen_lies_within_the_uncertainty_around_it() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100), stay(STAGE, 100, 110), stay(CORNER, 110, 200)],
        [
            session(LOUNGE, 0, 105, end_uncertainty=15),
            session(CORNER, 105, 200, start_uncertainty=15),
        ],
    )

    assert result.lost.rest == 10 * SECOND
    assert result.lost.beyond == result.phantom.beyond == 0


def test_truth_from_before_the_guilds_first_sight_is_only_counted() -> None:
    result = compared(
        [stay(LOUNGE, 0, 40), stay(STAGE, 40, 200)],
        [session(STAGE, 50, 200, is_first_sight=True)],
        sight=50,
    )

    assert result.before_sight == 50 * SECOND
    assert result.true == 150 * SECOND
    assert result.lost.raw == result.phantom.raw == 0
    assert result.boundaries.first_sights == 1
    assert result.boundaries.observed_starts == []


def test_what_precedes_a_session_at_first_sight_is_neither_lost_nor_beyond() -> None:
    result = compared([stay(LOUNGE, 0, 200)], [session(LOUNGE, 50, 200, is_first_sight=True)])

    assert result.before_sight == 50 * SECOND
    assert result.lost.raw == result.lost.rest == 0


def test_what_staff_changed_is_set_aside() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100), stay(LOUNGE, 200, 300)],
        [
            session(LOUNGE, 0, 60, end_reason="corrected"),
            session(LOUNGE, 200, 300, status="cancelled"),
            session(STAGE, 400, 500, end_reason="imported"),
        ],
    )

    assert result.left_out == {"corrected": 1, "cancelled": 1, "imported": 1}
    assert result.set_aside == 200 * SECOND
    assert result.sessions == result.tracked == result.lost.raw == result.phantom.raw == 0


def test_guilds_that_the_truth_does_not_know_are_ignored() -> None:
    result = compared([stay(LOUNGE, 0, 100)], [session(LOUNGE, 0, 100, guild_id=9)])

    assert result.ignored == 1
    assert result.sessions == 0


def test_what_was_over_before_the_truth_begins_is_ignored() -> None:
    result = compared(
        [stay(LOUNGE, 100, 200)], [session(LOUNGE, 10, 90), session(LOUNGE, 100, 200)]
    )

    assert result.ignored == 1
    assert result.phantom.raw == 0


def test_what_began_or_ended_in_the_last_moment_is_no_error() -> None:
    result = compared(
        [stay(LOUNGE, 0, 999.9), stay(STAGE, 999.9, None), stay(LOUNGE, 999.8, None, user=21)],
        [session(LOUNGE, 0, None)],
    )

    assert result.lost.raw == result.lost.rest == 0
    assert result.phantom.raw == result.phantom.rest == result.orphaned == 0


def test_a_bounce_back_into_the_channel_is_measured_against_its_own_stay() -> None:
    result = compared(
        [stay(LOUNGE, 0, 10), stay(LOUNGE, 10.002, 600)],
        [session(LOUNGE, 0, 10.003), session(LOUNGE, 10.005, 600)],
    )

    assert result.boundaries.observed_starts == [0, 3000]
    assert sorted(result.boundaries.observed_ends) == [0, 3000]


def test_a_session_over_two_stays_has_the_first_start_and_the_last_end() -> None:
    result = compared([stay(LOUNGE, 0, 10), stay(LOUNGE, 20, 100)], [session(LOUNGE, 1, 98)])

    assert result.boundaries.observed_starts == [SECOND]
    assert result.boundaries.observed_ends == [2 * SECOND]
    assert result.phantom.rest == 10 * SECOND


def test_a_stay_split_in_two_has_no_boundary_between() -> None:
    result = compared(
        [stay(LOUNGE, 0, 100)],
        [session(LOUNGE, 1, 50, end_reason="capped"), session(LOUNGE, 50, 98)],
    )

    assert result.boundaries.observed_starts == [SECOND]
    assert result.boundaries.observed_ends == [2 * SECOND]


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = list(range(1, 101))

    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([7], 0.5) == 7
    assert percentile([], 0.5) == 0


def test_many_stays_of_one_member_take_no_quadratic_time() -> None:
    count = 30_000
    stays = [stay(LOUNGE + index % 3, index * 10, index * 10 + 10) for index in range(count)]
    sessions = [session(LOUNGE + index % 3, index * 10, index * 10 + 10) for index in range(count)]
    began = time.perf_counter()

    result = compared(stays, [*sessions, session(LOUNGE, 0, count * 10)], at=count * 10)

    assert result.lost.raw == 0
    assert time.perf_counter() - began < 10
