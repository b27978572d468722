"""What ``/metrics`` says of sessions, of blind gaps and of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from community.models import JobRun
from sessions_app.models import BlindGap, EndReason, SessionStatus, VoiceSession
from sessions_app.services.self_check import CHECK_BOOKS
from tests.community.api.scrapes import labels, scrape
from tests.factories import NOW, at, make_session_of, make_voice_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

VOICE = labels(kind="voice")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def session(user_id: int, *, guild_id: int = 1, **fields: Any) -> VoiceSession:
    return make_session_of(user_id, guild_id=guild_id, channel_id=3, **fields)


def stale(user_id: int, *, minutes: float, reason: str = EndReason.STALE) -> VoiceSession:
    return session(
        user_id,
        started_at=at(-600),
        ended_at=at(minutes),
        status=SessionStatus.STALE,
        end_reason=reason,
    )


def test_sessions_are_told_in_counts(settings: Settings) -> None:
    settings.CHECKPOINT_SECONDS = 60.0
    for user_id, guild_id, seen in ((1, 1, 0), (1, 2, -3), (2, 1, -3.1)):
        live = session(user_id, guild_id=guild_id, ended_at=None, last_seen_at=at(seen))
        make_voice_state(live)
    make_voice_state(stale(3, minutes=-59))
    stale(4, minutes=-61)
    stale(5, minutes=-1, reason=EndReason.IMPORTED)
    session(6)

    samples = scrape()

    assert samples["rollcall_sessions_active"] == {VOICE: 3}
    assert samples["rollcall_sessions_overdue"] == {VOICE: 1}
    assert samples["rollcall_sessions_stale"] == {VOICE: 1}
    assert samples["rollcall_members_active"] == {VOICE: 2}
    assert samples["rollcall_voice_states"] == {labels(): 3}


def test_blind_gaps_are_told_by_cause_and_the_last_one() -> None:
    for start, end, cause, is_replayed in (
        (-90, -80, "bot_down", False),
        (-70, -69, "connection_lost", True),
        (-50, -47, "connection_lost", False),
        (-60, -59, "connection_lost", False),
    ):
        BlindGap.objects.create(
            guild_id=1, began_at=at(start), ended_at=at(end), cause=cause, is_replayed=is_replayed
        )

    samples = scrape()

    assert samples["rollcall_blind_gaps_total"] == {
        labels(cause="bot_down", replayed="false"): 1,
        labels(cause="connection_lost", replayed="true"): 1,
        labels(cause="connection_lost", replayed="false"): 2,
    }
    assert samples["rollcall_blind_gap_last_age_seconds"] == {labels(): 47 * 60}
    assert samples["rollcall_blind_gap_last_seconds"] == {labels(): 180}


def test_the_books_are_told_by_their_latest_check_that_completed() -> None:
    JobRun.objects.create(
        job=CHECK_BOOKS,
        started_at=at(-6),
        finished_at=at(-5),
        found=3,
        outcome={
            "wrong": {"overlap": 1, "sum": 2, "visit": 0},
            "passed_at": {"sessions": at(-300).isoformat()},
        },
    )
    JobRun.objects.create(
        job=CHECK_BOOKS, started_at=at(-1), finished_at=NOW, error="x", outcome={}
    )

    samples = scrape()

    assert samples["rollcall_books_wrong_rows"] == {
        labels(kind="overlap"): 1,
        labels(kind="sum"): 2,
        labels(kind="visit"): 0,
    }
    assert samples["rollcall_books_checked_age_seconds"] == {labels(): 360}
    assert samples["rollcall_books_passed_age_seconds"] == {labels(part="sessions"): 300 * 60}


def test_what_never_was_is_left_out() -> None:
    samples = scrape()

    assert samples["rollcall_sessions_active"] == {VOICE: 0}
    for name in ("blind_gaps_total", "blind_gap_last_seconds", "books_wrong_rows"):
        assert f"rollcall_{name}" not in samples
