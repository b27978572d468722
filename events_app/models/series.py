"""Series: events that repeat."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q

from community.models import Guild
from community.models.ids import new_id
from events_app.models.rules import Rules


class EventSeries(Rules):
    """A plan by which events are made, each an event of its own.

    Times are told by the clock on the wall of the series' zone: an evening at eight stays
    at eight through the change to and from summer time.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="event_series"
    )
    title = models.CharField(max_length=100)
    description = models.TextField(max_length=1000, blank=True)
    time_zone = models.CharField(max_length=64, help_text="IANA name, such as Europe/Berlin.")
    first_date = models.DateField(help_text="Day of the first event, by the zone's calendar.")
    start_time = models.TimeField(help_text="When each begins, by the zone's clock.")
    length_seconds = models.PositiveIntegerField(
        help_text="From start to end by the clock on the wall: on the night of a change of "
        "summer time an event is an hour longer or shorter."
    )
    rule = models.TextField(
        help_text="RFC 5545, such as FREQ=WEEKLY;BYDAY=SA;COUNT=8. It needs COUNT or UNTIL."
    )
    reward_role = models.BigIntegerField(
        "role for those who qualify", null=True, blank=True, help_text="Its id; empty: none."
    )
    ended_before = models.DateField(
        null=True, blank=True, help_text="From this day on another series goes on in its place."
    )
    created_at = models.DateTimeField()

    class Meta(Rules.Meta):
        verbose_name = "series"
        verbose_name_plural = "series"
        ordering = ["-first_date", "-id"]
        constraints = [
            *Rules.Meta.constraints,
            models.CheckConstraint(
                condition=Q(length_seconds__gt=0), name="eventseries_has_length"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose clock tells its times."""
        return ZoneInfo(self.time_zone)
