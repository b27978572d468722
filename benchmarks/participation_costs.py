"""What it costs to work participation out: everything, and what changed in a minute."""

from __future__ import annotations

import logging
import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection

from benchmarks import ended_rows
from benchmarks.ended_rows import CHANNELS, ENDED_BY, USERS
from events_app.models import Change, Event, EventState, Participation, SessionLink
from events_app.services.rollup import rebuild, roll_up
from sessions_app.models import VoiceSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

GUILDS = 20
REPEATS = 5
EVENT = timedelta(hours=2)
#: A batch of the bot's has so many sessions, and is one row of the queue.
BATCH = 500
# Of ten events so many name three channels, so many ask for a role, so many have a capacity.
WITH_CHANNELS, WITH_ROLES, WITH_CAPACITY = 8, 5, 2
ROLES = 4

Figures = dict[str, Any]

# Every member holds one of the roles, and changed it once in the year.
_ADD_ROLES = f"""
    INSERT INTO community_rolespan (
        id, guild_id, role_id, user_id, started_at, ended_at, start_uncertainty,
        end_uncertainty, is_start_known
    )
    SELECT gen_random_uuid(), ((1 + (visitor - 1) %% %(guilds)s)::bigint << 22),
           900 + (visitor + part) %% {ROLES}, visitor,
           %(until)s - interval '400 days' + part * interval '200 days',
           CASE part WHEN 0 THEN %(until)s - interval '200 days' END, part * 30, 0, true
    FROM generate_series(1, {USERS}) AS visitor, generate_series(0, 1) AS part
"""  # noqa: S608 - put together from what stands here
_ADD_MEMBERS = f"""
    INSERT INTO community_member (
        guild_id, user_id, username, global_name, nick, display_name, avatar, is_bot,
        joined_at, roles_known_since
    )
    SELECT ((1 + (visitor - 1) %% %(guilds)s)::bigint << 22), visitor, 'm', '', '', 'm', '',
           false, %(until)s - interval '500 days', %(until)s - interval '400 days'
    FROM generate_series(1, {USERS}) AS visitor
"""  # noqa: S608 - put together from what stands here
# The bot was away for two minutes each week.
_ADD_GAPS = """
    INSERT INTO sessions_app_blindgap (
        id, guild_id, cause, began_at, ended_at, is_replayed, sessions_touched, sessions_mended
    )
    SELECT gen_random_uuid(), (guild::bigint << 22), 'bot_down',
           %(until)s - week * interval '7 days', %(until)s - week * interval '7 days'
           + interval '2 min', false, 0, 0
    FROM generate_series(1, %(guilds)s) AS guild, generate_series(1, 50) AS week
"""


def measure(*, rows: int, events: int, changed: int) -> Figures:
    """Fills a database, and works its events out.

    Args:
        rows: sessions that ended.
        events: over the time that they lie in.
        changed: sessions that change in a minute.
    """
    logging.disable()
    ended_rows.fill(rows, guilds=GUILDS)
    known: dict[str, Any] = {"until": ENDED_BY, "guilds": GUILDS}
    with connection.cursor() as cursor:
        for statement in (_ADD_ROLES, _ADD_MEMBERS, _ADD_GAPS):
            cursor.execute(statement, known)
    _plan(events, rows=rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    first = _seconds(_rebuild)
    again = statistics.median(_seconds(_rebuild) for _ in range(REPEATS))
    newest = VoiceSession.objects.order_by("-started_at", "-id")
    within = VoiceSession.objects.filter(event_links__isnull=False).order_by("id")
    return {
        "rows": rows,
        "events": events,
        "changed": changed,
        "linked": SessionLink.objects.count(),
        "participations": Participation.objects.count(),
        "first_s": first,
        "again_s": again,
        "newest_s": _increment(list(newest.values_list("pk", flat=True)[:changed])),
        "scattered_s": _increment(_scattered(changed)),
        "within_s": _increment(list(within.values_list("pk", flat=True)[:changed])),
        "nothing_s": statistics.median(_seconds(_roll_up) for _ in range(REPEATS)),
    }


def _plan(events: int, *, rows: int) -> None:
    """Spreads events over the guilds and the year; one goes on now in each guild."""
    visits = rows // ended_rows.SESSIONS_OF_A_VISIT
    year = timedelta(seconds=15 * visits)
    planned = []
    for number in range(events):
        guild_id = ended_rows.guild_id_of(1 + number, guilds=GUILDS)
        is_live = number < GUILDS
        start = ENDED_BY - timedelta(hours=1) if is_live else ENDED_BY - year * (number / events)
        channels = [guild_id + (number + step) % CHANNELS for step in range(3)]
        kind = number % 10
        planned.append(
            Event(
                guild_id=guild_id,
                title=f"Event {number}",
                time_zone="UTC",
                starts_at=start,
                ends_at=start + EVENT,
                state=EventState.LIVE if is_live else EventState.ENDED,
                channel_ids=channels if kind < WITH_CHANNELS else [],
                counted_channel_ids=channels if kind < WITH_CHANNELS else None,
                any_role_ids=[900, 901] if kind % 2 and kind < 2 * WITH_ROLES else [],
                capacity=20 if kind < WITH_CAPACITY else None,
                counts_muted=bool(kind % 3),
                minimum_share=0.5,
                gap_policy="credit" if kind % 4 == 0 else "exclude",
                created_at=ENDED_BY,
            )
        )
    Event.objects.bulk_create(planned)


def _rebuild() -> None:
    rebuild(now=ENDED_BY)


def _roll_up() -> None:
    roll_up(now=ENDED_BY)


def _scattered(changed: int) -> list[UUID]:
    """Picks sessions from anywhere in the year."""
    ids = VoiceSession.objects.order_by().values_list("pk", flat=True)
    step = max(ids.count() // changed, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM (SELECT id, row_number() OVER () AS n FROM"
            " sessions_app_voicesession) AS numbered WHERE n %% %s = 0 LIMIT %s",
            [step, changed],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _increment(session_ids: list[UUID]) -> float:
    """Notes changed sessions as the bot's batches do, and times the rollup; the median."""
    taken = []
    for _ in range(REPEATS):
        Change.objects.bulk_create(
            Change(
                kind=Change.Kind.SESSIONS,
                session_ids=session_ids[first : first + BATCH],
                noted_at=ENDED_BY,
            )
            for first in range(0, len(session_ids), BATCH)
        )
        taken.append(_seconds(_roll_up))
    return statistics.median(taken)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
