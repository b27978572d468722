"""The shard's row: who serves it, and when it was last heard of. For the writer's thread."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from django.db.models import F

from community.models import Guild, Shard
from community.models.shard import shard_in_query

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.gateway.things import Mark


def process_name() -> str:
    """Names this process: its host and its id."""
    return f"{socket.gethostname()[:80]} {os.getpid()}"


def claim(shard_id: int, shard_count: int, *, now: datetime) -> None:
    """Notes that this process serves the shard from now on."""
    taken = {
        "process": process_name(),
        "started_at": now,
        "stopped_at": None,
        "heartbeat_at": now,
        "is_connected": False,
        "latency_seconds": None,
    }
    Shard.objects.update_or_create(shard_id=shard_id, shard_count=shard_count, defaults=taken)


def beat(shard_id: int, shard_count: int, mark: Mark, *, now: datetime) -> None:
    """Notes how the shard is, in the transaction that commits all that came before."""
    changes: dict[str, Any] = {
        "heartbeat_at": now,
        "is_connected": mark.is_connected,
        "latency_seconds": mark.latency,
    }
    if mark.complete_until is not None:
        changes["last_frame_at"] = mark.complete_until
    if mark.is_last:
        changes["stopped_at"] = now
    Shard.objects.filter(shard_id=shard_id, shard_count=shard_count, process=process_name()).update(
        **changes
    )


def present_guild_ids(shard_id: int, shard_count: int) -> list[int]:
    """Lists the shard's guilds that the bot was in when last seen."""
    return list(
        Guild.objects.present()
        .annotate(shard=shard_in_query(F("id"), shard_count))
        .filter(shard=shard_id)
        .order_by()
        .values_list("id", flat=True)
    )
