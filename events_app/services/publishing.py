"""Events that were planned here, announced among Discord's scheduled events.

Staff ask; the bot of the guild does it, since it owns Discord's rate limit. What it has to
announce stands in the outbox item, so that an announcement whose answer was lost is known
again by what was asked for: the bot looks for it before it makes another, and the gateway's
word of it is linked to its event at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from community.domain.errors import RollcallError
from community.models import AuditEntry, Channel, ChannelKind, OutboxItem, OutboxState
from community.services import audit, outbox
from events_app.domain.publication import (
    EXTERNAL,
    LONGEST_LOCATION,
    STAGE,
    VOICE,
    Publication,
)
from events_app.models import DiscordStatus, Event, EventState
from events_app.services.discord_state import STATUS, tell_discord
from events_app.services.planning import locked_event

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from events_app.domain.scheduled import ScheduledRecord

PUBLISH: Final = "scheduled_event.publish"
WITHDRAW: Final = "scheduled_event.withdraw"
KINDS: Final = frozenset({PUBLISH, WITHDRAW})
"""The kinds of outbox items about announcements."""

ANNOUNCE: Final = "event.announce"
WITHDRAW_ANNOUNCEMENT: Final = "event.withdraw_announcement"
"""The actions in the trail; ``event.publish`` is that a draft was published."""

_KINDS_OF_CHANNEL: Final = {ChannelKind.VOICE: VOICE, ChannelKind.STAGE: STAGE}


class PublishingError(RollcallError):
    """The event cannot be announced on Discord."""

    code = "publishing"


class FromDiscordError(PublishingError):
    """The event came from Discord: it is announced and edited there."""

    code = "publishing.from_discord"


class NotToComeError(PublishingError):
    """Only an event that is to come can be announced: Discord takes no start in the past."""

    code = "publishing.not_to_come"


class NotPublishedError(PublishingError):
    """The event is not announced on Discord."""

    code = "publishing.not_published"


def publish(
    event: Event, *, actor: User, now: datetime, expected_version: int | None = None
) -> OutboxItem:
    """Asks the bot to announce an event on Discord, or to bring its announcement up to date.

    Args:
        event: one that was planned here.
        actor: who asks.
        now: when.
        expected_version: the version of the event that the actor saw; None where they saw
            none.

    Returns:
        The item that the bot answers. What is asked for already, and has no answer yet, is
        not asked for again.

    Raises:
        PublishingError: one of its kinds, saying why not.
        ChangedMeanwhileError: the event is in another version than the one expected.
    """
    with transaction.atomic():
        event = locked_event(event.pk, expected_version=expected_version)
        if event.is_from_discord:
            raise FromDiscordError
        if not can_be_shown(event, now=now):
            raise NotToComeError
        payload = publication_of(event).as_json()
        waiting = _waiting(event)
        if waiting is not None and (waiting.kind, waiting.payload) == (PUBLISH, payload):
            return waiting
        item = outbox.ask(PUBLISH, guild_id=event.guild_id, payload=payload, now=now)
        _record(event, ANNOUNCE, item, actor=actor, after=payload, now=now)
        return item


def can_be_shown(event: Event, *, now: datetime) -> bool:
    """Tells whether Discord would take an event now, or a change of one that it shows."""
    if event.discord_event_id:
        return event.state in {EventState.SCHEDULED, EventState.LIVE} and event.ends_at > now
    return event.state == EventState.SCHEDULED and event.starts_at > now


def withdraw_from_discord(event: Event, *, actor: User, now: datetime) -> OutboxItem:
    """Asks the bot to take an event's announcement away; the event itself stays.

    Returns:
        The item that the bot answers, as with :func:`publish`.

    Raises:
        PublishingError: if it came from Discord, or is neither announced nor about to be.
    """
    with transaction.atomic():
        event = locked_event(event.pk)
        if event.is_from_discord:
            raise FromDiscordError
        if event.discord_event_id is None and not _asked_for(event.guild_id, event.pk):
            raise NotPublishedError
        waiting = _waiting(event)
        if waiting is not None and waiting.kind == WITHDRAW:
            return waiting
        shown = event.discord_event_id
        after = {"discord_event_id": None}
        before = {"discord_event_id": None if shown is None else str(shown)}
        payload = {"event_id": str(event.pk)}
        item = outbox.ask(WITHDRAW, guild_id=event.guild_id, payload=payload, now=now)
        _record(
            event, WITHDRAW_ANNOUNCEMENT, item, actor=actor, before=before, after=after, now=now
        )
        return item


def items_of(event: Event) -> QuerySet[OutboxItem]:
    """Gives what was asked of the bot about an event's announcement, the latest first."""
    # The trail is found by the event, as the outbox is not: its items are found by their ids.
    trail = AuditEntry.objects.order_by().filter(
        target_kind=Event._meta.model_name,
        target_id=str(event.pk),
        action__in=[ANNOUNCE, WITHDRAW_ANNOUNCEMENT],
    )
    asked = trail.values_list(Cast(KT("after__item_id"), UUIDField()))
    return OutboxItem.objects.filter(pk__in=asked).order_by("-created_at", "-id")


def publication_of(event: Event) -> Publication:
    """Tells how an event is to be shown: in its channel where it has one, else by a place."""
    kind, channel_id = EXTERNAL, None
    channels = list(Channel.objects.filter(pk__in=event.channel_ids, gone_at=None))
    if len(event.channel_ids) == len(channels) == 1:
        kind = _KINDS_OF_CHANNEL.get(ChannelKind(channels[0].kind), EXTERNAL)
        channel_id = None if kind == EXTERNAL else channels[0].pk
    names = ", ".join(channel.name for channel in channels)
    return Publication(
        event_id=event.pk,
        name=event.title.strip(),
        description=event.description.strip(),
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        kind=kind,
        channel_id=channel_id,
        location=(names or "Voice channels")[:LONGEST_LOCATION] if kind == EXTERNAL else "",
    )


# The bot's side ---------------------------------------------------------------------------


def shown_on_discord(item: OutboxItem) -> int | None:
    """Gives the id on Discord of the event that an item speaks of; None if it has none."""
    return (
        Event.objects.filter(pk=item.payload["event_id"], is_from_discord=False)
        .values_list("discord_event_id", flat=True)
        .first()
    )


def taken(guild_id: int) -> frozenset[int]:
    """Gives the ids on Discord that a guild's events have."""
    ids = Event.objects.filter(guild_id=guild_id).values_list("discord_event_id", flat=True)
    return frozenset(id_ for id_ in ids.exclude(discord_event_id=None) if id_ is not None)


def forget(item: OutboxItem, discord_event_id: int) -> None:
    """Parts an event from one on Discord that is no more."""
    Event.objects.filter(
        pk=item.payload["event_id"], is_from_discord=False, discord_event_id=discord_event_id
    ).update(discord_event_id=None, discord_status=DiscordStatus.CANCELED)


def asked_for(guild_ids: Collection[int]) -> set[UUID]:
    """Gives the ids of the events that the bot has still to announce in some guilds."""
    items = OutboxItem.objects.filter(
        kind=PUBLISH, guild_id__in=guild_ids, state=OutboxState.PENDING
    )
    return {UUID(item.payload["event_id"]) for item in items.order_by()}


def link(record: ScheduledRecord, *, now: datetime) -> Event | None:
    """Links a scheduled event of this bot's to the event that it was asked to announce.

    Discord tells of it on the gateway before it answers the bot, or though its answer is
    lost.

    Returns:
        The event; None where no pending item asks for such a one.
    """
    for item in _asked_for(record.guild_id):
        if Publication.from_json(item.payload).is_shown_by(record):
            event = _link(item, record.id, now=now)
            if event is not None:
                return event
    return None


def settle(item: OutboxItem, *, discord_event_id: int | None, now: datetime) -> None:
    """Answers an item that is done: the event is shown by that id, or no more.

    Whether its status was brought in line Discord's own word says.

    Doing it twice does nothing.
    """
    with transaction.atomic():
        locked = outbox.locked_pending(item)
        if locked is None:
            return
        if locked.kind == PUBLISH and discord_event_id is not None:
            _link(locked, discord_event_id, now=now)
        elif locked.kind == WITHDRAW:
            Event.objects.filter(
                pk=locked.payload["event_id"], is_from_discord=False, discord_event_id__isnull=False
            ).update(discord_event_id=None, discord_status=DiscordStatus.CANCELED)
        shown = None if discord_event_id is None else str(discord_event_id)
        answer = {} if locked.kind == STATUS else {"discord_event_id": shown}
        outbox.answer(locked, state=OutboxState.DONE, answer=answer, now=now)


def refuse(item: OutboxItem, *, code: str, message: str, now: datetime) -> None:
    """Answers an item that Discord refused, with its code and its words; once."""
    with transaction.atomic():
        locked = outbox.locked_pending(item)
        if locked is not None:
            answer = {"code": code, "message": message}
            outbox.answer(locked, state=OutboxState.REFUSED, answer=answer, now=now)


def _link(item: OutboxItem, discord_event_id: int, *, now: datetime) -> Event | None:
    """Notes by which id an event is shown; None where it is shown by another already.

    What happened to the event meanwhile Discord is told now.
    """
    event = (
        Event.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk=item.payload["event_id"], is_from_discord=False)
        .order_by()
        .first()
    )
    if event is None or event.discord_event_id not in {None, discord_event_id}:
        return None
    if event.discord_event_id is None:
        event.discord_event_id = discord_event_id
        event.discord_status = DiscordStatus.SCHEDULED
        event.save(update_fields=["discord_event_id", "discord_status"])
        tell_discord([event], now=now)
    return event


def _waiting(event: Event) -> OutboxItem | None:
    """Gives what the bot was asked last of an event, where it has not answered it."""
    return items_of(event).filter(state=OutboxState.PENDING).first()


def _asked_for(guild_id: int, event_id: UUID | None = None) -> list[OutboxItem]:
    """Lists the announcements that the bot has still to make, the oldest first."""
    items = OutboxItem.objects.filter(kind=PUBLISH, guild_id=guild_id, state=OutboxState.PENDING)
    if event_id is not None:
        items = items.filter(payload__event_id=str(event_id))
    return list(items.order_by("created_at", "id"))


def _record(
    event: Event,
    action: str,
    item: OutboxItem,
    *,
    actor: User,
    after: Mapping[str, Any],
    now: datetime,
    before: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        target=event,
        guild_id=event.guild_id,
        reason="",
        before=before or {},
        after={**after, "item_id": item.pk},
        at=now,
    )
