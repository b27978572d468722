"""How staff decide about the quarantine in tests, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.services.rooms.sweep import sweep_guild
from community.models import AuditEntry
from tests.botrunner.rooms.sandbox_beside import Discord, later

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from botrunner.domain.rooms.sweep import What


def how(sam: User) -> dict[str, Any]:
    """Gives who decides, why and when."""
    return {"actor": sam, "reason": "as agreed", "now": later(3)}


def swept(discord: Discord) -> list[tuple[What, int | None]]:
    """Sweeps a while later; gives what there was to be done."""
    with discord.rest() as rest:
        sweep = sweep_guild(discord.guild.id, rest=rest, now=later(20))
    return [(each.action.what, each.action.channel_id) for each in sweep.found]


def trail() -> list[tuple[str, str, str]]:
    """Reads what was decided, by whom and why."""
    return [(each.action, each.actor_name, each.reason) for each in AuditEntry.objects.all()]
