"""``/api/events``: events listed, one by one, made, changed and cancelled."""

from functools import partial
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone
from ninja import Query, Router, Status

from community.api.authentication import ApiKeyAuth, KeyedRequest
from community.api.problems import PROBLEMS
from community.domain.scopes import Scope
from events_app.api.plan_schemas import DecisionIn, EventChange, EventIn
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import (
    ADD,
    CHANGE,
    event_of,
    guild_for,
    maker_of,
    named,
    reachable,
    version_seen,
)
from events_app.api.retries import IN_HEADER, IdempotencyKey, id_for, made_once
from events_app.api.schemas import (
    EventDetail,
    EventFilters,
    EventOut,
    EventPage,
    event_columns,
    publication_out,
)
from events_app.models import Event, Participation
from events_app.services import planning
from events_app.services.publishing import items_of
from events_app.services.revisions import plan_of
from sessions_app.api.paging import page_of

READ = ApiKeyAuth(Scope.EVENTS_READ)
WRITE = ApiKeyAuth(Scope.EVENTS_WRITE)

router = Router(tags=["events"], auth=READ)


@router.get(
    "",
    response={200: EventPage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="List events",
)
def list_events(request: KeyedRequest, filters: Query[EventFilters]) -> EventPage:
    """Lists events, the one that begins last first, page by page.

    `from` and `until` ask for whatever overlaps the window from the one up to the other.
    """
    events = named(reachable(Event.objects.all(), request).filter(_chosen(filters)))
    shown, following = page_of(events, request, limit=filters.limit, start="starts_at")
    return EventPage(
        events=[EventOut(**event_columns(event)) for event in shown],
        next=following,
    )


@router.post(
    "",
    auth=WRITE,
    response={201: EventDetail} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="Plan an event",
)
def create_event(
    request: KeyedRequest, asked: EventIn, idempotency_key: IdempotencyKey = IN_HEADER
) -> Status[EventDetail]:
    """Makes an event; one whose window has passed already is worked out as if planned before.

    Asks for the scope `events:write`. It is made in the name of the account that made the
    key, which has to be allowed to add events.
    """
    maker = maker_of(request, ADD)
    guild_id = guild_for(request, asked.guild_id, maker=maker)
    event_id = id_for(request, f"event of {guild_id}", idempotency_key)
    make = partial(
        planning.create_event,
        asked.plan(),
        guild_id=guild_id,
        actor=maker,
        now=timezone.now(),
        as_draft=asked.as_draft,
        event_id=event_id,
    )
    with refusals_told():
        event = made_once(Event.objects.all(), event_id, make)
    return Status(201, detail_of(event.pk))


@router.get(
    "/{event_id}",
    response={200: EventDetail} | FOUND,
    openapi_extra=examples(FOUND),
    summary="One event",
)
def get_event(request: KeyedRequest, event_id: UUID) -> EventDetail:
    """Gives one event with how many took part."""
    return detail_of(event_of(request, event_id).pk)


@router.patch(
    "/{event_id}",
    auth=WRITE,
    response={200: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Change an event",
)
def change_event(request: KeyedRequest, event_id: UUID, asked: EventChange) -> EventDetail:
    """Changes what is given of an event, and leaves the rest as it is.

    Asks for the scope `events:write`. One of a series is edited apart from then on; to
    change those after it too, see `change-series`. What it was before is kept as a version.
    """
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        planning.change_event(
            event.pk,
            asked.put_on(plan_of(event)),
            actor=maker,
            reason=asked.reason,
            now=timezone.now(),
            expected_version=version_seen(asked.expected_version, event),
        )
    return detail_of(event.pk)


@router.post(
    "/{event_id}/cancel",
    auth=WRITE,
    response={200: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Cancel an event",
)
def cancel_event(
    request: KeyedRequest, event_id: UUID, asked: DecisionIn | None = None
) -> EventDetail:
    """Cancels an event, which then counts for nobody; cancelling it twice does nothing.

    Asks for the scope `events:write`.
    """
    asked = asked or DecisionIn()
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        planning.cancel_event(
            event.pk,
            actor=maker,
            reason=asked.reason,
            now=timezone.now(),
            expected_version=asked.expected_version,
        )
    return detail_of(event.pk)


def detail_of(event_id: UUID) -> EventDetail:
    """Says what the API says of an event that was found to be within reach."""
    event = named(Event.objects.all()).get(pk=event_id)
    counts = (
        Participation.objects.order_by()
        .filter(event=event_id)
        .aggregate(participants=Count("pk"), qualified=Count("pk", filter=Q(is_qualified=True)))
    )
    asked = items_of(event).first()
    return EventDetail(
        **event_columns(event),
        **counts,
        publication=None if asked is None else publication_out(asked),
    )


def _chosen(filters: EventFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    if filters.guild_id is not None:
        wanted &= Q(guild_id=filters.guild_id)
    if filters.series_id is not None:
        wanted &= Q(series_id=filters.series_id)
    if filters.state:
        wanted &= Q(state__in=set(filters.state))
    if filters.until is not None:
        wanted &= Q(starts_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(ends_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("starts_at")
    return wanted
