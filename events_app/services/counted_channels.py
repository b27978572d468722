"""Which channels count in an event: those that it names, and what stands in its categories.

A category is looked into again and again, since channels come, go and are moved. Before an
event begins, what stands in its categories then is what counts; while it is on, what is
found there is added and nothing is taken away, for people were in it; afterwards nothing
changes by itself.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from community.domain.snowflakes import issued_at
from community.models import Channel, ChannelKind
from events_app.models import Event, EventState
from events_app.services.changes import note_events

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger(__name__)

LAST_LOOK: Final = timedelta(minutes=2)
"""So long after an event's end its categories are looked into once more: a room that was made
in its last minute was there while it was on."""

# Voice channels and stages; threads and texts in a category are nothing to be in.
_KINDS: Final = frozenset({ChannelKind.VOICE, ChannelKind.STAGE})


@dataclass(frozen=True, slots=True)
class ChannelTree:
    """What stands where now, those that were deleted included: what was in them counts.

    Attributes:
        categories: the ids of categories.
        standing_in: by category, the channels in it that somebody can be in.
    """

    categories: frozenset[int]
    standing_in: Mapping[int, frozenset[int]]

    def within(self, category_ids: Collection[int]) -> frozenset[int]:
        """Gives the channels that stand in any of some categories."""
        return frozenset().union(
            *(self.standing_in.get(category_id, frozenset()) for category_id in category_ids)
        )


def channel_tree(channel_ids: Collection[int]) -> ChannelTree:
    """Reads, in one statement, what events that choose these channels need to know."""
    chosen = set(channel_ids)
    categories: set[int] = set()
    standing_in: dict[int, set[int]] = defaultdict(set)
    if not chosen:
        return ChannelTree(frozenset(), {})
    rows = Channel.objects.order_by().filter(
        Q(pk__in=chosen, kind=ChannelKind.CATEGORY) | Q(parent__in=chosen, kind__in=_KINDS)
    )
    for channel_id, kind, parent_id in rows.values_list("pk", "kind", "parent_id"):
        if kind == ChannelKind.CATEGORY:
            categories.add(channel_id)
        else:
            standing_in[parent_id].add(channel_id)
    return ChannelTree(
        frozenset(categories), {key: frozenset(value) for key, value in standing_in.items()}
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """What counted in an event so far.

    Attributes:
        chosen: the channels and categories that it named.
        resolved: the channels that counted; None for the whole guild.
        is_final: whether its categories were looked into until it was over.
    """

    chosen: frozenset[int] = frozenset()
    resolved: frozenset[int] | None = frozenset()
    is_final: bool = True

    @classmethod
    def of(cls, event: Event) -> Counted:
        """Reads it from an event's row."""
        resolved = event.counted_channel_ids
        return cls(frozenset(event.channel_ids), None if resolved is None else frozenset(resolved))


def resolve(
    chosen: frozenset[int],
    tree: ChannelTree,
    *,
    before: Counted,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> frozenset[int] | None:
    """Tells which channels count in an event, given what counted in it until now.

    Args:
        chosen: the channels and categories that it names; none for the whole guild.
        tree: of these, and of those that it named before.
        before: what counted in it before; nothing for an event that is new.
        starts_at: its start.
        ends_at: its end.
        now: tells whether it has begun, and is over.

    Returns:
        The channels; None for the whole guild.
    """
    if not chosen:
        return None
    categories = chosen & tree.categories
    named = chosen - categories
    if now < starts_at:
        return named | tree.within(categories)

    kept = categories & before.chosen
    looked_into = categories - kept if now >= ends_at and before.is_final else categories
    carried = _found_before(tree, before, kept=kept) if kept else frozenset()
    return named | tree.within(looked_into) | carried


def _found_before(tree: ChannelTree, before: Counted, *, kept: frozenset[int]) -> frozenset[int]:
    """Gives what counted by a category, but for what stands in one that is named no more."""
    dropped = before.chosen & tree.categories - kept
    only_named = before.chosen - tree.within(kept)
    return (before.resolved or frozenset()) - only_named - tree.within(dropped)


def refresh_counted_channels(*, now: datetime) -> tuple[UUID, ...]:
    """Looks into the categories of all events that are ahead or on; notes those that changed.

    However many events there are, it takes the same few statements.

    Returns:
        The ids of the events in which other channels count now.
    """
    ahead = (
        Event.objects.filter(
            state__in=[EventState.SCHEDULED, EventState.LIVE], ends_at__gt=now - LAST_LOOK
        )
        .exclude(channel_ids=[])
        .order_by()
    )
    columns = ("pk", "channel_ids", "counted_channel_ids", "starts_at", "ends_at")
    events = list(ahead.only(*columns))
    tree = channel_tree({channel_id for event in events for channel_id in event.channel_ids})
    stale = [event.pk for event in events if _look(event, tree, now=now)]
    if not stale:
        return ()

    with transaction.atomic():
        # Somebody may have changed one meanwhile: what is written is judged by what is locked.
        locked = ahead.filter(pk__in=stale).order_by("pk").select_for_update(no_key=True)
        changed = [event for event in locked.only(*columns) if _look(event, tree, now=now)]
        Event.objects.bulk_update(changed, ["counted_channel_ids"])
        ids = tuple(event.pk for event in changed)
        note_events(ids, now=now)
    logger.info("other channels count in %d events now", len(ids))
    return ids


def _look(event: Event, tree: ChannelTree, *, now: datetime) -> bool:
    """Sets on an event what counts in it now; tells whether that is anything else."""
    before = Counted.of(event)
    # The last look is one at the event's last moment, at what there was then.
    moment = min(now, event.ends_at - timedelta.resolution)
    found = resolve(
        before.chosen,
        tree,
        before=before,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        now=moment,
    )
    if found is not None and before.resolved is not None and moment < now:
        found = before.resolved | {each for each in found if issued_at(each) < event.ends_at}
    if found == before.resolved:
        return False
    event.counted_channel_ids = None if found is None else sorted(found)
    return True
