"""Hubs: voice channels that give whoever joins them a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import path
from django.utils.html import format_html
from unfold.decorators import display

from botrunner.admin import hub_pages
from botrunner.admin.rows import on_discord
from botrunner.models import Hub, Room
from community.admin.base import PagedAdmin
from community.admin.filters import GuildFilter
from community.admin.pages import bound_to
from community.models import Channel

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

VIEW, ADD, CHANGE, DELETE = (
    f"botrunner.{name}_hub" for name in ("view", "add", "change", "delete")
)


@admin.register(Hub)
class HubAdmin(PagedAdmin):
    """Hubs. Nothing is saved but through their service, which tells the bot."""

    exact_ids = ("channel_id",)
    list_display = ("channel", "state", "name_template", "live_rooms", "discord", "guild_link")
    list_filter = (GuildFilter, "is_enabled")
    search_fields = ("name_template",)
    search_help_text = "Channel, name of rooms, or an id"
    ordering = ("guild_id", "created_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds and channels that the rows name, and how many rooms each gave."""
        hubs: QuerySet[Any] = super().get_queryset(request)
        channels = Channel.objects.filter(pk=OuterRef("channel_id"))
        rooms = Room.objects.live().filter(hub=OuterRef("pk")).order_by().values("hub")
        linked: QuerySet[Any] = hubs.prefetch_related("guild").annotate(
            channel_name=Subquery(channels.values("name")[:1]),
            channel_is_there=Subquery(channels.filter(gone_at=None).values("pk")[:1]),
            rooms_count=Coalesce(Subquery(rooms.annotate(count=Count("pk")).values("count")), 0),
        )
        return linked

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the channel's name, and by that of the rooms."""
        channels = Channel.objects.filter(name__icontains=text).values("pk")
        return Q(channel_id__in=channels) | Q(name_template__icontains=text)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one hub."""
        return Q(pk=uuid)

    # Who may -------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff who may add hubs."""
        return request.user.has_perm(ADD)

    # Pages ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Adds the page on which a hub is removed."""
        remove = bound_to(self, hub_pages.remove_page, VIEW, DELETE)
        own = path("<uuid:hub_id>/remove/", remove, name="botrunner_hub_remove")
        return [own, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Makes a hub."""
        return bound_to(self, hub_pages.add_page, VIEW, ADD)(request)

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows a hub; it is changed there, by those who may."""
        needed = (VIEW, CHANGE) if request.method == "POST" else (VIEW,)
        return bound_to(self, hub_pages.hub_page, *needed)(request, hub_id=uuid)

    # Columns -------------------------------------------------------------------------------

    @admin.display(description="channel")
    def channel(self, hub: Any) -> str:
        """Names the hub's channel."""
        return hub.channel_name or f"channel {hub.channel_id}"

    @display(
        description="state",
        label={"on": "success", "off": "", "its channel is gone": "danger"},
    )
    def state(self, hub: Any) -> str:
        """Tells whether it gives rooms."""
        if hub.channel_is_there is None:
            return "its channel is gone"
        return "on" if hub.is_enabled else "off"

    @admin.display(description="live rooms")
    def live_rooms(self, hub: Any) -> SafeString | str:
        """Counts the rooms that it gave and that live."""
        return format_html("{}", hub.rooms_count)

    @admin.display(description="on Discord")
    def discord(self, hub: Any) -> SafeString | str:
        """Links to its channel, while there is one."""
        if hub.channel_is_there is None:
            return str(hub.channel_id)
        return on_discord(hub.guild_id, hub.channel_id)
