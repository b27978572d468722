"""Discord's scheduled events: what is heard of them becomes events, and who looks forward to them.

The arithmetic is :mod:`events_app.domain.occurrences`; here its answers become rows. What
has no column of its own is read off an event's versions: those that Discord made say in
their reason what its status was from then on, and when that was heard.

An event that was planned here and published is not changed by what happens to it on
Discord: the plan is here. Where it is deleted or cancelled there, the two are parted.

An event that is held elsewhere than in a channel counts no channel (an empty list of
resolved channels, where None is the whole guild), until staff choose some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Q

from community.models import Guild, Member
from events_app.domain import occurrences, words
from events_app.domain.occurrences import Occurrence
from events_app.domain.scheduled import (
    CANCELED,
    InterestChanged,
    InterestListed,
    ScheduledFact,
    ScheduledGone,
    ScheduledListed,
    ScheduledRecord,
    ScheduledStated,
)
from events_app.models import Event, EventState, EventVersion, Interest
from events_app.services import changes, publishing, revisions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

_SAID: Final = " on Discord"
"""Stands behind Discord's status in the reason of a version that Discord made."""


def apply(facts: Sequence[ScheduledFact], *, now: datetime) -> None:
    """Takes in what was heard, in its order of arrival.

    It is a transaction of its own, or a part of the caller's, and the same facts a second
    time change nothing.

    Args:
        facts: those of any number of guilds, no guild's at the same time in two calls.
        now: when the changes are noted.
    """
    if not facts:
        return
    with transaction.atomic():
        desk = _Desk(facts, now=now)
        for fact in facts:
            desk.take(fact)


@dataclass(slots=True)
class _Kept:
    """An event that is kept, and what is known of it besides."""

    event: Event
    there: str
    heard_at: datetime
    is_called_off: bool
    has_chosen_channels: bool

    @classmethod
    def of(cls, event: Event, versions: Sequence[EventVersion]) -> _Kept:
        """Reads what stands in an event's versions, the first one first."""
        said = [version for version in versions if _is_discords(version)]
        return cls(
            event=event,
            there=said[-1].reason.removesuffix(_SAID) if said else words.SCHEDULED,
            heard_at=max([event.created_at, *(version.replaced_at for version in said)]),
            is_called_off=_is_called_off(event, versions),
            has_chosen_channels=_has_chosen_channels(event, versions),
        )

    @property
    def occurrence(self) -> Occurrence:
        """The event for the arithmetic."""
        event = self.event
        return Occurrence(
            id=event.id,
            title=event.title,
            description=event.description,
            state=event.state,
            there=self.there,
            planned_start=event.planned_start,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            channel_id=event.channel_ids[0] if len(event.channel_ids) == 1 else None,
            heard_at=self.heard_at,
            has_chosen_channels=self.has_chosen_channels,
            is_called_off=self.is_called_off,
        )


class _Desk:
    """The events that a batch of facts speaks of, locked, by their ids on Discord."""

    def __init__(self, facts: Sequence[ScheduledFact], *, now: datetime) -> None:
        self._now = now
        self._kept: dict[tuple[int, int], list[_Kept]] = {}
        self._ours: dict[tuple[int, int], Event] = {}
        events = list(_events_of(facts))
        versions: dict[Any, list[EventVersion]] = {event.id: [] for event in events}
        for version in EventVersion.objects.filter(event__in=versions).order_by("number"):
            versions[version.event_id].append(version)
        for event in events:
            key = event.guild_id, event.discord_event_id or 0
            if event.is_from_discord:
                self._kept.setdefault(key, []).append(_Kept.of(event, versions[event.id]))
            else:
                self._ours[key] = event

    def take(self, fact: ScheduledFact) -> None:
        """Takes in one fact."""
        match fact:
            case ScheduledStated():
                self._state(fact.record, at=fact.at)
            case ScheduledListed():
                for record in fact.records:
                    self._state(record, at=fact.at, blind_since=fact.blind_since)
                if fact.is_whole:
                    self._miss(fact)
            case ScheduledGone():
                self._part((fact.guild_id, fact.scheduled_id), at=fact.at)
                self._settle(
                    (fact.guild_id, fact.scheduled_id),
                    lambda known: occurrences.gone(known, at=fact.at),
                )
            case InterestChanged():
                self._change_interest(fact)
            case InterestListed():
                self._list_interest(fact)

    # Events ------------------------------------------------------------------

    def _state(
        self, record: ScheduledRecord, *, at: datetime, blind_since: datetime | None = None
    ) -> None:
        key = record.guild_id, record.id
        if record.is_ours and key not in self._ours:
            linked = publishing.link(record)
            if linked is not None:
                self._ours[key] = linked
        if key in self._ours:
            if record.status == CANCELED:
                self._part(key, at=at)
        elif not record.is_ours:
            self._settle(
                key,
                lambda known: occurrences.stated(known, record, at=at, blind_since=blind_since),
            )

    def _miss(self, fact: ScheduledListed) -> None:
        """Settles what a whole list has no more."""
        listed = {(fact.guild_id, record.id) for record in fact.records}
        for key in [key for key in self._kept if key[0] == fact.guild_id and key not in listed]:
            self._settle(
                key,
                lambda known: occurrences.missing(known, at=fact.at, blind_since=fact.blind_since),
            )
        for key, event in list(self._ours.items()):
            if key[0] == fact.guild_id and key not in listed and event.starts_at > fact.at:
                self._part(key, at=fact.at)

    def _settle(
        self, key: tuple[int, int], settle: Callable[[list[Occurrence]], list[Occurrence]]
    ) -> None:
        rows = self._kept.setdefault(key, [])
        by_id = {row.event.id: row for row in rows}
        for occurrence in settle([row.occurrence for row in rows]):
            if occurrence.id is None:
                rows.append(self._make(key, occurrence))
            else:
                self._change(by_id[occurrence.id], occurrence)

    def _make(self, key: tuple[int, int], occurrence: Occurrence) -> _Kept:
        guild_id, scheduled_id = key
        time_zone = Guild.objects.filter(pk=guild_id).values_list("time_zone", flat=True).first()
        event = Event.objects.create(
            guild_id=guild_id,
            discord_event_id=scheduled_id,
            is_from_discord=True,
            planned_start=occurrence.planned_start,
            title=occurrence.title,
            description=occurrence.description,
            time_zone=time_zone or "UTC",
            starts_at=occurrence.starts_at,
            ends_at=occurrence.ends_at,
            state=occurrence.state,
            created_at=occurrence.heard_at,
            **_channels(occurrence.channel_id),
        )
        if occurrence.there != words.SCHEDULED:
            # What it was to begin with is read off the first version.
            self._keep(event, occurrence)
            event.save(update_fields=["version"])
        changes.note_event(event.id, now=self._now)
        return _Kept(
            event,
            there=occurrence.there,
            heard_at=occurrence.heard_at,
            is_called_off=False,
            has_chosen_channels=False,
        )

    @staticmethod
    def _keep(event: Event, after: Occurrence) -> None:
        reason = f"{after.there}{_SAID}"
        revisions.keep([event], actor=None, reason=reason, now=after.heard_at)

    def _change(self, row: _Kept, after: Occurrence) -> None:
        event, before = row.event, row.occurrence
        self._keep(event, after)
        fields: dict[str, Any] = {
            "planned_start": after.planned_start,
            "title": after.title,
            "description": after.description,
            "starts_at": after.starts_at,
            "ends_at": after.ends_at,
            "state": after.state,
        }
        if after.channel_id != before.channel_id:
            fields |= _channels(after.channel_id)
        for name, value in fields.items():
            setattr(event, name, value)
        event.save(update_fields=[*fields, "version"])
        row.there, row.heard_at = after.there, after.heard_at
        changes.note_event(event.id, now=self._now)

    def _part(self, key: tuple[int, int], *, at: datetime) -> None:
        """Parts an event that was planned here from the one on Discord that is no more."""
        event = self._ours.pop(key, None)
        if event is not None:
            revisions.keep([event], actor=None, reason=f"gone{_SAID}", now=at)
            event.discord_event_id = None
            event.save(update_fields=["discord_event_id", "version"])
            changes.note_event(event.id, now=self._now)

    # Interest ------------------------------------------------------------------

    def _change_interest(self, fact: InterestChanged) -> None:
        event = self._spoken_of((fact.guild_id, fact.scheduled_id))
        if event is None:
            return
        if fact.is_interested:
            _add_interest(event, [fact.user_id], since=fact.at)
        else:
            _interest_until(event, fact.at).filter(user_id=fact.user_id).delete()

    def _list_interest(self, fact: InterestListed) -> None:
        event = self._spoken_of((fact.guild_id, fact.scheduled_id))
        if event is None:
            return
        if fact.is_whole:
            _interest_until(event, fact.at).exclude(user_id__in=fact.user_ids).delete()
        _add_interest(event, fact.user_ids, since=fact.at)

    def _spoken_of(self, key: tuple[int, int]) -> Event | None:
        """Finds the event that interest is in: of one that repeats, the time that is next."""
        if key in self._ours:
            return self._ours[key]
        rows = {row.event.id: row for row in self._kept.get(key, [])}
        current = occurrences.current_of([row.occurrence for row in rows.values()])
        return None if current is None or current.id is None else rows[current.id].event


def _events_of(facts: Iterable[ScheduledFact]) -> Iterable[Event]:
    """Reads and locks the events that facts speak of."""
    scheduled_ids: set[int] = set()
    listed: set[int] = set()
    for fact in facts:
        match fact:
            case ScheduledStated():
                scheduled_ids.add(fact.record.id)
            case ScheduledListed():
                listed.add(fact.guild_id)
                scheduled_ids.update(record.id for record in fact.records)
            case _:
                scheduled_ids.add(fact.scheduled_id)
    ahead = Q(guild__in=listed, state__in=[EventState.SCHEDULED, EventState.LIVE])
    return (
        Event.objects.filter(Q(discord_event_id__in=scheduled_ids) | ahead)
        .exclude(discord_event_id=None)
        .select_for_update(no_key=True, of=("self",))
        .order_by("id")
    )


def _channels(channel_id: int | None) -> dict[str, Any]:
    """Gives the columns of the channels that count; of an event held elsewhere none does."""
    ids = [] if channel_id is None else [channel_id]
    return {"channel_ids": ids, "counted_channel_ids": ids}


def _is_discords(version: EventVersion) -> bool:
    return not version.actor_name and version.reason.endswith(_SAID)


def _is_called_off(event: Event, versions: Sequence[EventVersion]) -> bool:
    """Tells whether it was a person who cancelled an event that is cancelled."""
    if event.state != EventState.CANCELLED:
        return False
    for version in reversed(versions):
        if _is_discords(version):
            return not version.reason.startswith(words.CANCELLED)
        if version.plan.get("state") != EventState.CANCELLED:
            return True
    return False


def _has_chosen_channels(event: Event, versions: Sequence[EventVersion]) -> bool:
    """Tells whether a person changed the channels that count."""
    after = event.channel_ids
    for version in reversed(versions):
        before = version.plan.get("channel_ids", after)
        if before != after and version.actor_name:
            return True
        after = before
    return False


def _interest_until(event: Event, at: datetime) -> Any:
    """Those who said that they are interested no later than ``at``."""
    return Interest.objects.filter(event=event, since__lte=at)


def _add_interest(event: Event, user_ids: Collection[int], *, since: datetime) -> None:
    """Adds those who are interested; who is there already stays as they are.

    Whoever makes an event is interested in it, for Discord, and that may be a bot.
    """
    members = Member.objects.filter(guild=event.guild_id, user_id__in=user_ids, is_bot=True)
    bots = set(members.order_by().values_list("user_id", flat=True))
    Interest.objects.bulk_create(
        [
            Interest(event=event, guild_id=event.guild_id, user_id=user_id, since=since)
            for user_id in user_ids
            if user_id not in bots
        ],
        ignore_conflicts=True,
    )
