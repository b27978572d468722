"""How an event's plan is replaced: what it was is kept, what it becomes is told to all.

Whoever changes events, one or a whole series, comes through here: each leaves a version with
its results so far, a line in the trail, and a note for the rollup; where an event
is announced on Discord, its state is told there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from community.services import audit
from events_app.domain.plan import PLAN_FIELDS, Plan
from events_app.domain.plan_json import as_json
from events_app.domain.states import Life, state_of
from events_app.models import Event, EventVersion, Participation
from events_app.services.changes import note_events
from events_app.services.counted_channels import Counted, channel_tree, resolve
from events_app.services.discord_state import tell_discord

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from events_app.services.counted_channels import ChannelTree

# Of so many events one statement writes what changed.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Revision:
    """What is to become of an event.

    Attributes:
        event: the event, locked.
        plan: its plan from now on.
        life: whether it is a draft, on or cancelled from now on.
        is_apart: whether it is edited apart from its series from now on.
        counted: channels that are known to have counted, where an earlier version says so;
            None works them out.
    """

    event: Event
    plan: Plan
    life: Life
    is_apart: bool
    counted: Counted | None = None


def plan_of(event: Event) -> Plan:
    """Gives an event's plan, for a change of some of it: ``dataclasses.replace``."""
    values: dict[str, Any] = {}
    for name in PLAN_FIELDS:
        value = getattr(event, name)
        values[name] = frozenset(value) if isinstance(value, list) else value
    return Plan(**values)


def tidied(plan: Plan) -> Plan:
    """Takes away the blanks around a plan's texts, which nobody means."""
    return replace(plan, title=plan.title.strip(), description=plan.description.strip())


def record_of(event: Event) -> dict[str, Any]:
    """Gives what a version keeps of an event: its plan, and what was decided beside it."""
    return {
        **as_json(plan_of(event)),
        "state": str(event.state),
        "is_apart": event.is_apart,
        "counted_channel_ids": event.counted_channel_ids,
    }


def new_event(
    plan: Plan, *, guild_id: int, life: Life, tree: ChannelTree, now: datetime, **columns: Any
) -> Event:
    """Makes an event by a plan, and saves nothing.

    Args:
        plan: a plan without problems.
        guild_id: the guild.
        life: a draft, or on.
        tree: of the channels that the plan names.
        now: when it is made.
        **columns: what else is known of it.
    """
    counted = resolve(
        plan.channel_ids,
        tree,
        before=Counted(),
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        now=now,
    )
    return Event(
        **plan.columns(),
        guild_id=guild_id,
        state=state_of(life, starts_at=plan.starts_at, ends_at=plan.ends_at, now=now),
        counted_channel_ids=None if counted is None else sorted(counted),
        created_at=now,
        **columns,
    )


def revise(
    revisions: Sequence[Revision], *, action: str, actor: User | None, reason: str, now: datetime
) -> list[Event]:
    """Replaces the plans of events, of one guild, that are locked; in the caller's transaction.

    Args:
        revisions: what is to become of each. One that changes nothing leaves no trace.
        action: what is done, for the trail.
        actor: who does it; None for Discord.
        reason: why, in their words.
        now: when.

    Returns:
        The events that changed.
    """
    wanted = [revision for revision in revisions if _changes(revision)]
    if not wanted:
        return []
    events = [revision.event for revision in wanted]
    versions = keep(events, actor=actor, reason=reason, now=now)
    tree = channel_tree(
        {
            channel_id
            for revision in wanted
            for channel_id in (*revision.event.channel_ids, *revision.plan.channel_ids)
        }
    )
    columns = {"version"}
    trail: list[tuple[Event, dict[str, Any], dict[str, Any]]] = []
    for revision, version in zip(wanted, versions, strict=True):
        event, before = revision.event, version.plan
        columns |= _put(revision, tree, now=now)
        after = record_of(event)
        changed = [name for name in after if before[name] != after[name]]
        trail.append(
            (
                event,
                {name: before[name] for name in changed},
                {name: after[name] for name in changed},
            )
        )

    Event.objects.bulk_update(events, sorted(columns), batch_size=BATCH)
    for event, was, becomes in trail:
        audit.record(
            actor=actor,
            action=action,
            target=event,
            guild_id=event.guild_id,
            reason=reason,
            before=was,
            after=becomes,
            at=now,
        )
    tell_discord(events, now=now)
    note_events((event.pk for event in events), now=now)
    return events


def keep(
    events: Sequence[Event], *, actor: User | None, reason: str, now: datetime
) -> list[EventVersion]:
    """Keeps events as they are before a change, and numbers what follows.

    Args:
        events: as they are stored, and locked; the ``version`` of each grows, and is the
            caller's to save.
        actor: who changes them; None for Discord.
        reason: why, in their words.
        now: when.

    Returns:
        What each was, in the order of the events.
    """
    results = _results_of([event.pk for event in events])
    versions = EventVersion.objects.bulk_create(
        EventVersion(
            event=event,
            number=event.version,
            plan=record_of(event),
            results=results.get(event.pk, {}),
            replaced_at=now,
            actor=actor,
            actor_name=actor.get_username() if actor else "",
            reason=reason,
        )
        for event in events
    )
    for event in events:
        event.version += 1
    return versions


def _changes(revision: Revision) -> bool:
    event = revision.event
    return revision.plan != plan_of(event) or revision.life is not Life.of(event.state)


def _put(revision: Revision, tree: ChannelTree, *, now: datetime) -> set[str]:
    """Sets on an event what is to become of it; tells which columns that are."""
    event, plan = revision.event, revision.plan
    before = Counted.of(event)
    if revision.counted is not None:
        before = revision.counted
    elif revision.life is Life.ON and Life.of(event.state) is Life.DRAFT:
        # Nobody looked into the categories of a draft.
        before = Counted()
    counted = resolve(
        plan.channel_ids,
        tree,
        before=before,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        now=now,
    )
    if counted is None and event.is_from_discord and event.counted_channel_ids == []:
        # Discord holds it elsewhere: no channel counts until staff choose some.
        counted = frozenset()
    becomes = {
        **plan.columns(),
        "state": state_of(revision.life, starts_at=plan.starts_at, ends_at=plan.ends_at, now=now),
        "counted_channel_ids": None if counted is None else sorted(counted),
        "is_apart": revision.is_apart,
    }
    changed = {name for name, value in becomes.items() if getattr(event, name) != value}
    for name in changed:
        setattr(event, name, becomes[name])
    return changed


def _results_of(event_ids: Collection[UUID]) -> dict[UUID, dict[str, dict[str, Any]]]:
    """Gives the results so far, by event and member's user id."""
    columns = ("seconds", "credited_seconds", "share", "is_qualified", "reasons")
    rows = Participation.objects.order_by().filter(event__in=event_ids)
    results: dict[UUID, dict[str, dict[str, Any]]] = {}
    for event_id, user_id, *values in rows.values_list("event_id", "user_id", *columns):
        results.setdefault(event_id, {})[str(user_id)] = dict(zip(columns, values, strict=True))
    return results
