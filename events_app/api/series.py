"""``/api/series``: events that repeat."""

from datetime import UTC, datetime, time
from functools import partial
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from ninja import Query, Router, Status

from community.api.authentication import KeyedRequest
from community.api.problems import PROBLEMS
from events_app.api.events import READ, WRITE
from events_app.api.plan_schemas import SeriesCancellationIn, SeriesChange, SeriesIn
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import (
    ADD,
    CHANGE,
    event_of,
    guild_for,
    maker_of,
    named,
    reachable,
    series_of,
    version_seen,
)
from events_app.api.retries import IN_HEADER, IdempotencyKey, id_for, made_once
from events_app.api.schemas import (
    SeriesDetail,
    SeriesFilters,
    SeriesOut,
    SeriesPage,
    occurrence_out,
    series_columns,
)
from events_app.models import Event, EventSeries
from events_app.services import series as services
from events_app.services.revisions import plan_of
from sessions_app.api.paging import Cursor

router = Router(tags=["events"], auth=READ)
changes = Router(tags=["events"], auth=WRITE)
"""What stands under ``/api/events``."""


@router.get(
    "",
    response={200: SeriesPage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="List series",
)
def list_series(request: KeyedRequest, filters: Query[SeriesFilters]) -> SeriesPage:
    """Lists series, the one that begins last first, page by page.

    `from` and `until` ask for those that have an event in the window from the one up to
    the other.
    """
    rows = named(reachable(EventSeries.objects.all(), request).filter(_chosen(filters)))
    page = list(rows.order_by("-first_date", "-id")[: filters.limit + 1])
    shown = page[: filters.limit]
    following = None
    if len(page) > len(shown):
        first = datetime.combine(shown[-1].first_date, time(), UTC)
        following = Cursor(first, shown[-1].id).next_path(request)
    return SeriesPage(series=[SeriesOut(**series_columns(row)) for row in shown], next=following)


@router.post(
    "",
    auth=WRITE,
    response={201: SeriesDetail} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="Plan a series",
)
def create_series(
    request: KeyedRequest, asked: SeriesIn, idempotency_key: IdempotencyKey = IN_HEADER
) -> Status[SeriesDetail]:
    """Makes a series with all its events, at most 500, each an event of its own.

    Asks for the scope `events:write`. The plan is that of the first event; the clock on the
    wall of its zone tells when all take place.
    """
    maker = maker_of(request, ADD)
    guild_id = guild_for(request, asked.guild_id, maker=maker)
    series_id = id_for(request, f"series of {guild_id}", idempotency_key)
    make = partial(
        services.create_series,
        asked.plan(),
        asked.rule,
        guild_id=guild_id,
        actor=maker,
        now=timezone.now(),
        reason=asked.reason,
        series_id=series_id,
    )
    with refusals_told():
        series = made_once(EventSeries.objects.all(), series_id, make)
    return Status(201, _detail_of(series.pk))


@router.get(
    "/{series_id}",
    response={200: SeriesDetail} | FOUND,
    openapi_extra=examples(FOUND),
    summary="One series with its events",
)
def get_series(request: KeyedRequest, series_id: UUID) -> SeriesDetail:
    """Gives one series with its events in order, those that were cancelled among them."""
    return _detail_of(series_of(request, series_id).pk)


@router.post(
    "/{series_id}/cancel",
    auth=WRITE,
    response={200: SeriesDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Cancel what of a series is to come",
)
def cancel_series(
    request: KeyedRequest, series_id: UUID, asked: SeriesCancellationIn | None = None
) -> SeriesDetail:
    """Cancels the events of a series that have not begun; doing it twice does nothing.

    Asks for the scope `events:write`. Each can be reinstated by itself: see `undo`. To cancel
    one alone, or to let the series go on otherwise, see the events' `cancel` and
    `change-series`.
    """
    asked = asked or SeriesCancellationIn()
    maker = maker_of(request, CHANGE)
    series = series_of(request, series_id, maker=maker)
    with refusals_told():
        services.cancel_series(series.pk, actor=maker, reason=asked.reason, now=timezone.now())
    return _detail_of(series.pk)


@changes.post(
    "/{event_id}/change-series",
    response={200: SeriesDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Change a series from one of its events on",
)
def change_series(request: KeyedRequest, event_id: UUID, asked: SeriesChange) -> SeriesDetail:
    """Changes what is given of an event and of those after it in its series.

    Asks for the scope `events:write`. What is over stays as it was; events that were edited
    apart or cancelled keep their own plan. Where earlier events stay, a new series goes on
    in place of theirs, and is what is answered.
    """
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        rule = services.rule_from_here(event) if asked.rule is None else asked.rule
        series = services.change_from_here(
            event.pk,
            asked.put_on(plan_of(event)),
            rule,
            actor=maker,
            reason=asked.reason,
            now=timezone.now(),
            expected_version=version_seen(asked.expected_version, event),
        )
    return _detail_of(series.pk)


def _detail_of(series_id: UUID) -> SeriesDetail:
    series = named(EventSeries.objects.all()).get(pk=series_id)
    events = series.events.order_by("starts_at", "id")
    return SeriesDetail(
        **series_columns(series), occurrences=[occurrence_out(event) for event in events]
    )


def _chosen(filters: SeriesFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    if filters.guild_id is not None:
        wanted &= Q(guild_id=filters.guild_id)
    held = Q()
    if filters.until is not None:
        held &= Q(starts_at__lt=filters.until)
    if filters.from_ is not None:
        held &= Q(ends_at__gt=filters.from_)
    if held:
        wanted &= Q(
            pk__in=Event.objects.order_by().filter(held, series__isnull=False).values("series")
        )
    if filters.cursor is not None:
        day = filters.cursor.start.date()
        wanted &= Q(first_date__lt=day) | Q(first_date=day, id__lt=filters.cursor.id)
    return wanted
