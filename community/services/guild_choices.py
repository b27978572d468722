"""What a guild's staff choose: how its time is counted, and in which time zone it is shown."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from community.domain.errors import RollcallError
from community.models import Guild
from community.services import audit, outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.auth.models import User

RULES: Final = "guild.rules"
"""The kind of the outbox item that tells the bot to read a guild's rules anew."""

CHOICES: Final = (
    "time_zone",
    "tracks_bots",
    "micro_session_seconds",
    "counts_muted",
    "counts_deafened",
    "counts_alone",
    "counts_afk",
)
"""The fields of a guild that its staff choose; the others are Discord's."""


class UnknownTimeZoneError(RollcallError):
    """There is no time zone {name!r}: it wants an IANA name, such as Europe/Berlin."""

    code = "unknown_time_zone"


def check_time_zone(name: str) -> None:
    """Refuses what is no IANA time zone.

    Raises:
        UnknownTimeZoneError: if it is none.
    """
    if name not in zoneinfo.available_timezones():
        raise UnknownTimeZoneError(name=name)


def choose(
    guild_id: int, choices: Mapping[str, Any], *, actor: User, now: datetime
) -> dict[str, Any]:
    """Changes what a guild has chosen, leaves a trail, and tells the bot.

    Args:
        guild_id: the guild.
        choices: values by the names of :data:`CHOICES`; those not named stay.
        actor: who chooses.
        now: when.

    Returns:
        The values that changed; where none did, nothing is recorded or told.

    Raises:
        UnknownTimeZoneError: if the time zone is none.
    """
    check_time_zone(choices.get("time_zone", "UTC"))
    with transaction.atomic():
        guild = Guild.objects.select_for_update().get(pk=guild_id)
        chosen = {name: choices[name] for name in CHOICES if name in choices}
        before = {name: getattr(guild, name) for name in chosen}
        changed = {name: value for name, value in chosen.items() if before[name] != value}
        if not changed:
            return {}

        for name, value in changed.items():
            setattr(guild, name, value)
        guild.save(update_fields=list(changed))
        audit.record(
            actor=actor,
            action="guild.choose",
            target=guild,
            guild_id=guild_id,
            reason="",
            before={name: before[name] for name in changed},
            after=changed,
            at=now,
        )
        outbox.ask(RULES, guild_id=guild_id, payload={}, now=now)
    return changed
