"""What members are credited with, and which of their sessions belong to which event."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from community.models import Guild
from community.models.ids import new_id
from community.models.member import member_relation, named_member
from events_app.domain import words
from events_app.models.event import Event
from sessions_app.models import VoiceSession


class Reason(models.TextChoices):
    """Why a member does not qualify."""

    NOT_COUNTED = words.NOT_COUNTED, "no time that counts"
    NO_ROLE = words.NO_ROLE, "did not hold the roles"
    TOO_SHORT = words.TOO_SHORT, "stayed for less than the minimum"
    SHARE_TOO_SMALL = words.SHARE_TOO_SMALL, "stayed for less than the minimum share"
    UNSEEN = words.UNSEEN, "none of the window was watched"
    FULL = words.FULL, "arrived after the event was full"
    REFUSED = words.REFUSED, "not credited, by staff's decision"


class SessionLink(models.Model):
    """A voice session that belongs to an event: it may belong to several."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="session_links")
    user_id = models.BigIntegerField(help_text="The member's user id.")
    # A session that is dropped takes no link along: the next rollup does.
    session = models.ForeignKey(
        VoiceSession,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="event_links",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "session"], name="session_link_once")
        ]

    def __str__(self) -> str:
        return f"session {self.session_id} in event {self.event_id}"


class ParticipationQuerySet(models.QuerySet["Participation"]):
    """Participation by what it means to us."""

    def qualified(self) -> ParticipationQuerySet:
        """Those who qualify."""
        return self.filter(is_qualified=True)

    def for_changelist(self) -> ParticipationQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries."""
        return self.select_related("member", "event").prefetch_related("guild")


class Participation(models.Model):
    """What an event credits a member with; worked out anew whenever anything changes.

    Who was never in a channel that counts during the window, and has no credit, has none.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="participations")
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="participations",
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("participations")
    first_arrival_at = models.DateTimeField(
        "first arrival",
        null=True,
        blank=True,
        help_text="When they were first there, from the window's start on.",
    )
    last_departure_at = models.DateTimeField(
        "last departure", null=True, blank=True, help_text="Empty while they are there."
    )
    counted_from = models.DateTimeField(
        null=True, blank=True, help_text="From when on their time counted: their place in line."
    )
    seconds = models.FloatField(default=0.0, help_text="That count, credit apart.")
    credited_seconds = models.FloatField(default=0.0, help_text="Credited by staff on top.")
    uncertainty = models.FloatField(
        default=0.0, help_text="Seconds by which the counted ones may be off."
    )
    window_seconds = models.FloatField(
        default=0.0, help_text="The window that the share is of: without what was left out."
    )
    share = models.FloatField(
        null=True, blank=True, help_text="Of the window, from 0 to 1; empty where it has no length."
    )
    member_window_seconds = models.FloatField(
        default=0.0, help_text="The part of that window since they joined the guild."
    )
    share_since_joining = models.FloatField(
        null=True, blank=True, help_text="Of that part, from 0 to 1; empty where it has no length."
    )
    sessions = models.PositiveIntegerField(default=0, help_text="Voice sessions in the window.")
    stretches = models.PositiveIntegerField(
        default=0, help_text="Times that they came: a return within the rejoin grace is none."
    )
    is_late = models.BooleanField("late", default=False)
    left_early = models.BooleanField("left early", default=False)
    is_qualified = models.BooleanField("qualified", default=False)
    is_in_doubt = models.BooleanField(
        "in doubt",
        default=False,
        help_text="Whether the uncertainty is wide enough to decide it the other way.",
    )
    reasons = ArrayField(
        models.CharField(max_length=16, choices=Reason),
        default=list,
        blank=True,
        help_text="Why not, where they do not qualify.",
    )

    objects = ParticipationQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "participation"
        ordering = ["counted_from", "user_id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "user_id"], name="participation_once")
        ]
        indexes = [models.Index(fields=["guild", "user_id"], name="participation_of_member")]

    def __str__(self) -> str:
        return f"{named_member(self, self.user_id)} in event {self.event_id}"

    @property
    def total_seconds(self) -> float:
        """What counts and what staff credited, at most the window's length."""
        return min(self.seconds + self.credited_seconds, max(self.window_seconds, self.seconds))
