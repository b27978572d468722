from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.models import VoiceSession, VoiceState
from sessions_app.services.stale import SweepResult, sweep_stale
from tests.factories import NOW, make_voice_state
from tests.sessions_app.live_rows import ago, make_session
from tests.sessions_app.sweeping import SECOND, TICK, sweep

if TYPE_CHECKING:
    from datetime import timedelta

pytestmark = pytest.mark.django_db


# Which sessions are stale ----------------------------------------------------------------------


def test_sweep_ends_a_session_without_a_checkpoint_by_estimate() -> None:
    session = make_session(last_seen_at=ago(400))

    result = sweep()

    session.refresh_from_db()
    assert result == SweepResult(ended=(session.pk,))
    assert (session.status, session.end_reason) == ("stale", "stale")
    assert session.ended_at == ago(400 - 120)
    assert session.end_uncertainty == 280
    assert session.last_seen_at == ago(400)
    assert session.visit.ended_at == session.ended_at


def test_sweep_leaves_a_session_that_was_seen_exactly_as_long_ago_as_allowed() -> None:
    at_the_limit = make_session(last_seen_at=ago(300))
    beyond = make_session(last_seen_at=ago(300) - TICK)

    result = sweep()

    assert result.ended == (beyond.pk,)
    at_the_limit.refresh_from_db()
    assert at_the_limit.status == "active"


@pytest.mark.parametrize("status", ["completed", "cancelled", "stale"])
def test_sweep_leaves_a_session_that_has_ended(status: str) -> None:
    session = make_session(
        status=status, ended_at=ago(1000), end_reason="left", last_seen_at=ago(1000)
    )
    before = VoiceSession.objects.values().get(pk=session.pk)

    result = sweep()

    assert result == SweepResult()
    assert VoiceSession.objects.values().get(pk=session.pk) == before


def test_sweep_again_finds_nothing() -> None:
    make_session()
    sweep()
    before = list(VoiceSession.objects.values())

    again = sweep(now=NOW + 60 * SECOND)

    assert again == SweepResult()
    assert list(VoiceSession.objects.values()) == before


# Where the end is ------------------------------------------------------------------------------


def test_sweep_ends_at_the_last_checkpoint_where_there_is_no_grace() -> None:
    session = make_session(last_seen_at=ago(400))

    sweep(grace=0)

    session.refresh_from_db()
    assert session.ended_at == ago(400)
    assert session.end_uncertainty == 400


def test_sweep_never_ends_a_session_later_than_now() -> None:
    session = make_session(last_seen_at=ago(11))

    sweep(stale_after=10, grace=120)

    session.refresh_from_db()
    assert session.ended_at == NOW
    assert session.end_uncertainty == 11


def test_sweep_ends_now_what_was_seen_by_a_clock_that_was_set_back_since() -> None:
    session = make_session(started_at=ago(-3000), entered_at=ago(-3000), last_seen_at=ago(-3500))
    longer = make_session(user_id=77, started_at=ago(60), last_seen_at=ago(-3500))

    result = sweep()

    assert set(result.ended) == {session.pk, longer.pk}
    for row, ended_at in ((session, ago(-3000)), (longer, NOW)):
        row.refresh_from_db()
        assert row.ended_at == ended_at
        assert row.end_uncertainty >= (row.last_seen_at - ended_at).total_seconds()


def test_sweep_never_ends_a_session_later_than_the_members_next_one() -> None:
    session = make_session(started_at=ago(3600), last_seen_at=ago(400))
    for started in (350, 200):
        make_session(
            user_id=session.user_id,
            started_at=ago(started),
            status="completed",
            ended_at=ago(started - 100),
            end_reason="left",
        )

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(350)
    assert session.end_uncertainty == 50


def test_sweep_does_not_end_a_session_for_one_that_is_no_next_one() -> None:
    session = make_session(started_at=ago(3600), last_seen_at=ago(400))
    ended: dict[str, Any] = {"ended_at": ago(300), "end_reason": "left"}
    make_session(started_at=ago(390), status="completed", **ended)  # another member
    make_session(
        user_id=session.user_id, guild_id=9, started_at=ago(390), status="completed", **ended
    )
    make_session(user_id=session.user_id, started_at=ago(390), status="cancelled", **ended)
    make_session(user_id=session.user_id, started_at=ago(3700), status="completed", **ended)

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(280)


@settings(max_examples=60)
@given(data=st.data())
def test_sweep_states_an_uncertainty_that_covers_the_truth_and_no_more_than_the_gap(
    data: st.DataObject,
) -> None:
    def seconds(least: float, most: float) -> st.SearchStrategy[timedelta]:
        return st.timedeltas(min_value=least * SECOND, max_value=most * SECOND)

    stale_after = data.draw(seconds(10, 600), "stale after")
    grace = data.draw(seconds(0, 120), "grace")
    gap = stale_after + TICK + data.draw(seconds(0, 86_400), "more")
    last_seen = NOW - gap
    true_end = last_seen + gap * data.draw(st.floats(0, 1), "true end")
    with transaction.atomic():
        session = make_session(started_at=last_seen - 60 * SECOND, last_seen_at=last_seen)

        sweep_stale(now=NOW, stale_after=stale_after, grace=grace)

        session.refresh_from_db()
        transaction.set_rollback(True)
    assert session.ended_at == min(last_seen + grace, NOW)
    assert abs(true_end - session.ended_at).total_seconds() <= session.end_uncertainty
    assert session.end_uncertainty <= gap.total_seconds()


# Stretches ---------------------------------------------------------------------------------------


def test_sweep_sums_stretches_cut_to_the_session_and_leaves_them_open() -> None:
    muted = [(ago(3700), ago(3500)), (ago(3000), ago(2990.5)), (ago(500), None)]
    alone = [(ago(390), ago(100))]
    afk = [(ago(100), None)]
    session = make_session(
        started_at=ago(3600), last_seen_at=ago(400), muted=muted, alone=alone, afk=afk
    )

    sweep()

    session.refresh_from_db()
    assert session.ended_at == ago(280)
    assert session.muted_seconds == 100 + 9.5 + 220
    assert session.alone_seconds == 110
    assert session.afk_seconds == 0
    assert session.camera_seconds == session.streaming_seconds == session.deafened_seconds == 0
    assert (session.muted, session.alone, session.afk) == (muted, alone, afk)


# The member's state -------------------------------------------------------------------------------


def test_sweep_leaves_the_voice_state_standing_but_it_is_live_no_more() -> None:
    ended = make_voice_state(make_session())
    going_on = make_voice_state(make_session(last_seen_at=NOW))

    sweep()

    assert set(VoiceState.objects.all()) == {ended, going_on}
    assert list(VoiceState.objects.live()) == [going_on]
