"""Events: a window of time in which being there is credited."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from community.models import Guild
from community.models.ids import new_id
from events_app.domain import words
from events_app.models.rules import Rules
from events_app.models.series import EventSeries

if TYPE_CHECKING:
    from datetime import timedelta


class EventState(models.TextChoices):
    """Where an event is in its life."""

    DRAFT = words.DRAFT, "draft"
    SCHEDULED = words.SCHEDULED, "scheduled"
    LIVE = words.LIVE, "live"
    ENDED = words.ENDED, "ended"
    CANCELLED = words.CANCELLED, "cancelled"


class DiscordStatus(models.TextChoices):
    """What Discord says of its scheduled event, in Discord's words."""

    SCHEDULED = words.SCHEDULED, "scheduled"
    ACTIVE = words.ACTIVE, "active"
    COMPLETED = words.COMPLETED, "completed"
    CANCELED = words.CANCELED, "canceled"


class EventQuerySet(models.QuerySet["Event"]):
    """Events by what they mean to us."""

    def for_changelist(self) -> EventQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries."""
        return self.select_related("series").prefetch_related("guild")


class Event(Rules):
    """What an organizer plans, or what Discord announced; of a series, one occurrence."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    series = models.ForeignKey(
        EventSeries, null=True, blank=True, on_delete=models.PROTECT, related_name="events"
    )
    planned_start = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Where its series puts its start: tells which occurrence it is, whenever it "
        "was moved to.",
    )
    is_apart = models.BooleanField(
        "edited apart",
        default=False,
        help_text="Edited on its own: a change of its series leaves it as it is.",
    )
    title = models.CharField(max_length=100)
    description = models.TextField(max_length=1000, blank=True)
    time_zone = models.CharField(max_length=64, help_text="IANA name, such as Europe/Berlin.")
    starts_at = models.DateTimeField("start")
    ends_at = models.DateTimeField("end")
    state = models.CharField(max_length=16, choices=EventState, default=EventState.SCHEDULED)
    counted_channel_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        blank=True,
        editable=False,
        help_text="The channels that count, categories resolved; empty: the whole guild.",
    )
    reward_role = models.BigIntegerField(
        "role for those who qualify", null=True, blank=True, help_text="Its id; empty: none."
    )
    discord_event_id = models.BigIntegerField(
        null=True, blank=True, help_text="Id of the scheduled event on Discord (snowflake)."
    )
    is_from_discord = models.BooleanField(
        "from Discord", default=False, help_text="Made on Discord: its times are edited there."
    )
    discord_status = models.CharField(
        "on Discord",
        max_length=16,
        choices=DiscordStatus,
        blank=True,
        default="",
        editable=False,
        help_text="What Discord last said of it; one that was deleted there counts as canceled. "
        "Empty: nothing.",
    )
    discord_seen_at = models.DateTimeField(
        "last heard of on Discord",
        null=True,
        blank=True,
        editable=False,
        help_text="When the newest word of Discord's about it arrived.",
    )
    version = models.PositiveIntegerField(
        default=1, help_text="Grows with each change of what its results come from."
    )
    counted_at = models.DateTimeField(
        null=True, blank=True, help_text="When participation was last worked out."
    )
    created_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta(Rules.Meta):
        ordering = ["-starts_at", "-id"]
        constraints = [
            *Rules.Meta.constraints,
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="event_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["series", "planned_start"], name="event_one_for_each_occurrence"
            ),
            models.UniqueConstraint(
                fields=["discord_event_id"],
                condition=Q(planned_start=None),
                name="event_one_for_each_on_discord",
            ),
            models.UniqueConstraint(
                fields=["discord_event_id", "planned_start"],
                name="event_one_for_each_repeat_on_discord",
            ),
        ]
        indexes = [
            models.Index(fields=["-starts_at", "-id"], name="event_newest"),
            models.Index(fields=["guild", "-starts_at"], name="event_of_guild"),
            models.Index(
                fields=["ends_at"],
                condition=Q(state__in=[words.SCHEDULED, words.LIVE]),
                name="event_ahead",
            ),
        ]
        permissions = [
            ("credit_event", "Can credit members and answer their disputes"),
            ("reward_event", "Can give and take the roles of events"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.starts_at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which its times are told."""
        return ZoneInfo(self.time_zone)

    @property
    def length(self) -> timedelta:
        """How long its window is."""
        return self.ends_at - self.starts_at

    @property
    def is_on(self) -> bool:
        """Whether it counts: neither a draft nor cancelled."""
        return self.state not in {EventState.DRAFT, EventState.CANCELLED}
