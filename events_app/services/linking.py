"""What events hear of sessions and roles that change: links at the join, notes for the rollup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils import timezone

from events_app.models import SessionLink
from events_app.services import changes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from community.registry import RolesChanged
    from sessions_app.registry import Dropped, Gap

# One round trip: it stands in the bot's way of every batch. Who holds the roles is asked as
# of now; whatever changes later, the rollup brings right.
_NOTE_AND_LINK: Final = """
    WITH noted AS (
        INSERT INTO events_app_change (kind, session_ids, user_ids, noted_at)
        VALUES ('sessions', %(began)s::uuid[] || %(changed)s::uuid[], '{}', now())
    )
    INSERT INTO events_app_sessionlink (event_id, session_id, user_id)
    SELECT event.id, session.id, session.user_id
    FROM events_app_event AS event
    JOIN sessions_app_voicesession AS session
      ON session.id = ANY(%(began)s::uuid[]) AND session.guild_id = event.guild_id
     AND session.status = 'active'
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(span.role_id), '{}') AS role_ids
        FROM community_rolespan AS span
        WHERE span.guild_id = session.guild_id AND span.user_id = session.user_id
          AND span.ended_at IS NULL
    ) AS held
    WHERE event.state IN ('scheduled', 'live') AND event.ends_at > session.started_at
      AND event.starts_at <= greatest(session.entered_at, session.started_at)
      AND (event.counted_channel_ids IS NULL
           OR session.channel_id = ANY(event.counted_channel_ids))
      AND (event.any_role_ids = '{}' OR event.any_role_ids && held.role_ids)
      AND event.all_role_ids <@ held.role_ids
      AND NOT event.no_role_ids && held.role_ids
    ON CONFLICT (event_id, session_id) DO NOTHING
"""


def sessions_written(
    *,
    began: Sequence[UUID],
    changed: Sequence[UUID],
    gaps: Sequence[Gap],
    dropped: Sequence[Dropped] = (),
) -> None:
    """Links sessions that began to the events that are on, and notes all for the rollup."""
    if began or changed:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE_AND_LINK, {"began": list(began), "changed": list(changed)})
    if dropped:
        changes.note_dropped(dropped, now=timezone.now())
    for gap in gaps:
        changes.note_guild(gap.guild_id, since=gap.began_at, until=gap.ended_at, now=timezone.now())


def event_ids_of(session_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Gives, by session id, the ids of the events that sessions belong to, the earliest first."""
    links = (
        SessionLink.objects.filter(session__in=session_ids)
        .order_by("event__starts_at", "event_id")
        .values_list("session_id", "event_id")
    )
    found: dict[UUID, list[UUID]] = {}
    for session_id, event_id in links:
        found.setdefault(session_id, []).append(event_id)
    return found


def roles_written(written: Sequence[RolesChanged]) -> None:
    """Notes members whose roles changed."""
    changes.note_members(written, now=timezone.now())
