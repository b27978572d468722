"""Blind gaps: when nobody watched a guild, why, and whose sessions it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from community.models import Guild
from community.models.ids import new_id
from community.models.member import member_relation
from sessions_app.domain import words

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sessions_app.models.voice_session import VoiceSession


class GapCause(models.TextChoices):
    """Why a guild was not seen."""

    BOT_DOWN = words.BOT_DOWN, "bot down"
    CONNECTION_LOST = words.CONNECTION_LOST, "connection to Discord lost"
    GUILD_OUTAGE = words.GUILD_OUTAGE, "outage of the guild at Discord"
    BOT_REMOVED = words.BOT_REMOVED, "bot not in the guild"
    SPOOL_FULL = words.SPOOL_FULL, "facts dropped: the spool was full"
    EVENT_MISSED = words.EVENT_MISSED, "an event never came"


class BlindGapQuerySet(models.QuerySet["BlindGap"]):
    """Blind gaps by what they mean to us."""

    def unseen(self) -> BlindGapQuerySet:
        """Those in which something may have been missed: replayed ones are for the record."""
        return self.filter(is_replayed=False)

    def of_guilds(self) -> BlindGapQuerySet:
        """Those that concern everyone in a guild."""
        return self.filter(user_id=None)

    def within(self, start: datetime, end: datetime) -> BlindGapQuerySet:
        """Those that have time in common with ``[start, end)``."""
        return self.filter(began_at__lt=end, ended_at__gt=start)

    def touching(self, session: VoiceSession) -> BlindGapQuerySet:
        """Those that a session's start or end lies in, or at the edge of."""
        boundaries = Q(began_at__lte=session.started_at, ended_at__gte=session.started_at)
        if session.ended_at is not None:
            boundaries |= Q(began_at__lte=session.ended_at, ended_at__gte=session.ended_at)
        concerned = Q(user_id=None) | Q(user_id=session.user_id)
        return self.filter(boundaries, concerned, guild_id=session.guild_id)

    def for_changelist(self) -> BlindGapQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries."""
        return self.select_related("member").prefetch_related("guild")


class BlindGap(models.Model):
    """A stretch of time in which a guild, or one of its members, was not watched.

    It is written when it ends, in the transaction that settles what happened in it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="blind_gaps",
    )
    user_id = models.BigIntegerField(
        null=True, blank=True, help_text="The one member whom it concerns; empty for everyone."
    )
    member = member_relation("blind_gaps", blank=True)
    shard_id = models.PositiveIntegerField(null=True, blank=True)
    cause = models.CharField(max_length=16, choices=GapCause)
    began_at = models.DateTimeField(
        "from", help_text="Up to then everything was seen: the arrival of the last frame."
    )
    ended_at = models.DateTimeField("until", help_text="The sight that ended it.")
    is_replayed = models.BooleanField(
        "replayed",
        default=False,
        help_text="Discord told afterwards all that had happened: nothing was missed.",
    )
    sessions_touched = models.PositiveIntegerField(
        default=0, help_text="Sessions that went on across it, or began or ended in it."
    )
    sessions_mended = models.PositiveIntegerField(
        default=0, help_text="Those of them whose start or end had to be inferred."
    )

    objects = BlindGapQuerySet.as_manager()

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("began_at")), name="blind_gap_ends_after_start"
            )
        ]
        indexes = [
            models.Index(fields=["-began_at", "-id"], name="blind_gap_newest"),
            models.Index(fields=["guild", "-began_at"], name="blind_gap_of_guild"),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} from {self.began_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def length(self) -> timedelta:
        """How long it was."""
        return self.ended_at - self.began_at
