"""Rooms, live and past: listed, looked into, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.db.models import OuterRef, Q, Subquery
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.decorators import display

from botrunner.admin import guild_page, room_decisions, rules_page
from botrunner.admin.filters import LiveFilter, LiveFirst, OwnerFilter
from botrunner.admin.pages import CHANGE_RULES, VIEW
from botrunner.admin.room_page import room_page
from botrunner.admin.rows import STATE_LABELS, length_of, on_discord, reason_of
from botrunner.models import Room, RoomState
from botrunner.services.rooms.staff_permission import CLOSE
from community.admin import search
from community.admin.base import PagedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, TimeRangeFilter
from community.admin.pages import bound_to
from community.admin.showing import NOTHING, moment, zone_of
from community.models import Member

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

NAMES_AMONG: Final = 10_000
"""How many of the newest rooms a part of a name is looked for in, beside those that live."""

MOST_SAID: Final = 60

PAGES: tuple[tuple[str, str, Callable[..., HttpResponse], tuple[str, ...]], ...] = (
    ("close", "close/", room_decisions.close_page, (CLOSE,)),
    ("retry", "retry/", room_decisions.retry_page, (CLOSE,)),
    ("adopt", "adopt/", room_decisions.adopt_page, (CLOSE,)),
    ("let_go", "let-go/", room_decisions.let_go_page, (CLOSE,)),
    ("remove", "remove/", room_decisions.delete_page, (CLOSE,)),
)
"""A room's pages: name, address below the room's, what makes it, what it takes beside looking."""


@admin.register(Room)
class RoomAdmin(PagedAdmin):
    """Rooms. Nothing is written but through the services of rooms."""

    exact_ids = ("owner_id", "channel_id")
    list_display = (
        "requested",
        "called",
        "state_label",
        "owner_link",
        "length",
        "why",
        "kind",
        "discord",
        "guild_link",
    )
    list_display_links = ("requested", "called")
    list_filter = (
        LiveFilter,
        GuildFilter,
        OwnerFilter,
        "state",
        "kind",
        "reason",
        ("requested_at", TimeRangeFilter),
    )
    search_fields = ("name",)
    search_help_text = "Owner, name, channel id, or a room's id"
    ordering = ("-requested_at", "-id")
    paginator = EstimatedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the guilds, hubs and owners that the rows link to."""
        rooms: Any = super().get_queryset(request)
        owners = Member.objects.filter(guild_id=OuterRef("guild_id"), user_id=OuterRef("owner_id"))
        linked: QuerySet[Any] = rooms.for_changelist().annotate(
            owner_pk=Subquery(owners.values("pk")[:1]),
            owner_name=Subquery(owners.values("display_name")[:1]),
        )
        return linked

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LiveFirst]:
        """Lists live ones first."""
        return LiveFirst

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the owners' names, and by the rooms' own as far as they are recent."""
        rooms: Any = super().get_queryset(request)
        # The newest are read whole: no index finds a part of a name among millions.
        newest = rooms.order_by("-requested_at", "-id").values_list("pk", "name")[:NAMES_AMONG]
        chosen = [pk for pk, name in newest if text.casefold() in name.casefold()]
        living = rooms.live().filter(name__icontains=text).order_by().values_list("pk", flat=True)
        most = search.MOST_NAMES
        named = {*chosen[:most], *living[:most]}
        owned = search.of_members_named(text, guilds=self.guilds(request), user_field="owner_id")
        return owned | Q(pk__in=named)

    def with_uuid(self, uuid: Any) -> Q:
        """Selects a room by its id, or those of a hub by its."""
        return Q(pk=uuid) | Q(hub=uuid)

    # Pages ---------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Adds a room's own pages, and those of a guild's rooms."""
        own = [
            path(
                f"<uuid:room_id>/{below}",
                bound_to(self, page, VIEW, *permissions),
                name=f"botrunner_room_{name}",
            )
            for name, below, page, permissions in PAGES
        ]
        of_guild = [
            path(
                "guilds/<int:guild_id>/",
                bound_to(self, guild_page.guild_page, VIEW),
                name="botrunner_guild_rooms",
            ),
            path(
                "guilds/<int:guild_id>/rules/",
                bound_to(self, rules_page.rules_page, VIEW, CHANGE_RULES),
                name="botrunner_guild_rules",
            ),
        ]
        return [*of_guild, *own, *super().get_urls()]

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows a room."""
        return bound_to(self, room_page, VIEW)(request, room_id=uuid)

    # Columns -------------------------------------------------------------------------------

    @admin.display(description="asked for", ordering="requested_at")
    def requested(self, room: Room) -> SafeString | str:
        """Shows when it was asked for."""
        return moment(room.requested_at, zone_of(room))

    @admin.display(description="name")
    def called(self, room: Room) -> str:
        """Names it."""
        return room.name

    @display(
        description="state",
        label={str(state.label): label for state, label in STATE_LABELS.items()},
    )
    def state_label(self, room: Room) -> str:
        """Says where it is in its life."""
        return str(RoomState(room.state).label)

    @admin.display(description="owner")
    def owner_link(self, room: Any) -> SafeString | str:
        """Links to whose room it is."""
        if room.owner_pk is None:
            return f"user {room.owner_id}"
        return format_html(
            '<a class="rc-link" href="{}" title="{}">{}</a>',
            reverse("admin:community_member_change", args=[room.owner_pk]),
            room.owner_name,
            room.owner_name,
        )

    @admin.display(description="how long")
    def length(self, room: Room) -> str:
        """Says how long it has been there, or was."""
        return length_of(room, now=timezone.now())

    @admin.display(description="why it ended")
    def why(self, room: Room) -> str:
        """Says why it ended."""
        return Truncator(reason_of(room)).chars(MOST_SAID)

    @admin.display(description="on Discord")
    def discord(self, room: Room) -> SafeString | str:
        """Links to its channel; that of a room that is over is not there any more."""
        if room.ended_at is not None:
            return NOTHING
        return on_discord(room.guild_id, room.channel_id, "open")
