"""Events: listed, planned, changed, looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import path
from unfold.decorators import display

from community.admin.base import PagedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, TimeRangeFilter
from community.admin.showing import NOTHING, link_to
from events_app.admin import (
    announcing,
    boards,
    credit_pages,
    decisions,
    export_pages,
    gap_pages,
    member_page,
    planning,
    reminder_pages,
    repeating,
    reward_decisions,
    reward_pages,
    versions,
)
from events_app.admin.filters import SeriesFilter
from events_app.admin.overview import event_page
from events_app.admin.pages import ADD, CHANGE, CREDIT, REWARD, bound_to
from events_app.admin.rows import DISCORD_LABELS, STATE_LABELS, window_of
from events_app.models import DiscordStatus, Event, EventState, Participation

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

PAGES: tuple[tuple[str, str, Callable[..., HttpResponseBase], tuple[str, ...]], ...] = (
    ("edit", "edit/", planning.edit_page, (CHANGE,)),
    ("repeat", "repeat/", repeating.repeat_page, (ADD, CHANGE)),
    ("cancel", "cancel/", decisions.cancel_page, (CHANGE,)),
    ("publish", "publish/", decisions.publish_page, (CHANGE,)),
    ("announce", "announce/", announcing.announce_page, (CHANGE,)),
    ("unannounce", "unannounce/", announcing.unannounce_page, (CHANGE,)),
    ("rewards", "rewards/", reward_pages.rewards_page, ()),
    ("give", "rewards/give/", reward_decisions.give_page, (REWARD,)),
    ("take_back", "rewards/take-back/", reward_decisions.take_back_page, (REWARD,)),
    ("retry", "rewards/retry/", reward_decisions.retry_page, (REWARD,)),
    ("versions", "versions/", versions.versions_page, ()),
    ("undo", "versions/<int:version>/undo/", decisions.undo_page, (CHANGE,)),
    ("board", "board/", boards.board_page, ()),
    ("remind", "remind/", reminder_pages.remind_page, (CHANGE,)),
    ("timeline", "timeline/", boards.timeline_page, ()),
    ("member", "members/<int:user_id>/", member_page.member_page, ()),
    ("credit", "members/<int:user_id>/credit/", credit_pages.give_page, (CREDIT,)),
    ("withdraw", "credits/<uuid:credit_id>/withdraw/", credit_pages.withdraw_page, (CREDIT,)),
    ("gaps", "gaps/", gap_pages.gaps_page, ()),
    ("gap", "gaps/<uuid:gap_id>/", gap_pages.gap_page, (CREDIT,)),
    ("csv", "participation.csv", export_pages.csv_page, ()),
    ("json", "participation.json", export_pages.json_page, ()),
)
"""An event's pages: name, address below the event's, what makes it, what it takes to open it."""


def counted(rows: Any) -> Coalesce:
    """Counts rows of an event, in the query that reads the events."""
    of_event = rows.filter(event=OuterRef("pk")).order_by().values("event")
    return Coalesce(Subquery(of_event.annotate(count=Count("pk")).values("count")), 0)


@admin.register(Event)
class EventAdmin(PagedAdmin):
    """Events. Nothing is saved but through the services of planning."""

    exact_ids = ("discord_event_id",)
    list_display = (
        "title",
        "window",
        "state_label",
        "participants",
        "qualified",
        "series_link",
        "made_on",
        "on_discord",
        "guild_link",
    )
    list_filter = (
        GuildFilter,
        "state",
        ("starts_at", TimeRangeFilter),
        SeriesFilter,
        "is_from_discord",
        "discord_status",
    )
    search_fields = ("title",)
    search_help_text = "Title, or an id"
    ordering = ("-starts_at", "-id")
    paginator = EstimatedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds and series that the rows link to, and how many took part."""
        events: Any = super().get_queryset(request)
        rows = Participation.objects.all()
        linked: QuerySet[Any] = events.for_changelist().annotate(
            participants_count=counted(rows), qualified_count=counted(rows.qualified())
        )
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by title."""
        return Q(title__icontains=text)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects an event by its id, or those of a series by its."""
        return Q(pk=uuid) | Q(series=uuid)

    # Who may -------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Organizers plan."""
        return request.user.has_perm(ADD)

    # Pages ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Adds an event's own pages."""
        own = [
            path(
                f"<uuid:event_id>/{below}",
                bound_to(self, page, *permissions),
                name=f"events_app_event_{name}",
            )
            for name, below, page, permissions in PAGES
        ]
        return [*own, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Plans an event."""
        return bound_to(self, planning.add_page, ADD)(request)

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows an event; it is changed on a page of its own."""
        return bound_to(self, event_page)(request, event_id=uuid)

    # Columns -------------------------------------------------------------------------------

    @admin.display(description="window", ordering="starts_at")
    def window(self, event: Event) -> SafeString:
        """Shows when it is, in its zone."""
        return window_of(event)

    @display(
        description="state",
        label={str(state.label): label for state, label in STATE_LABELS.items()},
        ordering="state",
    )
    def state_label(self, event: Event) -> str:
        """Says where it is in its life."""
        return str(EventState(event.state).label)

    @admin.display(description="took part")
    def participants(self, event: Any) -> int:
        """Counts those who took part."""
        return int(event.participants_count)

    @admin.display(description="qualified")
    def qualified(self, event: Any) -> int:
        """Counts those who qualify."""
        return int(event.qualified_count)

    @admin.display(description="series")
    def series_link(self, event: Event) -> SafeString | str:
        """Links to its series."""
        return link_to(event.series) if event.series else NOTHING

    @display(description="made on", label={"Discord": "info"}, ordering="is_from_discord")
    def made_on(self, event: Event) -> str:
        """Tells where it was made, and so where its times are edited."""
        return "Discord" if event.is_from_discord else "Rollcall"

    @display(
        description="on Discord",
        label={str(status.label): label for status, label in DISCORD_LABELS.items()},
        ordering="discord_status",
    )
    def on_discord(self, event: Event) -> str:
        """Says what Discord last said of it."""
        return str(DiscordStatus(event.discord_status).label) if event.discord_status else NOTHING
