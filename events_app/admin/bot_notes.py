"""What the pages of events say of the bot: that it is away, or sees roles in passing only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from community.services.bot_facts import BotFacts, bot_of

if TYPE_CHECKING:
    from datetime import datetime

    from events_app.models.rules import Rules

ROLES_IN_PASSING: Final = (
    "The bot runs without Discord's members intent: it sees a member's roles only when something "
    "of their voice changes, so a role that is given or taken in between is known from then on, "
    "and the uncertainty says by how much it may be off."
)

NO_BOT: Final = "No bot runs for this guild now: what is asked for is done as soon as one is back."


def roles_note(bot: BotFacts) -> str:
    """Says that roles are known from voice alone, where that is so."""
    return ROLES_IN_PASSING if bot.has_members_intent is False else ""


def roles_note_of(rules: Rules, *, guild_id: int, now: datetime) -> str:
    """Says the same, where the rules ask for roles at all."""
    return roles_note(bot_of(guild_id, now=now)) if rules.asks_for_roles else ""
