"""Blind gaps: when nobody watched, why, and whose sessions it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from unfold.decorators import display

from community.admin import search
from community.admin.base import GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, TimeRangeFilter
from community.admin.showing import link_or_id, moment, zone_of
from community.domain.durations import in_words
from sessions_app.models import BlindGap

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

KNOWN, MISSED = "told afterwards", "unseen"


def what_is_known(gap: BlindGap) -> str:
    """Tells whether anything may have been missed in a gap."""
    return KNOWN if gap.is_replayed else MISSED


def whom_it_concerns(gap: BlindGap) -> SafeString | str:
    """Names the one member whom a gap concerns, or everyone."""
    if gap.user_id is None:
        return "everyone"
    return link_or_id(gap, "member", id_name="user_id", kind="user")


@admin.register(BlindGap)
class BlindGapAdmin(GuildScopedAdmin):
    """Blind gaps."""

    exact_ids = ("user_id",)
    list_display = (
        "began",
        "length",
        "cause",
        "known",
        "who",
        "guild_link",
        "sessions",
    )
    list_display_links = ("began",)
    list_filter = (GuildFilter, "cause", "is_replayed", ("began_at", TimeRangeFilter))
    search_fields = ("user_id",)
    search_help_text = "Member whom it concerns, or an id"
    ordering = ("-began_at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("cause", "known"),
        ("began", "ended", "length"),
        ("guild_link", "who", "shard_id"),
        ("sessions_touched", "sessions_mended"),
        "id",
    )
    readonly_fields = ("known", "began", "ended", "length", "guild_link", "who", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds that the rows link to."""
        gaps: Any = super().get_queryset(request)
        linked: QuerySet[Any] = gaps.for_changelist()
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the names of the members whom they concern."""
        return search.of_members_named(text, guilds=self.guilds(request))

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one gap."""
        return Q(pk=uuid)

    @admin.display(description="from", ordering="began_at")
    def began(self, gap: BlindGap) -> SafeString | str:
        """Shows up to when everything was seen."""
        return moment(gap.began_at, zone_of(gap))

    @admin.display(description="until")
    def ended(self, gap: BlindGap) -> SafeString | str:
        """Shows the sight that ended it."""
        return moment(gap.ended_at, zone_of(gap))

    @admin.display(description="length")
    def length(self, gap: BlindGap) -> str:
        """Says how long it was."""
        return in_words(gap.length.total_seconds())

    @display(description="what happened", label={KNOWN: "success", MISSED: "warning"})
    def known(self, gap: BlindGap) -> str:
        """Tells whether anything may have been missed."""
        return what_is_known(gap)

    @admin.display(description="sessions")
    def sessions(self, gap: BlindGap) -> str:
        """Says how many sessions it touched, and how many of those had to be mended."""
        return f"{gap.sessions_mended} of {gap.sessions_touched} mended"

    @admin.display(description="whom it concerns")
    def who(self, gap: BlindGap) -> SafeString | str:
        """Names the one member, or everyone."""
        return whom_it_concerns(gap)
