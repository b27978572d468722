"""What an event was before a change, and what changed since participation was worked out."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from community.models.ids import new_id
from events_app.domain import words
from events_app.models.event import Event


class EventVersion(models.Model):
    """An event's window, rules and results as they were before a change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    plan = models.JSONField(help_text="Window, channels and rules.")
    results = models.JSONField(
        help_text="By user id: seconds, credited seconds, share, qualified, reasons."
    )
    replaced_at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(
        max_length=150, blank=True, help_text="Who replaced it; empty: Discord."
    )
    reason = models.TextField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["event", "number"], name="event_version_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of event {self.event_id}"


class Change(models.Model):
    """Something changed that participation comes from; the next rollup takes the row away.

    One row for a whole batch: what changes thousands of sessions writes as few rows as it
    has transactions.
    """

    class Kind(models.TextChoices):
        """What changed."""

        SESSIONS = words.SESSIONS, "voice sessions"
        MEMBERS = words.MEMBERS, "members' roles"
        GUILD = words.GUILD, "a guild's time"
        EVENT = words.EVENT, "an event"

    kind = models.CharField(max_length=16, choices=Kind)
    session_ids = ArrayField(models.UUIDField(), default=list, help_text="Of voice sessions.")
    guild_id = models.BigIntegerField(null=True, help_text="Whose members, or whose time.")
    user_ids = ArrayField(models.BigIntegerField(), default=list, help_text="Members.")
    event_id = models.UUIDField(null=True)
    since = models.DateTimeField(null=True, help_text="From when on it may matter.")
    until = models.DateTimeField(null=True, help_text="Up to when it may matter; empty: for ever.")
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"change {self.pk}: {self.kind}"
