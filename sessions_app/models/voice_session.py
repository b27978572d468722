"""Voice sessions: one member in one channel."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.lookups import GreaterThan

from community.models import Channel, Guild
from community.models.ids import new_id
from community.models.member import member_relation, named_member
from sessions_app.domain import words
from sessions_app.domain.sums import Measured
from sessions_app.models.stretches import StretchesField
from sessions_app.models.visit import Visit

if TYPE_CHECKING:
    from datetime import datetime


LONG: Final = timedelta(hours=4)
"""Sessions that are longer have an index of their own."""


class SessionStatus(models.TextChoices):
    """Whether a session goes on, and how its end is known."""

    ACTIVE = words.ACTIVE, "active"
    COMPLETED = words.COMPLETED, "completed"
    STALE = words.STALE, "stale (ended by estimate)"
    CANCELLED = words.CANCELLED, "cancelled (voided by staff)"


class EndReason(models.TextChoices):
    """Why a session ended, as far as Discord lets us tell."""

    LEFT = words.LEFT, "left"
    MOVED = words.MOVED, "moved to another channel"
    KICKED = words.KICKED, "kicked from the guild"
    DISCONNECTED = words.DISCONNECTED, "disconnected by a moderator"
    CHANNEL_DELETED = words.CHANNEL_DELETED, "channel deleted"
    BOT_REMOVED = words.BOT_REMOVED, "bot removed from the guild"
    RECOVERED = words.RECOVERED, "settled by a comparison"
    STALE = words.STALE, "no checkpoint came"
    CORRECTED = words.CORRECTED, "corrected by staff"
    IMPORTED = words.IMPORTED, "imported"
    CAPPED = words.CAPPED, "longest length reached"


class StartKind(models.TextChoices):
    """How a session's start is known."""

    OBSERVED = words.OBSERVED, "seen live"
    INFERRED = words.INFERRED, "inferred after a blind gap"
    FIRST_SIGHT = words.FIRST_SIGHT, "under way when the guild was first seen"


class VoiceSessionQuerySet(models.QuerySet["VoiceSession"]):
    """Voice sessions by what they mean to us."""

    def active(self) -> VoiceSessionQuerySet:
        """Sessions that go on."""
        return self.filter(status=SessionStatus.ACTIVE)

    def counted(self) -> VoiceSessionQuerySet:
        """Sessions that count anywhere: all but those that staff voided."""
        return self.exclude(status=SessionStatus.CANCELLED)

    def gone_stale(self, *, since: datetime) -> VoiceSessionQuerySet:
        """Sessions that ended by estimate after ``since``.

        An import's sessions without an end are stale too, with a reason of their own.
        """
        return self.filter(
            status=SessionStatus.STALE, end_reason=EndReason.STALE, ended_at__gt=since
        )

    def for_sums(self) -> VoiceSessionQuerySet:
        """Those that count, with no more of them than a sum of their time needs."""
        return self.counted().only(
            "visit_id", "status", "started_at", "ended_at", "start_uncertainty", "end_uncertainty"
        )

    def for_changelist(self) -> VoiceSessionQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries.

        Guilds and channels are not joined: a row whose channel is not mirrored stays.
        """
        return self.select_related("member").prefetch_related("guild", "channel")


class VoiceSession(models.Model):
    """One member in one channel, from entering to leaving it.

    Stretches (muted, deafened, ...) reach at most over ``[started_at, ended_at)``; one
    that goes on has no upper bound and is cut by the session. The seconds beside them
    are the sums of an ended session; those of an active one are 0 until it ends.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="sessions")
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="voice_sessions",
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("voice_sessions")
    # Never empty (a constraint sees to it): null here joins a channel that is not mirrored.
    channel = models.ForeignKey(
        Channel,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="voice_sessions",
    )
    status = models.CharField(max_length=16, choices=SessionStatus, default=SessionStatus.ACTIVE)
    started_at = models.DateTimeField(
        help_text="When it began, the time of a micro-session dropped before it included."
    )
    entered_at = models.DateTimeField(help_text="When the member came into this very channel.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it goes on.")
    last_seen_at = models.DateTimeField(
        help_text="The latest instant at which the member was seen to be there (checkpoint)."
    )
    start_kind = models.CharField(
        max_length=16, choices=StartKind, default=StartKind.OBSERVED, help_text="How it is known."
    )
    end_reason = models.CharField(
        max_length=16, choices=EndReason, blank=True, help_text="Empty while it goes on."
    )
    start_uncertainty = models.FloatField(
        default=0.0, help_text="Seconds by which the start may be off; 0 when seen live."
    )
    end_uncertainty = models.FloatField(
        default=0.0, help_text="Seconds by which the end may be off; 0 when seen live."
    )
    muted = StretchesField(help_text="Muted, by the member or by a moderator.")
    deafened = StretchesField(help_text="Deafened, by the member or by a moderator.")
    camera = StretchesField(help_text="With the camera on.")
    streaming = StretchesField(help_text="Sharing a screen.")
    alone = StretchesField(help_text="With no other member who is not a bot in the channel.")
    afk = StretchesField(help_text="While the channel was the guild's AFK channel.")
    muted_seconds = models.FloatField(default=0.0)
    deafened_seconds = models.FloatField(default=0.0)
    camera_seconds = models.FloatField(default=0.0)
    streaming_seconds = models.FloatField(default=0.0)
    alone_seconds = models.FloatField(default=0.0)
    afk_seconds = models.FloatField("AFK seconds", default=0.0)

    objects = VoiceSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(channel__isnull=False), name="voice_session_has_channel"
            ),
            models.UniqueConstraint(
                fields=["guild", "user_id"],
                condition=Q(status=words.ACTIVE),
                name="voice_session_one_active",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="voice_session_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(status=words.ACTIVE, ended_at=None)
                | (~Q(status=words.ACTIVE) & Q(ended_at__isnull=False)),
                name="voice_session_active_has_no_end",
            ),
            models.CheckConstraint(
                condition=Q(start_uncertainty__gte=0, end_uncertainty__gte=0),
                name="voice_session_uncertainty_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="voice_session_newest"),
            models.Index(
                fields=["guild", "user_id", "-started_at"], name="voice_session_of_member"
            ),
            models.Index(fields=["channel", "-started_at"], name="voice_session_in_channel"),
            models.Index(fields=["guild", "-started_at"], name="voice_session_in_guild"),
            # Few are long: who looks for what lies about a window need not look far back.
            models.Index(
                fields=["guild", "-started_at"],
                condition=Q(GreaterThan(F("ended_at") - F("started_at"), Value(LONG))),
                name="voice_session_long",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(status=words.STALE),
                name="voice_session_stale",
            ),
            models.Index(
                fields=["-started_at", "-id"],
                condition=Q(status=words.CANCELLED),
                name="voice_session_voided",
            ),
        ]
        permissions = [("correct_voicesession", "Can correct a voice session")]

    def __str__(self) -> str:
        who = named_member(self, self.user_id)
        return f"Voice session of {who} from {self.started_at:%Y-%m-%d %H:%M:%S} UTC"

    def duration(self, *, now: datetime) -> timedelta:
        """Tells how long it lasted, or has lasted by ``now`` where it goes on."""
        return max((self.ended_at or now), self.started_at) - self.started_at

    @property
    def uncertainty(self) -> float:
        """Seconds by which its length may be off: its start's and its end's together."""
        return self.start_uncertainty + self.end_uncertainty

    def measured(self, *, now: datetime) -> Measured:
        """Gives its time for a sum; one that goes on is cut at ``now``."""
        return Measured(
            self.started_at, self.ended_at or now, self.start_uncertainty, self.end_uncertainty
        )

    def seconds(self, kind: str, *, now: datetime) -> float:
        """Sums one kind of stretches, cut to the session (by ``now`` where it goes on).

        Args:
            kind: the stretches' column, such as ``muted``.
            now: where a session that goes on is cut.
        """
        end = self.ended_at or now
        stretches: list[tuple[datetime, datetime | None]] = getattr(self, kind)
        return sum(
            max((min(until or end, end) - max(start, self.started_at)).total_seconds(), 0.0)
            for start, until in stretches
        )
