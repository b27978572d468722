"""Channels that look like Rollcall's and are not proved to be."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from community.models import Guild
from community.models.ids import new_id


class QuarantineState(models.TextChoices):
    """What became of it."""

    OPEN = "open", "to be decided"
    ADOPTED = "adopted", "a room of ours now"
    LEFT_ALONE = "left_alone", "left alone"
    DELETED = "deleted", "deleted"
    GONE = "gone", "gone by itself"


class QuarantinedChannel(models.Model):
    """A channel without a room that looks like one of ours: staff decide, and nobody else."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="quarantine"
    )
    channel_id = models.BigIntegerField("channel")
    name = models.CharField(max_length=100)
    why = models.CharField(max_length=300, help_text="Why it looks like one of ours.")
    is_untold = models.BooleanField(
        "untold",
        default=False,
        db_default=False,
        help_text="Whether only the audit log, which does not tell who made it, is in the way. "
        "What the log proves of it later, the sweep does.",
    )
    state = models.CharField(max_length=16, choices=QuarantineState, default=QuarantineState.OPEN)
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-found_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel_id"], name="quarantine_once"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None)
                | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="quarantine_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return self.name
