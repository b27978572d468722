"""What a plan would give, before anybody decides for it; nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from community.models.ids import new_id
from events_app.models import Event, EventState
from events_app.services.counted_channels import Counted, channel_tree, resolve
from events_app.services.participation_sql import COLUMNS, PREVIEW
from events_app.services.plan_problems import problems_of
from events_app.services.planning_errors import EventCancelledError, NoSuchEventError, PlanError
from events_app.services.revisions import plan_of, tidied

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from events_app.domain.plan import Plan

# What the statement does not read of a plan.
_APART: Final = frozenset({"title", "description", "time_zone", "channel_ids", "reward_role"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a member would be credited with.

    Attributes:
        user_id: the member's user id.
        seconds, credited_seconds, uncertainty, share, is_qualified, reasons: as
            participation's columns.
    """

    user_id: int
    seconds: float
    credited_seconds: float
    uncertainty: float
    share: float | None
    is_qualified: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """A member for whom a change decides whether they qualify.

    Attributes:
        user_id: the member's user id.
        before: what they have without the change; None for no part in it.
        after: what they would have with it; None for no part in it.
    """

    user_id: int
    before: Outcome | None
    after: Outcome | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan would give.

    Attributes:
        outcomes: of each member who would take part, in their order in line.
        flips: those who would qualify and do not, or do and would not.
    """

    outcomes: tuple[Outcome, ...]
    flips: tuple[Flip, ...]


def preview_change(event_id: UUID | None, plan: Plan, *, guild_id: int, now: datetime) -> Preview:
    """Works out what a plan would give, as if it were the event's now.

    Both sides are worked out at the same instant, so that what differs comes of the plan and
    not of the time that has passed.

    Args:
        event_id: the event that would have the plan: its credits count, and what qualifies
            now is held against it; None for one that would be new.
        plan: the plan.
        guild_id: the guild.
        now: up to when the window is over.

    Raises:
        PlanError: the plan is refused; the error says at which fields.
        NoSuchEventError: the guild has no such event.
        EventCancelledError: the event was cancelled.
    """
    event = None
    if event_id is not None:
        event = Event.objects.filter(pk=event_id, guild_id=guild_id).first()
        if event is None:
            raise NoSuchEventError(event_id=event_id)
        if event.state == EventState.CANCELLED:
            raise EventCancelledError
    plan = tidied(plan)
    known_role_ids = plan_of(event).role_ids if event else frozenset()
    problems = problems_of(plan, guild_id=guild_id, known_role_ids=known_role_ids)
    if problems:
        raise PlanError(problems)

    before: dict[int, Outcome] = {}
    if event is not None and event.is_on:
        before = _outcomes(
            _proposed(event.pk, guild_id, plan_of(event), event.counted_channel_ids), now=now
        )
    channels = _channels(event, plan, now=now)
    after = _outcomes(_proposed(event_id or new_id(), guild_id, plan, channels), now=now)
    return Preview(tuple(after.values()), tuple(_flips(before, after)))


def _channels(event: Event | None, plan: Plan, *, now: datetime) -> list[int] | None:
    """Tells which channels would count."""
    # Nobody looked into the categories of a draft.
    before = Counted.of(event) if event is not None and event.is_on else Counted()
    found = resolve(
        plan.channel_ids,
        channel_tree(plan.channel_ids | before.chosen),
        before=before,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        now=now,
    )
    return None if found is None else sorted(found)


def _proposed(
    event_id: UUID, guild_id: int, plan: Plan, channels: list[int] | None
) -> dict[str, Any]:
    """Gives an event as the statement reads it."""
    columns = {name: value for name, value in plan.columns().items() if name not in _APART}
    return {
        **columns,
        "id": str(event_id),
        "guild_id": guild_id,
        "starts_at": plan.starts_at.isoformat(),
        "ends_at": plan.ends_at.isoformat(),
        "counted_channel_ids": channels,
    }


def _outcomes(proposed: dict[str, Any], *, now: datetime) -> dict[int, Outcome]:
    with connection.cursor() as cursor:
        cursor.execute(PREVIEW, {"plans": json.dumps([proposed]), "now": now})
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return {
        row["user_id"]: Outcome(
            user_id=row["user_id"],
            seconds=row["seconds"],
            credited_seconds=row["credited_seconds"],
            uncertainty=row["uncertainty"],
            share=row["share"],
            is_qualified=row["is_qualified"],
            reasons=tuple(row["reasons"]),
        )
        for row in rows
    }


def _flips(before: dict[int, Outcome], after: dict[int, Outcome]) -> list[Flip]:
    return [
        Flip(user_id, before.get(user_id), after.get(user_id))
        for user_id in dict.fromkeys([*after, *before])
        if _qualifies(before.get(user_id)) != _qualifies(after.get(user_id))
    ]


def _qualifies(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.is_qualified
