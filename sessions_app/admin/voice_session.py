"""Voice sessions: looked at by all staff, corrected by those who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from unfold.decorators import action, display

from community.admin import search
from community.admin.base import GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import ChannelFilter, GuildFilter, MemberFilter, TimeRangeFilter
from community.admin.pages import trail_of
from community.admin.showing import link_to, moment, zone_of
from sessions_app.admin import drift, health
from sessions_app.admin.correction import EndForm, VoidForm, correction_page
from sessions_app.admin.rows import (
    STATUS_LABELS,
    ending_of,
    gap_lines_of,
    length_of,
    lines_of,
    start_of,
    stretches_of,
)
from sessions_app.models import SessionStatus, VoiceSession
from sessions_app.registry import session_panels

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString
    from unfold.dataclasses import UnfoldAction

MOST_LINES = 200


@admin.register(VoiceSession)
class VoiceSessionAdmin(GuildScopedAdmin):
    """Voice sessions."""

    exact_ids = ("user_id", "channel_id")
    list_display = (
        "started",
        "member_link",
        "channel_link",
        "length",
        "status_label",
        "ending",
        "guild_link",
    )
    list_display_links = ("started",)
    list_filter = (
        GuildFilter,
        ChannelFilter,
        MemberFilter,
        "status",
        ("started_at", TimeRangeFilter),
        "start_kind",
        "end_reason",
    )
    search_fields = ("user_id",)
    search_help_text = "Member, channel, or an id"
    ordering = ("-started_at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("member_link", "channel_link", "guild_link"),
        ("started", "ended", "length"),
        ("start_known", "ending", "status_label"),
        "stretches",
        ("last_seen", "visit_link", "id"),
    )
    readonly_fields = (
        "member_link",
        "channel_link",
        "guild_link",
        "started",
        "ended",
        "length",
        "start_known",
        "ending",
        "status_label",
        "stretches",
        "last_seen",
        "visit_link",
        "id",
    )
    change_form_outer_after_template = "admin/sessions_app/voicesession/around.html"
    actions_detail = ("set_end", "void")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the records that the rows link to."""
        sessions: Any = super().get_queryset(request)
        linked: QuerySet[Any] = sessions.for_changelist()
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the names of members and channels."""
        return search.of_members_named(
            text, guilds=self.guilds(request), channel_fields=("channel_id",)
        )

    def with_uuid(self, uuid: Any) -> Q:
        """Selects a session by its id, or those of a visit by its."""
        return Q(pk=uuid) | Q(visit_id=uuid)

    # Corrections --------------------------------------------------------------------------

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tells whether the account may correct sessions."""
        return bool(
            self.has_view_permission(request)
            and request.user.has_perm("sessions_app.correct_voicesession")
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[UnfoldAction]:
        """Offers no correction of a session that was voided."""
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        uuid = search.as_uuid(str(object_id))
        if not actions or uuid is None:
            return actions
        voided = VoiceSession.objects.filter(pk=uuid, status=SessionStatus.CANCELLED)
        return [] if voided.exists() else actions

    @action(description="Set the end", permissions=["correct"], url_path="set-end", icon="schedule")
    def set_end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the end and the reason, and sets it."""
        return correction_page(self, request, object_id, EndForm)

    @action(description="Void", permissions=["correct"], url_path="void", icon="block")
    def void(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the reason, and voids the session."""
        return correction_page(self, request, object_id, VoidForm)

    # Health, recovery, drift --------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Adds the pages that are about all sessions."""
        return [*health.addresses(self), *drift.addresses(self), *super().get_urls()]

    # What is around it --------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Adds the related sessions, the blind gaps, the trail, and what the floors above show."""
        session: VoiceSession = context["original"]
        zone = zone_of(session)
        of_visit = VoiceSession.objects.filter(visit=session.visit_id).for_changelist()
        context |= {
            "session_lines": lines_of(
                of_visit.order_by("started_at", "id")[:MOST_LINES],
                zone=zone,
                now=timezone.now(),
                shown=session,
            ),
            "gap_lines": gap_lines_of(session, zone=zone),
            "audit_lines": trail_of(session, zone, most=MOST_LINES),
            "panels": session_panels(request, session),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    # Columns ------------------------------------------------------------------------------

    @admin.display(description="started", ordering="started_at")
    def started(self, session: VoiceSession) -> SafeString | str:
        """Shows when it began."""
        return moment(session.started_at, zone_of(session))

    @admin.display(description="ended")
    def ended(self, session: VoiceSession) -> SafeString | str:
        """Shows when it ended."""
        return moment(session.ended_at, zone_of(session)) if session.ended_at else "goes on"

    @admin.display(description="last seen there")
    def last_seen(self, session: VoiceSession) -> SafeString | str:
        """Shows the last checkpoint or sight."""
        return moment(session.last_seen_at, zone_of(session))

    @admin.display(description="length")
    def length(self, session: VoiceSession) -> str:
        """Says how long it lasted."""
        return length_of(session, now=timezone.now())

    @display(
        description="status",
        label={status.value: label for status, label in STATUS_LABELS.items()},
    )
    def status_label(self, session: VoiceSession) -> str:
        """Names the status."""
        return session.status

    @admin.display(description="start")
    def start_known(self, session: VoiceSession) -> str:
        """Says how the start is known."""
        return start_of(session)

    @admin.display(description="end")
    def ending(self, session: VoiceSession) -> str:
        """Says why it ended."""
        return ending_of(session)

    @admin.display(description="time within it")
    def stretches(self, session: VoiceSession) -> str:
        """Says how it was spent."""
        return stretches_of(session, now=timezone.now()) or "nothing but plain presence"

    @admin.display(description="visit")
    def visit_link(self, session: VoiceSession) -> SafeString:
        """Links to the visit."""
        return link_to(session.visit, "the whole visit")
