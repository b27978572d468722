"""What a guild's staff choose for its rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from botrunner.domain.rooms.templates import problem_of
from botrunner.models import RoomRules
from botrunner.models.hub import (
    LEAST_TIMEOUT_SECONDS,
    LONGEST_GRACE_SECONDS,
    LONGEST_TIMEOUT_SECONDS,
    MOST_ROOMS,
)
from botrunner.services.rooms.choice_errors import OutOfBoundsError, TemplateError
from botrunner.services.rooms.hub_choices import check_category
from botrunner.services.rooms.requests import admit
from botrunner.services.rooms.wakes import wake
from community.models import Guild
from community.services import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.auth.models import User

CHOICES: Final = (
    "is_enabled",
    "name_template",
    "parent_id",
    "timeout_seconds",
    "grace_seconds",
    "most_rooms",
    "bot_joins",
    "closes_at_shutdown",
)
"""The fields of a guild's rules of rooms."""

BOUNDS: Final = {
    "timeout_seconds": (LEAST_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS),
    "grace_seconds": (0, LONGEST_GRACE_SECONDS),
    "most_rooms": (1, MOST_ROOMS),
}


def choose_rules(
    guild_id: int, choices: Mapping[str, Any], *, actor: User, now: datetime
) -> dict[str, Any]:
    """Changes what a guild has chosen for its rooms, leaves a trail, and wakes the bot.

    Rooms that wait for their turn get it at once where there may be more of them now.

    Args:
        guild_id: the guild.
        choices: values by the names of :data:`CHOICES`; those not named stay.
        actor: who chooses.
        now: when.

    Returns:
        The values that changed; where none did, nothing is recorded.

    Raises:
        ChoiceError: one of its kinds, naming the field.
    """
    with transaction.atomic():
        # There may be no row to lock yet: the guild's stands in for it.
        Guild.objects.select_for_update().get(pk=guild_id)
        found = RoomRules.objects.filter(pk=guild_id).first()
        rules = found or RoomRules(guild_id=guild_id)
        before = {name: getattr(rules, name) for name in CHOICES}
        changed = {
            name: choices[name]
            for name in CHOICES
            if name in choices and choices[name] != before[name]
        }
        if not changed:
            return {}

        for name, value in changed.items():
            setattr(rules, name, value)
        _check(rules, changed)
        rules.save()
        former = {name: before[name] for name in changed}
        audit.record_change(rules, "rooms.choose", former, changed, actor=actor, reason="", at=now)
        wake(guild_id)
    admit(now=now)
    return changed


def _check(rules: RoomRules, changed: Mapping[str, Any]) -> None:
    problem = problem_of(rules.name_template)
    if problem:
        raise TemplateError(problem=problem)
    for name, (least, most) in BOUNDS.items():
        value = getattr(rules, name)
        if value is None and name == "timeout_seconds":
            continue
        if value is None or not least <= value <= most:
            raise OutOfBoundsError(name, least=least, most=most)
    if "parent_id" in changed:
        check_category(rules.guild_id, rules.parent_id)
