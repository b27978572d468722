"""Channels, and the permission overwrites on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from unfold.admin import TabularInline
from unfold.decorators import display

from community import registry
from community.admin.base import DirectoryAdmin
from community.admin.filters import GuildFilter
from community.admin.showing import NOTHING, link_or_id, links_to_lists
from community.models import Channel, ChannelKind, Overwrite

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class OverwriteInline(TabularInline):
    """The overwrites on a channel, to look at."""

    model = Overwrite
    fields = ("target_kind", "target_id", "allow", "deny")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes one."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees channels sees their overwrites."""
        return request.user.has_perm("community.view_channel")


@admin.register(Channel)
class ChannelAdmin(DirectoryAdmin):
    """Channels."""

    exact_ids = ("pk",)
    list_display = ("name", "id", "kind_label", "guild_link", "category", "position", "state")
    list_filter = (GuildFilter, "kind", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    search_help_text = "Name or id"
    ordering = ("guild_id", "position", "id")
    inlines = (OverwriteInline,)
    fields = (
        ("name", "id"),
        ("kind_label", "state"),
        ("guild_link", "category", "position"),
        ("bitrate", "user_limit", "rtc_region"),
        "records",
    )
    readonly_fields = ("kind_label", "guild_link", "category", "state", "records")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        """With the records that the rows link to."""
        return super().get_queryset(request).prefetch_related("guild", "parent")

    @display(
        description="kind",
        label={ChannelKind.VOICE.label: "success", ChannelKind.STAGE.label: "info"},
    )
    def kind_label(self, channel: Channel) -> str:
        """Names the kind."""
        return channel.get_kind_display()

    @admin.display(description="category")
    def category(self, channel: Channel) -> SafeString | str:
        """Links to the category."""
        return link_or_id(channel, "parent", id_name="parent_id", kind="category")

    @admin.display(description="records")
    def records(self, channel: Channel) -> SafeString | str:
        """Links to what is recorded in it."""
        if channel.kind not in {ChannelKind.VOICE, ChannelKind.STAGE}:
            return NOTHING
        return links_to_lists(*registry.lists_of("channel"), channel=channel.pk)
