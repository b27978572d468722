"""What an event asks of those who take part; an event and its series share it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from events_app.domain import words


class GapPolicy(models.TextChoices):
    """What becomes of time in which a guild was not watched."""

    EXCLUDE = words.EXCLUDE, "leave it out: it counts for nobody, and shortens the window"
    CREDIT = words.CREDIT, "credit it to those who were there just before or after"


def snowflakes(help_text: str) -> ArrayField[list[int], list[int]]:
    """Makes a column of Discord's ids."""
    return ArrayField(models.BigIntegerField(), default=list, blank=True, help_text=help_text)


class Rules(models.Model):
    """Which time counts, and how much of it is wanted."""

    channel_ids = snowflakes("Channels and categories that count; none: the whole guild.")
    any_role_ids = snowflakes("Roles of which one has to be held.")
    all_role_ids = snowflakes("Roles that have to be held together.")
    no_role_ids = snowflakes("Roles that must not be held.")
    minimum_seconds = models.PositiveIntegerField(
        "minimum stay, seconds", null=True, blank=True, help_text="Empty: any."
    )
    minimum_share = models.FloatField(
        "minimum share",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Of the window, from 0 to 1; empty: any.",
    )
    late_grace_seconds = models.PositiveIntegerField(
        "late grace, seconds",
        default=0,
        help_text="Who arrives at most so long after the start is not late. Seconds count from "
        "the arrival all the same.",
    )
    early_grace_seconds = models.PositiveIntegerField(
        "early grace, seconds",
        default=0,
        help_text="Who leaves at most so long before the end has not left early.",
    )
    rejoin_grace_seconds = models.PositiveIntegerField(
        "rejoin grace, seconds",
        default=0,
        help_text="Who is back within so long has not left: two stretches are one. The hole "
        "between them counts for nothing.",
    )
    capacity = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="So many can qualify, in the order of their arrival; empty: all.",
    )
    counts_muted = models.BooleanField("muted time counts", default=True)
    counts_deafened = models.BooleanField("deafened time counts", default=True)
    counts_alone = models.BooleanField("time alone counts", default=True)
    counts_afk = models.BooleanField("AFK time counts", default=False)
    gap_policy = models.CharField(
        "blind gaps",
        max_length=16,
        choices=GapPolicy,
        default=GapPolicy.EXCLUDE,
        help_text="Also of time before a member's roles were first seen, where roles are asked.",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(minimum_share=None) | Q(minimum_share__gte=0, minimum_share__lte=1),
                name="%(class)s_minimum_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(capacity=None) | Q(capacity__gte=1), name="%(class)s_capacity_for_one"
            ),
        ]

    @property
    def asks_for_roles(self) -> bool:
        """Whether roles decide who counts."""
        return bool(self.any_role_ids or self.all_role_ids or self.no_role_ids)


RULE_FIELDS = tuple(field.name for field in Rules._meta.local_fields)
"""The columns of the rules, in their order."""
