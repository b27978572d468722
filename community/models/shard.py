"""The bot's connections to Discord, one row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import F
    from django.db.models.expressions import Combinable


def shard_in_query(guild_id: Combinable, shard_count: int | F) -> Combinable:
    """Says within a query what :func:`community.domain.sharding.shard_of` says in Python.

    Args:
        guild_id: the guild's id, or the column that holds it.
        shard_count: among how many shards, or the column that tells.
    """
    return guild_id.bitrightshift(22) % shard_count


class ShardQuerySet(models.QuerySet["Shard"]):
    """Shards by what they mean to us."""

    def alive(self, *, since: datetime) -> ShardQuerySet:
        """Shards whose bot has written a heartbeat at or after ``since``."""
        return self.filter(heartbeat_at__gte=since, stopped_at=None)


class Shard(models.Model):
    """One shard of the bot: which process serves it, and when it was last heard of."""

    shard_id = models.PositiveIntegerField()
    shard_count = models.PositiveIntegerField()
    holder = models.CharField(
        max_length=64, blank=True, help_text="The bot's data folder, which holds the lease."
    )
    fence = models.BigIntegerField(
        default=0, help_text="Grows each time that the lease is taken: a former holder's is less."
    )
    applied_sequence = models.BigIntegerField(
        default=0, help_text="The last of the shard's facts that is in the books."
    )
    identify_at = models.DateTimeField(
        null=True, blank=True, help_text="The shard's latest turn to IDENTIFY."
    )
    figures = models.JSONField(
        default=dict, blank=True, help_text="What the bot counted since it started."
    )
    process = models.CharField(max_length=100, help_text="Host and process id of the bot.")
    started_at = models.DateTimeField(help_text="When this process took the shard.")
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bot stopped in good order; empty otherwise."
    )
    heartbeat_at = models.DateTimeField(help_text="When the bot last wrote that it lives.")
    last_frame_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Arrival of the last frame from Discord: up to then nothing was missed.",
    )
    is_connected = models.BooleanField("connected", default=False)
    latency_seconds = models.FloatField(
        null=True, blank=True, help_text="Discord's heartbeat round trip."
    )

    objects = ShardQuerySet.as_manager()

    class Meta:
        ordering = ["shard_count", "shard_id"]
        constraints = [
            models.UniqueConstraint(fields=["shard_count", "shard_id"], name="shard_one_of_count")
        ]

    def __str__(self) -> str:
        return f"shard {self.shard_id} of {self.shard_count}"
