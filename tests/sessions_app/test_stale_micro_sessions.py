"""Stays that were too short to keep, wherever they ended."""

from __future__ import annotations

from typing import Any

import pytest

from sessions_app.models import Visit, VoiceSession, VoiceState
from sessions_app.services.stale import SweepResult
from tests.factories import make_voice_state
from tests.sessions_app.live_rows import ago, make_guild, make_session
from tests.sessions_app.sweeping import TICK, sweep

pytestmark = pytest.mark.django_db

ENDED_BEFORE: dict[str, Any] = {"status": "completed", "end_reason": "moved"}


def test_sweep_drops_a_stay_that_was_too_short_with_its_visit_and_state() -> None:
    make_guild(micro_session_seconds=60)
    session = make_session(started_at=ago(59), last_seen_at=ago(20))
    make_voice_state(session)

    result = sweep(stale_after=10)

    assert result == SweepResult(dropped=(session.pk,))
    assert not VoiceSession.objects.exists()
    assert not Visit.objects.exists()
    assert not VoiceState.objects.exists()


def test_sweep_keeps_a_stay_that_may_just_have_been_long_enough() -> None:
    make_guild(micro_session_seconds=60)
    kept = make_session(started_at=ago(60), last_seen_at=ago(20))
    dropped = make_session(started_at=ago(60) + TICK, last_seen_at=ago(20))

    assert sweep(stale_after=10, grace=0) == SweepResult(ended=(kept.pk,), dropped=(dropped.pk,))


def test_sweep_keeps_a_stay_of_one_frame_that_may_have_lasted_for_hours() -> None:
    """The bot died when they had just come: nothing tells that they left."""
    session = make_session(started_at=ago(7200), last_seen_at=ago(7200))

    result = sweep(grace=0)

    session.refresh_from_db()
    assert result == SweepResult(ended=(session.pk,))
    assert (session.ended_at, session.end_uncertainty) == (ago(7200), 7200)


def test_sweep_drops_a_stay_that_the_members_next_one_cut_short() -> None:
    cut = make_session(started_at=ago(400), last_seen_at=ago(400))
    next_start = ago(399.5)
    make_session(
        user_id=cut.user_id,
        started_at=next_start,
        ended_at=ago(350),
        last_seen_at=ago(350),
        **ENDED_BEFORE,
    )

    assert sweep() == SweepResult(dropped=(cut.pk,))


def test_sweep_counts_the_doubt_about_a_start_unless_that_start_was_inherited() -> None:
    make_guild(micro_session_seconds=60)
    doubtful: dict[str, Any] = {
        "start_kind": "inferred",
        "start_uncertainty": 30.0,
        "last_seen_at": ago(20),
    }
    own = make_session(started_at=ago(40), **doubtful)
    inherited = make_session(started_at=ago(41), entered_at=ago(40), **doubtful)

    result = sweep(stale_after=10)

    assert result == SweepResult(ended=(own.pk,), dropped=(inherited.pk,))


def test_sweep_measures_a_stay_from_its_entry_not_from_the_time_it_inherited() -> None:
    make_guild(micro_session_seconds=60)
    inherited = make_session(started_at=ago(900), entered_at=ago(30), last_seen_at=ago(20))
    split = make_session(started_at=ago(30), entered_at=ago(900), last_seen_at=ago(20))

    result = sweep(stale_after=10)

    assert result == SweepResult(ended=(split.pk,), dropped=(inherited.pk,))


def test_sweep_keeps_the_default_limit_for_a_guild_that_is_not_mirrored() -> None:
    session = make_session(started_at=ago(0.5), last_seen_at=ago(0.4))
    other = make_session(started_at=ago(1), last_seen_at=ago(0.4))

    result = sweep(stale_after=0.3)

    assert result == SweepResult(ended=(other.pk,), dropped=(session.pk,))


def test_sweep_ends_the_visit_of_a_dropped_stay_with_the_last_one_kept() -> None:
    make_guild(micro_session_seconds=60)
    first = make_session(started_at=ago(2000), ended_at=ago(1000), channel_id=1, **ENDED_BEFORE)
    second = make_session(
        visit=first.visit, started_at=ago(1000), ended_at=ago(30), channel_id=2, **ENDED_BEFORE
    )
    dropped = make_session(
        visit=first.visit, started_at=ago(30), last_seen_at=ago(20), channel_id=3
    )
    Visit.objects.filter(pk=first.visit_id).update(ended_at=None, last_channel_id=3)

    result = sweep(stale_after=10)

    visit = Visit.objects.get()
    assert result.dropped == (dropped.pk,)
    assert set(VoiceSession.objects.all()) == {first, second}
    assert (visit.ended_at, visit.first_channel_id, visit.last_channel_id) == (ago(30), 1, 2)
