"""Works participation out: what changed, each minute; everything, when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from events_app.models import Event
from events_app.services.participation_sql import WRITE_ALL, WRITE_TOUCHED
from events_app.services.touched_sql import TAKE_CHANGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

JOB: Final = "events_app.roll_up_participation"
"""The name of the job that rolls up each minute."""

#: The number by which PostgreSQL knows who rolls up: one at a time.
LOCK: Final = 7_240_112_903
# In order, and last of all: whoever locks several events waits for the others, and they never
# for it; and who only reads an event to link a session to it waits for nothing.
_STAMP: Final = """
    UPDATE events_app_event AS event SET counted_at = %(now)s
    FROM (
        SELECT id FROM events_app_event WHERE id = ANY(%(event_ids)s::uuid[])
        ORDER BY id FOR NO KEY UPDATE
    ) AS locked
    WHERE event.id = locked.id
"""
# Not what a clock said that was wrong.
_COUNTED_AT: Final = """
    SELECT max(counted_at) FROM events_app_event
    WHERE id = ANY(%(event_ids)s::uuid[]) AND counted_at < %(now)s + interval '1 hour'
"""

#: So many rows of the queue are taken at once; the next batch is a transaction of its own.
MOST_CHANGES: Final = 2_000
#: So many events are worked out in one statement.
BATCH: Final = 250


@dataclass(slots=True)
class Rollup:
    """What a rollup did.

    Attributes:
        changes: rows of the queue that it took.
        events: events that were worked out whole.
        touched: (event, member) pairs that were worked out besides.
        written, removed: rows of participation that differed, and that are no more.
        linked, unlinked: links of sessions to events.
    """

    changes: int = 0
    events: int = 0
    touched: int = 0
    written: int = 0
    removed: int = 0
    linked: int = 0
    unlinked: int = 0

    def add(self, counts: Sequence[int]) -> None:
        """Adds what one statement did."""
        _, written, removed, linked, unlinked = counts
        self.written += written
        self.removed += removed
        self.linked += linked
        self.unlinked += unlinked


def roll_up(*, now: datetime, waits: bool = False) -> Rollup:
    """Works out what changed since the last time, and the events that are live.

    Each batch of the queue is one transaction: what was taken is worked out, or is taken
    again.

    Args:
        now: up to when sessions that go on are counted.
        waits: whether to wait for another rollup that is under way, for who needs the
            numbers right at once; otherwise it is left to that one.
    """
    done = Rollup()
    live = list(Event.objects.filter(state="live").values_list("pk", flat=True))
    while True:
        with transaction.atomic():
            if waits:
                _wait_until_only_one()
            elif not _is_only_one():
                return done
            taken, whole, pairs = _take(now=now)
            events = set(whole)
            if live:
                events |= set(live)
                live = []
            _work_out(events, [pair for pair in pairs if pair[0] not in events], done, now=now)
        done.changes += taken
        if taken < MOST_CHANGES:
            return done


def rebuild(event_ids: Iterable[UUID] | None = None, *, now: datetime) -> Rollup:
    """Works events out from nothing but the records; None for all of them."""
    if event_ids is None:
        event_ids = Event.objects.order_by("starts_at").values_list("pk", flat=True)
    ids = list(event_ids)
    done = Rollup()
    for first in range(0, len(ids), BATCH):
        with transaction.atomic():
            _wait_until_only_one()
            _work_out(ids[first : first + BATCH], [], done, now=now)
    return done


def _work_out(
    events: Collection[UUID],
    pairs: Sequence[tuple[UUID, int]],
    done: Rollup,
    *,
    now: datetime,
) -> None:
    ids = list(events)
    touched = list({event_id for event_id, _ in pairs})
    done.events += len(ids)
    done.touched += len(pairs)
    with connection.cursor() as cursor:
        # Whoever waited for another rollup must not take back what that one worked out later:
        # an event may have ended meanwhile, and nothing would touch it again.
        cursor.execute(_COUNTED_AT, {"event_ids": [*ids, *touched], "now": now})
        now = max(now, cursor.fetchone()[0] or now)
        for first in range(0, len(ids), BATCH):
            cursor.execute(WRITE_ALL, {"now": now, "event_ids": ids[first : first + BATCH]})
            done.add(cursor.fetchone())
        if pairs:
            cursor.execute(
                WRITE_TOUCHED,
                {
                    "now": now,
                    "event_ids": touched,
                    "touched_events": [event_id for event_id, _ in pairs],
                    "touched_users": [user_id for _, user_id in pairs],
                },
            )
            done.add(cursor.fetchone())
        cursor.execute(_STAMP, {"now": now, "event_ids": [*ids, *touched]})


def _take(*, now: datetime) -> tuple[int, list[UUID], list[tuple[UUID, int]]]:
    """Takes changes from the queue.

    Returns:
        How many; the events to be worked out whole; and the pairs of event and member.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE_CHANGES, {"most": MOST_CHANGES, "now": now})
        taken = 0
        whole: list[UUID] = []
        pairs: list[tuple[UUID, int]] = []
        for kind, event_id, number in cursor.fetchall():
            if kind == "taken":
                taken = number
            elif kind == "whole":
                whole.append(event_id)
            else:
                pairs.append((event_id, number))
    return taken, whole, pairs


def _is_only_one() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _wait_until_only_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
