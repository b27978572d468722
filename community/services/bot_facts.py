"""What the bot says of itself: the intents that it runs with, and who it is.

It writes both with its heartbeats into ``Shard.figures``, beside what it counts, so that a
page need not trust that it was started with the bot's settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, F, Value

from community.models import Shard
from community.models.shard import shard_in_query
from community.services.outbox import HEARTBEAT_GRACE

if TYPE_CHECKING:
    from datetime import datetime

MEMBERS_INTENT: Final = "members_intent"
USER_ID: Final = "bot_user_id"
COMMANDS_UNTOLD: Final = "commands_untold"
"""The figures' keys; the last one's says why Discord does not know the commands."""


@dataclass(frozen=True, slots=True)
class BotFacts:
    """What is known of the bot that serves a guild, or that served it last.

    Attributes:
        is_running: whether it was heard of just now.
        has_members_intent: whether Discord tells it each change of a member's roles; None
            where it has not said.
        user_id: its own user id; None where it has not said.
    """

    is_running: bool = False
    has_members_intent: bool | None = None
    user_id: int | None = None


def bot_of(guild_id: int, *, now: datetime) -> BotFacts:
    """Tells what the bot of a guild's shard last said of itself."""
    its_shard = shard_in_query(Value(guild_id, output_field=BigIntegerField()), F("shard_count"))
    rows = (
        Shard.objects.annotate(its_shard=its_shard)
        .filter(shard_id=F("its_shard"))
        .order_by("-heartbeat_at")
        .values_list(
            "heartbeat_at", "stopped_at", f"figures__{MEMBERS_INTENT}", f"figures__{USER_ID}"
        )
    )
    row = rows.first()
    if row is None:
        return BotFacts()
    heartbeat_at, stopped_at, has_intent, user_id = row
    return BotFacts(
        is_running=stopped_at is None and heartbeat_at >= now - HEARTBEAT_GRACE,
        has_members_intent=has_intent if isinstance(has_intent, bool) else None,
        user_id=int(user_id) if isinstance(user_id, str) and user_id.isdecimal() else None,
    )
