"""What the admin's pages have in common: whose rows are seen, and what is a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import Http404
from unfold.admin import ModelAdmin
from unfold.decorators import display

from community.admin import search
from community.admin.showing import link_or_id
from community.services.access import visible_guilds

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from community.models import Guild


class MirrorAdmin(ModelAdmin):
    """A page of records that Rollcall writes itself: they are looked at."""

    list_fullwidth = True
    list_per_page = 50
    show_full_result_count = False
    compressed_fields = False
    actions: Any = None

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody adds one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes one here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes one."""
        return False


class GuildScopedAdmin(MirrorAdmin):
    """A page of a guild's records: staff see those of the guilds given to them, and no more.

    Lists, pages, actions and the endpoints of autocompletion all read
    :meth:`get_queryset`, and so are scoped together.
    """

    guild_field: ClassVar[str] = "guild"
    exact_ids: ClassVar[tuple[str, ...]] = ()
    """Columns with snowflakes that a number in the search box is looked for in."""

    def guilds(self, request: HttpRequest) -> QuerySet[Guild] | None:
        """Tells the guilds that the account sees; None for all, unmirrored ones included."""
        return None if request.user.is_superuser else visible_guilds(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Keeps to what the account may see."""
        queryset: QuerySet[Any] = super().get_queryset(request)
        guilds = self.guilds(request)
        if guilds is None:
            return queryset
        return queryset.filter(**{f"{self.guild_field}__in": guilds.values("pk")})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Finds an id exactly, and a text by :meth:`named`."""
        text = search_term.strip()
        if not text:
            return queryset, False
        snowflake, uuid = search.as_snowflake(text), search.as_uuid(text)
        wanted = Q(pk__in=[])
        if uuid is not None:
            wanted |= self.with_uuid(uuid)
        if snowflake is not None:
            for column in self.exact_ids:
                wanted |= Q(**{column: snowflake})
        if uuid is None and (snowflake is None or snowflake < search.SMALLEST_SNOWFLAKE):
            wanted |= self.named(request, text)
        return queryset.filter(wanted), False

    def with_uuid(self, uuid: Any) -> Q:
        """Selects the rows that have an id of ours."""
        return Q(pk__in=[])

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects the rows that have a name."""
        return Q(name__icontains=text)

    @admin.display(description="guild")
    def guild_link(self, row: Any) -> SafeString | str:
        """Links to the row's guild."""
        return link_or_id(row, "guild", id_name="guild_id", kind="guild")

    @admin.display(description="channel")
    def channel_link(self, row: Any) -> SafeString | str:
        """Links to the row's channel."""
        return link_or_id(row, "channel", id_name="channel_id", kind="channel")

    @admin.display(description="member")
    def member_link(self, row: Any) -> SafeString | str:
        """Links to the row's member."""
        return link_or_id(row, "member", id_name="user_id", kind="user")


class PagedAdmin(GuildScopedAdmin):
    """A page of a guild's records, each of which has a page of our own, found by our id."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may look: to change without looking is of no use."""
        return request.user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows a record."""
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Shows a record by :meth:`record_page`, where the address can be one's."""
        uuid = search.as_uuid(object_id)
        if uuid is None:
            raise Http404
        return self.record_page(request, uuid)


class DirectoryAdmin(GuildScopedAdmin):
    """A page of what a guild has on Discord, which is marked gone rather than deleted."""

    @display(description="state", label={"here": "success", "gone": "danger"})
    def state(self, row: Any) -> str:
        """Tells whether it is there, as far as we know."""
        return "gone" if row.gone_at else "here"
