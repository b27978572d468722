"""Events made, changed, cancelled, and taken back to what they were.

Each is one transaction that holds the event's row, so that of two people who change it at
once the second sees what the first did. Where ``expected_version`` is given, the second is
told so instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.db import transaction

from community.models.ids import new_id
from community.services import audit
from events_app.domain.plan import FIELDS_OF_DISCORD, Plan
from events_app.domain.plan_json import from_json
from events_app.domain.problems import Problem
from events_app.domain.states import Life
from events_app.models import Event, EventState, EventVersion
from events_app.services.changes import note_event
from events_app.services.counted_channels import Counted, channel_tree
from events_app.services.plan_problems import problems_of, reason_problems
from events_app.services.planning_errors import (
    ChangedMeanwhileError,
    EventCancelledError,
    NoSuchEventError,
    NoSuchSeriesError,
    NoSuchVersionError,
    PlanError,
)
from events_app.services.revisions import (
    Revision,
    new_event,
    plan_of,
    record_of,
    revise,
    tidied,
)
from events_app.services.series_plans import follows_series

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from events_app.models import EventSeries

CREATE: Final = "event.create"
CHANGE: Final = "event.change"
CANCEL: Final = "event.cancel"
PUBLISH: Final = "event.publish"
UNDO: Final = "event.undo"


def create_event(
    plan: Plan,
    *,
    guild_id: int,
    actor: User | None,
    now: datetime,
    as_draft: bool = False,
    series: EventSeries | None = None,
    planned_start: datetime | None = None,
    discord_event_id: int | None = None,
    event_id: UUID | None = None,
) -> Event:
    """Makes an event; one whose window has passed already is worked out as if planned before.

    Args:
        plan: what is set on it.
        guild_id: its guild.
        actor: who makes it; None for Discord.
        now: when.
        as_draft: whether it waits for :func:`publish_draft`.
        series: the series that it is of; None for none.
        planned_start: which of the occurrences of a series, or of one that repeats on
            Discord, it is.
        discord_event_id: the scheduled event on Discord that it was made by; its title and
            its times are changed by Discord (``actor`` None) alone.
        event_id: its id, by which a second attempt fails; None for a new one.

    Raises:
        PlanError: the plan is refused; the error says at which fields.
        NoSuchSeriesError: the series is another guild's.
    """
    if series is not None and series.guild_id != guild_id:
        raise NoSuchSeriesError(series_id=series.pk)
    plan = tidied(plan)
    problems = problems_of(plan, guild_id=guild_id)
    if problems:
        raise PlanError(problems)

    with transaction.atomic():
        event = new_event(
            plan,
            guild_id=guild_id,
            life=Life.DRAFT if as_draft else Life.ON,
            tree=channel_tree(plan.channel_ids),
            now=now,
            series=series,
            planned_start=planned_start,
            discord_event_id=discord_event_id,
            is_from_discord=discord_event_id is not None,
            id=event_id or new_id(),
        )
        event.save(force_insert=True)
        audit.record(
            actor=actor,
            action=CREATE,
            target=event,
            guild_id=guild_id,
            reason="",
            before={},
            after=record_of(event),
            at=now,
        )
        note_event(event.pk, now=now)
    return event


def change_event(
    event_id: UUID,
    plan: Plan,
    *,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Event:
    """Gives an event another plan; its state follows its window.

    An event of a series that is changed so is edited apart from then on. A plan that is the
    same as before changes nothing.

    Args:
        event_id: the event, in any state but cancelled.
        plan: the whole plan: that of before (:func:`plan_of`) with what changes.
        actor: who changes it; None for Discord.
        reason: why, in their words.
        now: when.
        expected_version: the version that the actor saw; None where they saw none.

    Returns:
        The event as it stands.

    Raises:
        PlanError: the plan is refused; the error says at which fields.
        PlanningError: another of its kinds, saying why not.
    """
    with transaction.atomic():
        event = locked_event(event_id, expected_version=expected_version)
        if event.state == EventState.CANCELLED:
            raise EventCancelledError
        plan = tidied(plan)
        problems = [
            *_problems_of_change(event, plan, by_staff=actor is not None),
            *reason_problems(reason),
        ]
        if problems:
            raise PlanError(problems)
        revision = Revision(event, plan, Life.of(event.state), is_apart=event.series_id is not None)
        revise([revision], action=CHANGE, actor=actor, reason=reason.strip(), now=now)
    return event


def cancel_event(
    event_id: UUID,
    *,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Event:
    """Cancels an event, which then counts for nobody; cancelling it twice does nothing.

    One of a series stays cancelled whatever becomes of its series.

    Raises:
        PlanningError: one of its kinds, saying why not.
    """
    return _decide(
        event_id,
        Life.CANCELLED,
        action=CANCEL,
        actor=actor,
        reason=reason,
        now=now,
        expected_version=expected_version,
    )


def publish_draft(
    event_id: UUID,
    *,
    actor: User | None,
    now: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Event:
    """Makes an event of a draft; one that is none already is left as it is.

    Raises:
        EventCancelledError: the draft was cancelled.
        PlanningError: another of its kinds, saying why not.
    """
    return _decide(
        event_id,
        Life.ON,
        action=PUBLISH,
        actor=actor,
        reason=reason,
        now=now,
        expected_version=expected_version,
    )


def _decide(
    event_id: UUID,
    life: Life,
    *,
    action: str,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None,
) -> Event:
    problems = reason_problems(reason)
    if problems:
        raise PlanError(problems)
    with transaction.atomic():
        event = locked_event(event_id, expected_version=expected_version)
        if life is Life.ON and event.state == EventState.CANCELLED:
            raise EventCancelledError
        is_apart = event.is_apart or (life is Life.CANCELLED and event.series_id is not None)
        revision = Revision(event, plan_of(event), life, is_apart=is_apart)
        revise([revision], action=action, actor=actor, reason=reason.strip(), now=now)
    return event


def undo(
    event_id: UUID,
    *,
    version: int,
    actor: User | None,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Event:
    """Makes an event again what it was in an earlier version, which is a version of its own.

    That is its plan, and whether it was a draft, on or cancelled: cancelling it is undone
    so, too. Of an event from Discord staff restore all but what Discord decides.

    Args:
        event_id: the event, in any state.
        version: the number of the version that it is to be as.
        actor: who undoes; None for Discord.
        reason: why, in their words.
        now: when.
        expected_version: the version that the actor saw; None where they saw none.

    Returns:
        The event as it stands.

    Raises:
        NoSuchVersionError: there was no such version, or it is the present one.
        PlanningError: another of its kinds, saying why not.
    """
    with transaction.atomic():
        event = locked_event(event_id, expected_version=expected_version)
        earlier = EventVersion.objects.filter(event=event, number=version).first()
        if earlier is None:
            raise NoSuchVersionError(version=version)
        plan = from_json(earlier.plan)
        if event.is_from_discord and actor is not None:
            plan = replace(plan, **{name: getattr(event, name) for name in FIELDS_OF_DISCORD})
        problems = [
            *problems_of(plan, guild_id=event.guild_id, known_role_ids=plan.role_ids),
            *reason_problems(reason),
        ]
        if problems:
            raise PlanError(problems)
        revision = Revision(
            event,
            plan,
            Life.of(earlier.plan["state"]),
            is_apart=event.series_id is not None and not follows_series(event, plan),
            counted=_counted_in(earlier, plan),
        )
        revise([revision], action=UNDO, actor=actor, reason=reason.strip(), now=now)
    return event


def locked_event(event_id: UUID, *, expected_version: int | None = None) -> Event:
    """Locks an event, in the caller's transaction.

    Raises:
        NoSuchEventError: there is none.
        ChangedMeanwhileError: it is in another version than the one expected.
    """
    event = (
        Event.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=event_id)
        .order_by()
        .first()
    )
    if event is None:
        raise NoSuchEventError(event_id=event_id)
    if expected_version is not None and event.version != expected_version:
        raise ChangedMeanwhileError(version=event.version, expected=expected_version)
    return event


def _problems_of_change(event: Event, plan: Plan, *, by_staff: bool) -> list[Problem]:
    known = plan_of(event)
    problems = problems_of(plan, guild_id=event.guild_id, known_role_ids=known.role_ids)
    if event.is_from_discord and by_staff:
        problems += [
            Problem(field, "from_discord", "The event was made on Discord: this is edited there.")
            for field in FIELDS_OF_DISCORD
            if getattr(plan, field) != getattr(known, field)
        ]
    return problems


def _counted_in(version: EventVersion, plan: Plan) -> Counted:
    """Tells what counted in an earlier version."""
    resolved = version.plan["counted_channel_ids"]
    return Counted(
        frozenset(version.plan["channel_ids"]),
        None if resolved is None else frozenset(resolved),
        is_final=version.replaced_at >= plan.ends_at,
    )
