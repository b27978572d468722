"""Counts that cost nothing: the planner's estimate for what is large, exact for what is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

EXACT_UP_TO = 10_000
LAST_PAGE = 1_000

_ROWS = re.compile(r" rows=(\d+) ")


class EstimatedPaginator(_Paginator):
    """Pages of a list that may have millions of rows.

    PostgreSQL's planner says how many rows it expects, filters included (EXPLAIN, from the
    table's statistics). Up to :data:`EXACT_UP_TO` they are counted instead. A list whose
    count is an estimate is paged without an end, down to :data:`LAST_PAGE`: deeper pages
    cost ever more, and a filter on time finds what is there.
    """

    template_name = "admin/estimated_pagination.html"

    @cached_property
    def expected_rows(self) -> int:
        """The planner's estimate."""
        queryset = self._queryset.order_by().select_related(None).prefetch_related(None)
        expected = _ROWS.search(queryset.explain())
        # Django asks the database nothing about what it knows to be empty.
        return int(expected[1]) if expected else 0

    @cached_property
    def is_exact(self) -> bool:
        """Whether the count is one."""
        return self.expected_rows <= EXACT_UP_TO

    @cached_property
    def count(self) -> int:
        """The number of rows, exact or estimated."""
        if self.is_exact:
            return self._queryset.count()
        return self.expected_rows

    @property
    def num_pages(self) -> int:
        """The number of pages that may be asked for."""
        if self.is_exact:
            return super().num_pages
        return LAST_PAGE

    @property
    def total(self) -> str:
        """The count in words."""
        if self.is_exact:
            return f"{self.count:,}"
        digits = len(str(self.count))
        return f"about {round(self.count, -(digits - 2)):,}"

    def page(self, number: int | str) -> Page[Any]:
        """Cuts one page, not by the count: an estimate may be short."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        return Page(self._queryset[first : first + self.per_page], number, self)

    @property
    def _queryset(self) -> QuerySet[Model]:
        return cast("QuerySet[Model]", self.object_list)
