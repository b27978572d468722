"""Participation, of one event or of one member: looked at, sorted, filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from unfold.decorators import display

from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, MemberFilter
from community.admin.showing import link_to, moment
from events_app.admin.filters import EventFilter
from events_app.admin.of_members import LeadingOnAdmin
from events_app.admin.outcomes import (
    VERDICT_LABELS,
    reasons_words,
    share_words,
    time_of,
    verdict_of,
)
from events_app.admin.pages import address
from events_app.admin.rows import departure_of, marks_of, why_link
from events_app.models import Participation

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Participation)
class ParticipationAdmin(LeadingOnAdmin):
    """Participation: worked out by Rollcall, never edited."""

    list_display = (
        "member_link",
        "event_link",
        "arrived",
        "left",
        "time",
        "share_told",
        "marks",
        "verdict",
        "why_not",
        "doubt",
        "explained",
    )
    list_display_links = None
    list_filter = (
        GuildFilter,
        EventFilter,
        MemberFilter,
        "is_qualified",
        "is_in_doubt",
        "is_late",
        "left_early",
    )
    ordering = ("-event_id", "counted_from", "user_id")
    paginator = EstimatedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the members and events that the rows link to."""
        rows: Any = super().get_queryset(request)
        linked: QuerySet[Any] = rows.for_changelist()
        return linked

    def page_of(self, row: Participation) -> str:
        """Gives the address of the page that explains it."""
        return address("member", row.event_id, row.user_id)

    @admin.display(description="event", ordering="event__starts_at")
    def event_link(self, row: Participation) -> SafeString:
        """Links to the event."""
        return link_to(row.event)

    @admin.display(description="first arrival", ordering="first_arrival_at")
    def arrived(self, row: Participation) -> SafeString | str:
        """Shows when they were first there."""
        return moment(row.first_arrival_at, row.event.zone)

    @admin.display(description="last departure", ordering="last_departure_at")
    def left(self, row: Participation) -> SafeString | str:
        """Shows when they were last there."""
        return departure_of(row, row.event.zone)

    @admin.display(description="time", ordering="seconds")
    def time(self, row: Participation) -> str:
        """Says how long their time is, and how sure that is."""
        return time_of(row)

    @admin.display(description="share", ordering="share")
    def share_told(self, row: Participation) -> str:
        """Says which share of the window that is."""
        return share_words(row.share)

    @admin.display(description="late, early")
    def marks(self, row: Participation) -> str:
        """Says whether they were late or left early."""
        return marks_of(row)

    @display(description="qualified", label=VERDICT_LABELS, ordering="is_qualified")
    def verdict(self, row: Participation) -> str:
        """Says whether they qualify."""
        return verdict_of(row)

    @admin.display(description="why not")
    def why_not(self, row: Participation) -> str:
        """Says why they do not."""
        return reasons_words(row.reasons) or "-"

    @display(description="in doubt", label={"in doubt": "warning"}, ordering="is_in_doubt")
    def doubt(self, row: Participation) -> str:
        """Says whether the uncertainty could decide it the other way."""
        return "in doubt" if row.is_in_doubt else ""

    @admin.display(description="")
    def explained(self, row: Participation) -> SafeString:
        """Links to the page that explains it."""
        return why_link(row.event_id, row.user_id)
