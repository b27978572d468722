"""Filters of the lists of rooms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from unfold.views import ChangeList

from botrunner.models.room import OVER
from community.admin.filters import MemberFilter
from community.models import Member

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest


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
    """Those that live, those that are over, or all."""

    title = "whether they live"
    parameter_name = "which"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Names the two."""
        return [("live", "live"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keeps what is chosen."""
        if self.value() == "live":
            return queryset.exclude(state__in=OVER)
        if self.value() == "over":
            return queryset.filter(state__in=OVER)
        return queryset


class LiveFirst(ChangeList):
    """A list in which the rooms that live come before those that are over, newest first.

    Asked for one after the other, since there is an index for either and none for both: the
    past ones may be millions.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Puts the page together, unless another order is asked for."""
        super().get_results(request)
        if ORDER_VAR in self.params:
            return
        shows_all = self.show_all and self.can_show_all
        on_page = self.list_max_show_all if shows_all else self.list_per_page
        first = 0 if shows_all else (self.page_num - 1) * on_page
        live = self.queryset.exclude(state__in=OVER)
        shown = list(live[first : first + on_page])
        missing = on_page - len(shown)
        if missing:
            before = max(0, first - live.count()) if first else 0
            over = self.queryset.filter(state__in=OVER)
            shown += over[before : before + missing]
        self.result_list = shown
