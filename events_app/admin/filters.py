"""Filters of the lists of events: by series, by event."""

from __future__ import annotations

from community.admin.filters import RelatedFilter


class SeriesFilter(RelatedFilter):
    """By series."""

    title = "series"
    parameter_name = field_name = "series"


class EventFilter(RelatedFilter):
    """By event."""

    title = "event"
    parameter_name = field_name = "event"
