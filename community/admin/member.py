"""Members, roles, and who held which role when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import Q
from django.urls import path
from unfold.decorators import display

from community import registry
from community.admin import search
from community.admin.base import DirectoryAdmin, GuildScopedAdmin
from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, MemberFilter, RoleFilter, TimeRangeFilter
from community.admin.showing import link_or_id, links_to_lists, moment, related, zone_of
from community.models import Member, Role, RoleSpan

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


class FoundMembers(AutocompleteJsonView):
    """Members for autocompletion: for filters all that staff see, told apart by their guild.

    A form asks for the people who are in one guild now, by their user ids.
    """

    @property
    def _guild_id(self) -> int | None:
        return search.as_snowflake(self.request.GET.get("guild", ""))

    def get_queryset(self) -> QuerySet[Member]:
        """Finds those of a form's guild, if one is named."""
        found: QuerySet[Member] = super().get_queryset()
        if self._guild_id is None:
            return found
        return found.filter(guild_id=self._guild_id, is_bot=False, gone_at=None)

    def process_request(self, request: HttpRequest) -> tuple[str, Any, Any, str]:
        """Takes the text alone: whom it is for makes no difference."""
        field = RoleSpan._meta.get_field("member")
        key = "id" if self._guild_id is None else "user_id"
        return request.GET.get("term", ""), admin.site.get_model_admin(Member), field, key

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """Names a member so that two of one name differ."""
        guild = related(obj, "guild") or f"guild {obj.guild_id}"
        text = f"{obj.display_name} (@{obj.username}, {guild})"
        return super().serialize_result(obj, to_field_name) | {"text": text}


@admin.register(Member)
class MemberAdmin(DirectoryAdmin):
    """Members."""

    exact_ids = ("user_id",)
    list_display = ("display_name", "username", "user_id", "guild_link", "kind", "state", "joined")
    list_filter = (GuildFilter, "is_bot", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("user_id",)
    search_help_text = "Name or user id"
    ordering = ("display_name", "user_id")
    paginator = EstimatedPaginator
    fields = (
        ("display_name", "user_id"),
        ("username", "global_name", "nick"),
        ("guild_link", "kind", "state"),
        ("joined", "left"),
        "records",
        "roles_held",
    )
    readonly_fields = ("guild_link", "kind", "state", "joined", "left", "records", "roles_held")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        """With the guilds that the rows link to."""
        return super().get_queryset(request).prefetch_related("guild")

    def get_urls(self) -> list[URLPattern]:
        """Adds the filters' endpoint."""
        view = FoundMembers.as_view(admin_site=self.admin_site)
        name = "community_member_autocomplete"
        found = path("autocomplete/", self.admin_site.admin_view(view), name=name)
        return [found, *super().get_urls()]

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by any of the names."""
        return search.named(text)

    @display(description="kind", label={"bot": "info"})
    def kind(self, member: Member) -> str:
        """Tells people from bots."""
        return "bot" if member.is_bot else "person"

    @admin.display(description="joined the guild")
    def joined(self, member: Member) -> SafeString | str:
        """Shows since when they are in the guild."""
        return moment(member.joined_at, zone_of(member))

    @admin.display(description="left the guild")
    def left(self, member: Member) -> SafeString | str:
        """Shows when they left."""
        return moment(member.gone_at, zone_of(member))

    @admin.display(description="records")
    def records(self, member: Member) -> SafeString:
        """Links to what is recorded about them."""
        return links_to_lists(
            *registry.lists_of("member"), (RoleSpan, "role history"), member=member.pk
        )

    @admin.display(description="roles now")
    def roles_held(self, member: Member) -> str:
        """Names the roles that they hold."""
        held = RoleSpan.objects.held().filter(guild=member.guild_id, user_id=member.user_id)
        roles = Role.objects.filter(pk__in=held.values("role_id")).order_by("-position")
        return ", ".join(role.name for role in roles) or "none but everyone's"


@admin.register(Role)
class RoleAdmin(DirectoryAdmin):
    """Roles."""

    exact_ids = ("pk",)
    list_display = ("name", "id", "guild_link", "position", "is_managed", "state")
    list_filter = (GuildFilter, "is_managed", ("gone_at", admin.EmptyFieldListFilter))
    search_fields = ("name",)
    search_help_text = "Name or id"
    ordering = ("guild_id", "-position", "id")
    fields = (("name", "id"), ("guild_link", "state"), ("position", "is_managed"), "records")
    readonly_fields = ("guild_link", "state", "records")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        """With the guilds that the rows link to."""
        return super().get_queryset(request).prefetch_related("guild")

    @admin.display(description="records")
    def records(self, role: Role) -> SafeString:
        """Links to who held it."""
        return links_to_lists((RoleSpan, "who held it, and when"), role=role.pk)


@admin.register(RoleSpan)
class RoleSpanAdmin(GuildScopedAdmin):
    """Role history."""

    exact_ids = ("user_id", "role_id")
    list_display = ("started", "member_link", "role_link", "guild_link", "ended", "is_start_known")
    list_display_links = ("started",)
    list_filter = (
        GuildFilter,
        MemberFilter,
        RoleFilter,
        ("started_at", TimeRangeFilter),
        ("ended_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("user_id",)
    search_help_text = "Member, user id or role id"
    ordering = ("-started_at", "-id")
    paginator = EstimatedPaginator
    fields = (
        ("member_link", "role_link", "guild_link"),
        ("started", "is_start_known"),
        ("ended",),
        ("start_uncertainty", "end_uncertainty"),
    )
    readonly_fields = ("member_link", "role_link", "guild_link", "started", "ended")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoleSpan]:
        """With the records that the rows link to."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("member").prefetch_related("guild", "role")

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the member's names."""
        return search.of_members_named(text, guilds=self.guilds(request))

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one span."""
        return Q(pk=uuid)

    @admin.display(description="role")
    def role_link(self, span: RoleSpan) -> SafeString | str:
        """Links to the role."""
        return link_or_id(span, "role", id_name="role_id", kind="role")

    @admin.display(description="held from", ordering="started_at")
    def started(self, span: RoleSpan) -> SafeString | str:
        """Shows since when."""
        return moment(span.started_at, zone_of(span))

    @admin.display(description="until")
    def ended(self, span: RoleSpan) -> SafeString | str:
        """Shows until when."""
        return moment(span.ended_at, zone_of(span)) if span.ended_at else "held now"
