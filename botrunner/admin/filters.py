"""Filters of the lists of rooms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.contrib import admin

from botrunner.models.room import OVER as OVER_STATES
from community.admin.filters import MemberFilter
from community.models import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

LIVE, OVER, ALL = "live", "over", "all"


class OwnerFilter(MemberFilter):
    """By owner: rows name the guild's and the user's id."""

    title = "owner"

    def field_of(self, model: type[Model]) -> Any:
        """Stands a relation in that rooms do not have."""
        return SimpleNamespace(model=model, name="owner_id", related_model=Member)

    def rows_of(self, queryset: QuerySet[Any], chosen: Member) -> QuerySet[Any]:
        """Keeps the rooms of one member."""
        return queryset.filter(guild_id=chosen.guild_id, owner_id=chosen.user_id)


class LiveFilter(admin.SimpleListFilter):
    """Those that live, those that are over, or all.

    A list that nothing else is asked of begins with the live ones: of all others there may
    be millions, and there is an index for either.
    """

    title = "whether they live"
    parameter_name = "which"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        """Reads what is chosen."""
        asked = set(request.GET) - {"p", "o", "all"}
        self.usual = ALL if asked else LIVE
        super().__init__(request, params, model, model_admin)

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Names the three."""
        return [(LIVE, "live"), (OVER, "over"), (ALL, "all")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keeps what is chosen."""
        which = self.value() or self.usual
        if which == LIVE:
            return queryset.exclude(state__in=OVER_STATES)
        if which == OVER:
            return queryset.filter(state__in=OVER_STATES)
        return queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Marks what holds, chosen or not."""
        which = self.value() or self.usual
        for value, words in self.lookup_choices:
            yield {
                "selected": which == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": words,
            }
