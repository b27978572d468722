"""Visits: one stay in a guild's voice, with its related sessions on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Prefetch, Q
from django.utils import timezone

from community.admin import search
from community.admin.base import GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, MemberFilter, TimeRangeFilter
from community.admin.showing import link_or_id, moment, zone_of
from sessions_app.admin.rows import lines_of, total_of
from sessions_app.models import Visit, VoiceSession

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

MOST_SESSIONS = 200


@admin.register(Visit)
class VisitAdmin(GuildScopedAdmin):
    """Visits."""

    exact_ids = ("user_id",)
    list_display = (
        "started",
        "member_link",
        "length",
        "ended",
        "first_channel_link",
        "last_channel_link",
        "guild_link",
    )
    list_display_links = ("started",)
    list_filter = (
        GuildFilter,
        MemberFilter,
        ("started_at", TimeRangeFilter),
        ("ended_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("user_id",)
    search_help_text = "Member, user id, or a visit's or session's id"
    ordering = ("-started_at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("member_link", "guild_link"),
        ("started", "ended", "length"),
        ("first_channel_link", "last_channel_link"),
        ("id", "voice_session_id"),
    )
    readonly_fields = (
        "id",
        "member_link",
        "guild_link",
        "started",
        "ended",
        "length",
        "first_channel_link",
        "last_channel_link",
    )
    change_form_outer_after_template = "admin/sessions_app/visit/sessions.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the records that the rows link to."""
        visits: Any = super().get_queryset(request)
        counted = Prefetch(
            "sessions", VoiceSession.objects.for_sums(), to_attr="sessions_that_count"
        )
        linked: QuerySet[Any] = visits.for_changelist().prefetch_related(counted)
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the member's names, or the first or last channel's."""
        return search.of_members_named(text, guilds=self.guilds(request))

    def with_uuid(self, uuid: Any) -> Q:
        """Selects a visit by its id, or by that of one of its sessions.

        The session is looked up first: joined, it would list a visit once for each of its
        sessions, and read both tables whole.
        """
        visit_ids = VoiceSession.objects.filter(pk=uuid).values_list("visit_id", flat=True)
        return Q(pk__in=[uuid, *visit_ids])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Adds the related sessions."""
        visit: Visit = context["original"]
        sessions = visit.sessions.for_changelist().order_by("started_at", "id")[:MOST_SESSIONS]
        context["session_lines"] = lines_of(sessions, zone=zone_of(visit), now=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="started", ordering="started_at")
    def started(self, visit: Visit) -> SafeString | str:
        """Shows when it began."""
        return moment(visit.started_at, zone_of(visit))

    @admin.display(description="ended")
    def ended(self, visit: Visit) -> SafeString | str:
        """Shows when it ended."""
        return moment(visit.ended_at, zone_of(visit)) if visit.ended_at else "goes on"

    @admin.display(description="time in voice")
    def length(self, visit: Any) -> str:
        """Says how long its sessions lasted together, and how sure that is."""
        return total_of(visit.sessions_that_count, now=timezone.now())

    @admin.display(description="first channel")
    def first_channel_link(self, visit: Visit) -> SafeString | str:
        """Links to the channel that it began in."""
        return link_or_id(visit, "first_channel", id_name="first_channel_id", kind="channel")

    @admin.display(description="last channel")
    def last_channel_link(self, visit: Visit) -> SafeString | str:
        """Links to the channel that it ended in, or is in."""
        return link_or_id(visit, "last_channel", id_name="last_channel_id", kind="channel")
