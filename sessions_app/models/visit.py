"""Visits: one stay of a member in a guild's voice."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from community.models import Channel, Guild
from community.models.ids import new_id
from community.models.member import member_relation, named_member


class VisitQuerySet(models.QuerySet["Visit"]):
    """Visits by what they mean to us."""

    def for_changelist(self) -> VisitQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries.

        Guilds and channels are not joined: a row whose channel is not mirrored stays.
        """
        return self.select_related("member").prefetch_related(
            "guild", "first_channel", "last_channel"
        )


class Visit(models.Model):
    """One stay of a member in a guild's voice, from joining to leaving.

    Its voice sessions are each other's related sessions. Discord's voice session id
    tells visits apart: the same id is the same visit, across blind gaps too.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="visits",
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("visits")
    voice_session_id = models.CharField(
        max_length=64, blank=True, help_text="Discord's id of this stay in voice."
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it goes on.")
    # Never empty (a constraint sees to it): null here joins a channel that is not mirrored.
    first_channel = models.ForeignKey(
        Channel,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Channel of its first voice session.",
    )
    last_channel = models.ForeignKey(
        Channel,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="Channel of its last voice session, so far.",
    )

    objects = VisitQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(first_channel__isnull=False, last_channel__isnull=False),
                name="visit_has_channels",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="visit_ends_after_start",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="visit_newest"),
            models.Index(fields=["guild", "user_id", "-started_at"], name="visit_of_member"),
            models.Index(fields=["guild"], condition=Q(ended_at=None), name="visit_under_way"),
        ]

    def __str__(self) -> str:
        who = named_member(self, self.user_id)
        return f"Visit of {who} from {self.started_at:%Y-%m-%d %H:%M:%S} UTC"
