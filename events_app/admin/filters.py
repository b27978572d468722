"""Filters of the lists of events: by series, by event, by the trouble of a reward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q

from community.admin.filters import RelatedFilter
from events_app.services.reward_standing import HELD
from events_app.services.rewards import REFUSED

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class SeriesFilter(RelatedFilter):
    """By series."""

    title = "series"
    parameter_name = field_name = "series"


class EventFilter(RelatedFilter):
    """By event."""

    title = "event"
    parameter_name = field_name = "event"


class RewardTroubleFilter(admin.SimpleListFilter):
    """By what staff have to look into."""

    title = "trouble"
    parameter_name = "trouble"
    selects: ClassVar[dict[str, Q]] = {
        "refused": REFUSED,
        "lost": Q(state__in=HELD, still_qualifies=False),
    }

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Offers what Discord refused, and who has a role without a right to it."""
        return [("refused", "refused by Discord"), ("lost", "no longer qualify")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keeps those; of what is no choice, all."""
        wanted = self.selects.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)
