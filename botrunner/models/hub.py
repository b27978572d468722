"""Hubs, and what a guild has chosen for its rooms."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from community.models import Guild
from community.models.ids import new_id

MOST_USERS = 99
"""The highest user limit of a voice channel on Discord."""
LEAST_BITRATE = 8_000
MOST_BITRATE = 384_000
LONGEST_GRACE_SECONDS = 3600
LEAST_TIMEOUT_SECONDS = 5
LONGEST_TIMEOUT_SECONDS = 3600
MOST_ROOMS = 50

_TEMPLATE_HELP = "{user} stands for the owner's name, {number} for the lowest free number."


class Hub(models.Model):
    """A voice channel that gives whoever joins it a room, and moves them there."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="hubs"
    )
    channel_id = models.BigIntegerField("channel", help_text="The hub's channel.")
    is_enabled = models.BooleanField("enabled", default=True)
    name_template = models.CharField(
        max_length=100, default="{user}'s room", help_text=_TEMPLATE_HELP
    )
    parent_id = models.BigIntegerField(
        "category", null=True, blank=True, help_text="Where rooms are made; empty: the hub's own."
    )
    user_limit = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_USERS)],
        help_text="0 to 99, 0 for none; empty: the hub's own.",
    )
    bitrate = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_BITRATE), MaxValueValidator(MOST_BITRATE)],
        help_text="Bits a second, 8,000 to 384,000; empty: the hub's own.",
    )
    grace_seconds = models.PositiveIntegerField(
        "grace, seconds",
        default=0,
        validators=[MaxValueValidator(LONGEST_GRACE_SECONDS)],
        help_text="How long an empty room waits for somebody to come back.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["guild_id", "created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["channel_id"], name="hub_one_for_each_channel")
        ]

    def __str__(self) -> str:
        return f"hub {self.channel_id}"


class RoomRules(models.Model):
    """What a guild has chosen for its rooms; a guild without a row has the defaults."""

    guild = models.OneToOneField(
        Guild,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="room_rules",
    )
    is_enabled = models.BooleanField(
        "rooms on demand", default=True, help_text="Whether members may ask for rooms."
    )
    name_template = models.CharField(
        max_length=100, default="Voice-{user}", help_text=_TEMPLATE_HELP
    )
    parent_id = models.BigIntegerField(
        "category", null=True, blank=True, help_text="Where rooms are made; empty: in none."
    )
    timeout_seconds = models.PositiveIntegerField(
        "time to come, seconds",
        null=True,
        blank=True,
        validators=[
            MinValueValidator(LEAST_TIMEOUT_SECONDS),
            MaxValueValidator(LONGEST_TIMEOUT_SECONDS),
        ],
        help_text="How long a new room waits for its owner; empty: as VOICE_TIMEOUT says.",
    )
    grace_seconds = models.PositiveIntegerField(
        "grace, seconds",
        default=0,
        validators=[MaxValueValidator(LONGEST_GRACE_SECONDS)],
        help_text="How long an empty room waits for somebody to come back.",
    )
    most_rooms = models.PositiveSmallIntegerField(
        "rooms at once",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_ROOMS)],
        help_text="How many rooms on demand there may be at once; who asks then waits.",
    )
    bot_joins = models.BooleanField(
        "the bot joins",
        default=True,
        help_text="Whether the bot sits in a room on demand; it can sit in one at a time.",
    )
    closes_at_shutdown = models.BooleanField(
        "close at shutdown",
        default=False,
        help_text="Whether rooms end when Rollcall stops; else they are there afterwards.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "rules of rooms"
        constraints = [
            models.CheckConstraint(condition=Q(most_rooms__gte=1), name="room_rules_one_at_least")
        ]

    def __str__(self) -> str:
        return f"rules of rooms of guild {self.guild_id}"
