"""Discord's scheduled events: what is heard of them becomes events, and who looks forward to them.

The arithmetic is :mod:`events_app.domain.occurrences`; here its answers become rows. What
Discord said last, and when that was heard, stands in columns of the event, so that a word
that comes late or twice is known to be old.

An event that was planned here and published is not changed by what happens to it on
Discord: the plan is here. Only what Discord says of it is noted. Where it is deleted or
cancelled there, the two are parted.

An event that is held elsewhere than in a channel counts no channel (an empty list of
resolved channels, where None is the whole guild), until staff choose some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from community.domain.snowflakes import issued_at
from community.models import Guild
from events_app.domain import occurrences
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
from events_app.models import DiscordStatus, Event, EventState
from events_app.services import changes, publishing, revisions
from events_app.services.discord_rows import (
    Kept,
    columns_of,
    columns_of_channels,
    kept,
    status_of,
)
from events_app.services.interest import change_interest, list_interest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from events_app.domain.occurrences import Occurrence

_SAID: Final = " on Discord"
"""Stands behind its status in the reason of a version that Discord made."""

BATCH: Final = 500
"""So many events are noted as heard of in one statement."""


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
        desk.note_heard()


class _Desk:
    """The events that a batch of facts speaks of, locked, by their ids on Discord."""

    def __init__(self, facts: Sequence[ScheduledFact], *, now: datetime) -> None:
        self._now = now
        self._kept: dict[tuple[int, int], list[Kept]] = {}
        self._ours: dict[tuple[int, int], Event] = {}
        # Events of which something was heard that changed nothing else.
        self._heard: dict[UUID, Event] = {}
        events = list(_events_of(facts))
        from_discord = kept([event for event in events if event.is_from_discord])
        for event in events:
            if event.discord_event_id is None:
                continue
            key = event.guild_id, event.discord_event_id
            if event.is_from_discord:
                self._kept.setdefault(key, []).append(from_discord[event.id])
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
            linked = publishing.link(record, now=self._now)
            if linked is not None:
                self._ours[key] = linked
        if key in self._ours:
            self._state_ours(key, record, at=at)
        elif not record.is_ours:
            self._settle(
                key,
                lambda known: occurrences.stated(known, record, at=at, blind_since=blind_since),
            )
            rows = {row.event.id: row for row in self._kept[key]}
            about = occurrences.spoken_of([row.occurrence for row in rows.values()], record)
            if about is not None and about.id is not None:
                self._hear(rows[about.id].event, at=at)

    def _state_ours(self, key: tuple[int, int], record: ScheduledRecord, *, at: datetime) -> None:
        """Notes what Discord says of an event that was planned here."""
        event = self._ours[key]
        if record.status == CANCELED:
            self._part(key, at=at)
        elif self._hear(event, at=at):
            event.discord_status = status_of(record.status) or event.discord_status

    def _hear(self, event: Event, *, at: datetime) -> bool:
        """Notes when an event was last heard of; tells whether this is the newest word."""
        if event.discord_seen_at is not None and event.discord_seen_at >= at:
            return False
        event.discord_seen_at = at
        self._heard[event.id] = event
        return True

    def note_heard(self) -> None:
        """Writes of which events something was heard, all at once."""
        if self._heard:
            Event.objects.bulk_update(
                self._heard.values(), ["discord_status", "discord_seen_at"], batch_size=BATCH
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
            # A list that waited to be written may be older than the announcement.
            is_told = issued_at(key[1]) <= fact.at < event.starts_at
            if key[0] == fact.guild_id and key not in listed and is_told:
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

    def _make(self, key: tuple[int, int], occurrence: Occurrence) -> Kept:
        guild_id, scheduled_id = key
        time_zone = Guild.objects.filter(pk=guild_id).values_list("time_zone", flat=True).first()
        event = Event.objects.create(
            guild_id=guild_id,
            discord_event_id=scheduled_id,
            is_from_discord=True,
            time_zone=time_zone or "UTC",
            created_at=occurrence.heard_at,
            **columns_of(occurrence),
            **columns_of_channels(occurrence.channel_id),
        )
        changes.note_event(event.id, now=self._now)
        return Kept.new(event)

    def _change(self, row: Kept, after: Occurrence) -> None:
        event, before = row.event, row.occurrence
        reason = f"{after.there}{_SAID}"
        revisions.keep([event], actor=None, reason=reason, now=after.heard_at)
        fields = columns_of(after)
        if after.channel_id != before.channel_id:
            fields |= columns_of_channels(after.channel_id)
        for name, value in fields.items():
            setattr(event, name, value)
        event.save(update_fields=[*fields, "version"])
        changes.note_event(event.id, now=self._now)

    def _part(self, key: tuple[int, int], *, at: datetime) -> None:
        """Parts an event that was planned here from the one on Discord that is no more."""
        event = self._ours.get(key)
        if event is None or (event.discord_seen_at is not None and at < event.discord_seen_at):
            return
        del self._ours[key]
        self._heard.pop(event.id, None)
        revisions.keep([event], actor=None, reason=f"gone{_SAID}", now=at)
        event.discord_event_id = None
        event.discord_status, event.discord_seen_at = DiscordStatus.CANCELED, at
        event.save(
            update_fields=["discord_event_id", "discord_status", "discord_seen_at", "version"]
        )
        changes.note_event(event.id, now=self._now)

    # Interest ------------------------------------------------------------------

    def _change_interest(self, fact: InterestChanged) -> None:
        event = self._spoken_of((fact.guild_id, fact.scheduled_id))
        if event is not None:
            change_interest(event, fact)

    def _list_interest(self, fact: InterestListed) -> None:
        event = self._spoken_of((fact.guild_id, fact.scheduled_id))
        if event is not None:
            list_interest(event, fact)

    def _spoken_of(self, key: tuple[int, int]) -> Event | None:
        """Finds the event that interest is in: of one that repeats, the time that is next."""
        if key in self._ours:
            return self._ours[key]
        rows = {row.event.id: row for row in self._kept.get(key, [])}
        current = occurrences.current_of([row.occurrence for row in rows.values()])
        return None if current is None or current.id is None else rows[current.id].event


def _events_of(facts: Iterable[ScheduledFact]) -> Iterable[Event]:
    """Reads and locks the events that facts speak of, all in one order.

    Those too that may turn out to be: what this bot announced is linked as it is stated.
    """
    scheduled_ids: set[int] = set()
    listed: set[int] = set()
    announcing: set[int] = set()
    for fact in facts:
        match fact:
            case ScheduledStated():
                records: tuple[ScheduledRecord, ...] = (fact.record,)
            case ScheduledListed():
                listed.add(fact.guild_id)
                records = fact.records
            case _:
                scheduled_ids.add(fact.scheduled_id)
                continue
        scheduled_ids.update(record.id for record in records)
        announcing.update(record.guild_id for record in records if record.is_ours)
    ahead = Q(guild__in=listed, state__in=[EventState.SCHEDULED, EventState.LIVE])
    known = Q(discord_event_id__in=scheduled_ids) | (ahead & ~Q(discord_event_id=None))
    asked_for = publishing.asked_for(announcing) if announcing else ()
    return (
        Event.objects.filter(known | Q(pk__in=asked_for))
        .select_for_update(no_key=True, of=("self",))
        .order_by("id")
    )
