"""What staff decide by hand: credit, disputes, and the roles that follow."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from community.models import Guild, OutboxItem
from community.models.ids import new_id
from community.models.member import member_relation, named_member
from events_app.domain import words
from events_app.models.event import Event
from sessions_app.models import BlindGap


class OfMember(models.Model):
    """What concerns one member in one event."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="%(class)ss")
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="%(class)ss"
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("%(class)ss")

    class Meta:
        abstract = True


class Verdict(models.TextChoices):
    """What staff decide whatever the time says."""

    BY_TIME = "", "by their time"
    QUALIFIED = words.QUALIFIED, "qualified"
    REFUSED = words.REFUSED, "not qualified"


class CreditQuerySet(models.QuerySet["Credit"]):
    """Credits by what they mean to us."""

    def standing(self) -> CreditQuerySet:
        """Those that were not taken back."""
        return self.filter(withdrawn_at=None)


class Credit(OfMember):
    """Seconds or a verdict that staff gave, with a reason. A new count of the time keeps it."""

    seconds = models.FloatField(default=0.0, help_text="On top of what was counted.")
    verdict = models.CharField(
        max_length=16, choices=Verdict, blank=True, help_text="Of several the latest holds."
    )
    reason = models.TextField(max_length=1000)
    gap = models.ForeignKey(
        BlindGap,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="credits",
        help_text="The blind gap that it makes good.",
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150, help_text="Their name at the time.")
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=150, blank=True)

    objects = CreditQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(seconds__gte=0), name="credit_not_negative"),
            models.UniqueConstraint(
                fields=["event", "user_id", "gap"],
                condition=Q(withdrawn_at=None, gap__isnull=False),
                name="credit_once_for_a_gap",
            ),
        ]

    def __str__(self) -> str:
        return f"credit of {named_member(self, self.user_id)}"


class DisputeState(models.TextChoices):
    """Where a dispute stands."""

    OPEN = "open", "open"
    ACCEPTED = "accepted", "accepted"
    DECLINED = "declined", "declined"


class Dispute(OfMember):
    """A member says that a number is wrong; staff answer."""

    text = models.TextField(max_length=1000, help_text="What the member says.")
    state = models.CharField(max_length=16, choices=DisputeState, default=DisputeState.OPEN)
    opened_at = models.DateTimeField()
    answer = models.TextField(max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=150, blank=True)
    credit = models.ForeignKey(
        Credit, null=True, blank=True, on_delete=models.SET_NULL, related_name="disputes"
    )

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "user_id"],
                condition=Q(state="open"),
                name="dispute_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"dispute of {named_member(self, self.user_id)}"


class Interest(OfMember):
    """A member said on Discord that they are interested."""

    since = models.DateTimeField()

    class Meta:
        verbose_name_plural = "interest"
        ordering = ["since", "user_id"]
        constraints = [models.UniqueConstraint(fields=["event", "user_id"], name="interest_once")]

    def __str__(self) -> str:
        return f"interest of {named_member(self, self.user_id)}"


class RewardState(models.TextChoices):
    """Where a reward is on its way."""

    WANTED = "wanted", "to be given"
    GIVEN = "given", "given"
    REFUSED = "refused", "refused by Discord"
    REVOKING = "revoking", "to be taken back"
    REVOKED = "revoked", "taken back"


class Reward(OfMember):
    """A role given to a member who qualified: once, and revocable."""

    role_id = models.BigIntegerField(help_text="The role's id.")
    state = models.CharField(max_length=16, choices=RewardState, default=RewardState.WANTED)
    error = models.CharField(
        max_length=300, blank=True, help_text="What Discord said when it refused."
    )
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    item = models.ForeignKey(
        OutboxItem, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "user_id", "role_id"], name="reward_once")
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["wanted", "revoking"]),
                name="reward_under_way",
            )
        ]

    def __str__(self) -> str:
        return f"role {self.role_id} for {named_member(self, self.user_id)}"
