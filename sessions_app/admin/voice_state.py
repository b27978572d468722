"""Who is in voice now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

from community.admin import search
from community.admin.base import GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import ChannelFilter, GuildFilter, MemberFilter
from community.admin.showing import NOTHING, link_to, moment, zone_of
from sessions_app.admin.rows import length_of
from sessions_app.models import VoiceState

if TYPE_CHECKING:
    from django.db.models import Q, QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


def marks_of(state: VoiceState) -> list[tuple[str, str]]:
    """Names what a member does in voice: pairs of an icon and words."""
    marks = (
        (state.is_self_muted or state.is_muted_by_server, "mic_off", "muted"),
        (state.is_self_deafened or state.is_deafened_by_server, "headset_off", "deafened"),
        (state.is_on_camera, "videocam", "on camera"),
        (state.is_streaming, "screen_share", "sharing a screen"),
        (state.is_suppressed, "hearing", "in the audience"),
        (state.requested_to_speak_at is not None, "pan_tool", "asks to speak"),
    )
    return [(icon, words) for is_so, icon, words in marks if is_so]


@admin.register(VoiceState)
class VoiceStateAdmin(GuildScopedAdmin):
    """Voice states."""

    exact_ids = ("user_id", "channel_id")
    list_display = ("member_link", "channel_link", "guild_link", "session_link", "marks", "changed")
    list_display_links = None
    list_filter = (
        GuildFilter,
        ChannelFilter,
        MemberFilter,
        "is_streaming",
        "is_on_camera",
        "is_self_muted",
    )
    search_fields = ("user_id",)
    search_help_text = "Member, channel, or an id"
    ordering = ("guild_id", "channel_id", "user_id")
    paginator = EstimatedPaginator
    fields = (
        ("member_link", "guild_link"),
        ("channel_link", "session_link"),
        ("marks", "changed"),
    )
    readonly_fields = (
        "member_link",
        "guild_link",
        "channel_link",
        "session_link",
        "marks",
        "changed",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those who are there as far as is known, with the records that the rows link to."""
        states: Any = super().get_queryset(request)
        linked: QuerySet[Any] = states.live().for_changelist()
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the names of members and channels."""
        return search.of_members_named(
            text, guilds=self.guilds(request), channel_fields=("channel_id",)
        )

    @admin.display(description="session")
    def session_link(self, state: VoiceState) -> SafeString | str:
        """Links to the session under way, by its length."""
        if state.session is None:
            return "none: tracked again from the next join or move"
        return link_to(state.session, length_of(state.session, now=timezone.now()))

    @admin.display(description="how")
    def marks(self, state: VoiceState) -> str:
        """Names what they do."""
        return ", ".join(words for _, words in marks_of(state)) or NOTHING

    @admin.display(description="changed", ordering="changed_at")
    def changed(self, state: VoiceState) -> SafeString | str:
        """Shows when it last changed."""
        return moment(state.changed_at, zone_of(state))
