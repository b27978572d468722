"""The families of metrics that tell of sessions, of blind gaps and of the books."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from sessions_app.services.measures import measure_gaps, measure_sessions
from sessions_app.services.self_check import latest_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

_KIND: Final = "voice"
"""The kind of the sessions that there are."""


def families(now: datetime) -> Iterator[Metric]:
    """Tells how the sessions and the books are."""
    yield from _session_families(now=now)
    yield from _gap_families(now=now)
    yield from _book_families(now=now)


def _session_families(*, now: datetime) -> Iterator[Metric]:
    measure = measure_sessions(
        now=now, checkpoint_every=timedelta(seconds=settings.CHECKPOINT_SECONDS)
    )
    for name, meaning, count in (
        ("sessions_active", "Sessions that go on.", measure.active),
        (
            "sessions_overdue",
            "Sessions that go on and have had no checkpoint for too long.",
            measure.overdue,
        ),
        (
            "sessions_stale",
            "Sessions that ended by estimate within the last hour, imported ones apart.",
            measure.stale,
        ),
        ("members_active", "Users in a session that goes on.", measure.members),
    ):
        gauge = GaugeMetricFamily(f"rollcall_{name}", meaning, labels=("kind",))
        gauge.add_metric((_KIND,), count)
        yield gauge
    yield GaugeMetricFamily(
        "rollcall_voice_states", "Members known to be in voice now.", value=measure.in_voice
    )


def _gap_families(*, now: datetime) -> Iterator[Metric]:
    measure = measure_gaps()
    gaps = CounterMetricFamily(
        "rollcall_blind_gaps",
        "Times that a guild, or a member, was not watched; replayed: nothing was missed.",
        labels=("cause", "replayed"),
    )
    for cause, is_replayed, count in measure.counts:
        gaps.add_metric((cause, str(is_replayed).lower()), count)
    age = GaugeMetricFamily("rollcall_blind_gap_last_age_seconds", "Since the last of them ended.")
    length = GaugeMetricFamily("rollcall_blind_gap_last_seconds", "How long the last of them was.")
    if measure.last is not None:
        age.add_metric((), (now - measure.last.ended_at).total_seconds())
        length.add_metric((), measure.last.length.total_seconds())
    yield from (gaps, age, length)


def _book_families(*, now: datetime) -> Iterator[Metric]:
    wrong = GaugeMetricFamily(
        "rollcall_books_wrong_rows", "Rows that cannot be right, by kind.", labels=("kind",)
    )
    checked = GaugeMetricFamily(
        "rollcall_books_checked_age_seconds", "Since the books' last check."
    )
    passed = GaugeMetricFamily(
        "rollcall_books_passed_age_seconds",
        "Since all rows of a part of the books had had their turn.",
        labels=("part",),
    )
    check = latest_check()
    if check is not None:
        checked.add_metric((), (now - check.started_at).total_seconds())
        for kind, rows in check.outcome.get("wrong", {}).items():
            wrong.add_metric((kind,), rows)
        for part, at in check.outcome.get("passed_at", {}).items():
            passed.add_metric((part,), (now - datetime.fromisoformat(at)).total_seconds())
    yield from (wrong, checked, passed)
