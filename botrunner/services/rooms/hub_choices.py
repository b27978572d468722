"""Staff make, change and remove hubs; the bot is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction

from botrunner.domain.rooms.templates import problem_of
from botrunner.models import Hub, Room
from botrunner.models.hub import (
    LEAST_BITRATE,
    LONGEST_GRACE_SECONDS,
    MOST_BITRATE,
    MOST_USERS,
)
from botrunner.services.rooms.choice_errors import (
    AfkChannelError,
    CategoryError,
    HubChannelError,
    HubGoneError,
    HubThereError,
    OutOfBoundsError,
    RoomAsHubError,
    TemplateError,
)
from botrunner.services.rooms.wakes import wake
from community.models import Channel, ChannelKind, Guild
from community.services import audit, outbox
from community.services.guild_choices import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

CHOICES: Final = (
    "channel_id",
    "is_enabled",
    "name_template",
    "parent_id",
    "user_limit",
    "bitrate",
    "grace_seconds",
)
"""The fields of a hub that staff choose."""

BOUNDS: Final = {
    "user_limit": (0, MOST_USERS),
    "bitrate": (LEAST_BITRATE, MOST_BITRATE),
    "grace_seconds": (0, LONGEST_GRACE_SECONDS),
}


def make_hub(guild_id: int, choices: Mapping[str, Any], *, actor: User, now: datetime) -> Hub:
    """Makes a channel a hub.

    Args:
        guild_id: the guild.
        choices: values by the names of :data:`CHOICES`; those not named are the usual.
        actor: who makes it.
        now: when.

    Raises:
        ChoiceError: one of its kinds, naming the field.
    """
    hub = Hub(guild_id=guild_id, created_at=now)
    _write(hub, choices, action="hub.make", actor=actor, now=now)
    return hub


def change_hub(hub_id: UUID, choices: Mapping[str, Any], *, actor: User, now: datetime) -> Hub:
    """Changes a hub; what is not named stays. The same twice is recorded once.

    Raises:
        ChoiceError: one of its kinds, naming the field.
    """
    with transaction.atomic():
        hub = Hub.objects.select_for_update().filter(pk=hub_id).first()
        if hub is None:
            raise HubGoneError
        _write(hub, choices, action="hub.change", actor=actor, now=now)
    return hub


def remove_hub(hub_id: UUID, *, actor: User, reason: str, now: datetime) -> None:
    """Has a channel be no hub any more; the channel and the rooms that it gave stay.

    Raises:
        HubGoneError: if it is none.
    """
    with transaction.atomic():
        hub = Hub.objects.select_for_update().filter(pk=hub_id).first()
        if hub is None:
            raise HubGoneError
        before = {name: getattr(hub, name) for name in CHOICES}
        _record(hub, "hub.remove", before, {}, actor=actor, reason=reason, now=now)
        # Who waits for a room reads in its chat that there is none: no row names it afterwards.
        Room.objects.live().filter(hub=hub, channel_id=None, asked_in_id=None).update(
            asked_in_id=hub.channel_id
        )
        hub.delete()


def _write(
    hub: Hub, choices: Mapping[str, Any], *, action: str, actor: User, now: datetime
) -> None:
    before = {name: getattr(hub, name) for name in CHOICES}
    for name in CHOICES:
        setattr(hub, name, choices.get(name, before[name]))
    is_new = hub._state.adding
    changed = [name for name in CHOICES if is_new or getattr(hub, name) != before[name]]
    if not changed:
        return
    _check(hub, changed)
    with transaction.atomic():
        try:
            with transaction.atomic():
                hub.save()
        except IntegrityError:
            raise HubThereError from None
        _record(
            hub,
            action,
            {} if is_new else {name: before[name] for name in changed},
            {name: getattr(hub, name) for name in changed},
            actor=actor,
            reason="",
            now=now,
        )


def _check(hub: Hub, changed: list[str]) -> None:
    """Refuses what cannot be, as far as it is new: a channel that has gone may stay."""
    problem = problem_of(hub.name_template)
    if problem:
        raise TemplateError(problem=problem)
    for name, (least, most) in BOUNDS.items():
        value = getattr(hub, name)
        if value is not None and not least <= value <= most:
            raise OutOfBoundsError(name, least=least, most=most)
    if "parent_id" in changed:
        check_category(hub.guild_id, hub.parent_id)
    if "channel_id" in changed:
        _check_channel(hub)


def _check_channel(hub: Hub) -> None:
    there = Channel.objects.filter(
        pk=hub.channel_id, guild_id=hub.guild_id, kind=ChannelKind.VOICE, gone_at=None
    )
    if not there.exists():
        raise HubChannelError
    if Guild.objects.filter(pk=hub.guild_id, afk_channel_id=hub.channel_id).exists():
        raise AfkChannelError
    if Room.objects.in_channels([hub.channel_id]).exists():
        raise RoomAsHubError
    if Hub.objects.filter(channel_id=hub.channel_id).exclude(pk=hub.pk).exists():
        raise HubThereError


def check_category(guild_id: int, parent_id: int | None) -> None:
    """Refuses a category that is none of the guild's; None is in no category.

    Raises:
        CategoryError: if it is none.
    """
    if parent_id is None:
        return
    there = Channel.objects.filter(
        pk=parent_id, guild_id=guild_id, kind=ChannelKind.CATEGORY, gone_at=None
    )
    if not there.exists():
        raise CategoryError


def _record(
    hub: Hub,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: User,
    reason: str,
    now: datetime,
) -> None:
    """Leaves the trail, and tells the bot, in the caller's transaction."""
    audit.record_change(hub, action, before, after, actor=actor, reason=reason, at=now)
    # The tracker has to know which channels are hubs; whoever keeps rooms, all the rest.
    outbox.ask(RULES, guild_id=hub.guild_id, payload={}, now=now)
    wake(hub.guild_id)
