"""``/api/events/{id}/versions``: what an event was before its changes, and back to it."""

from typing import TYPE_CHECKING, Annotated, Any, Final, cast
from uuid import UUID

from django.db.models import F, Func, IntegerField, QuerySet
from django.utils import timezone
from ninja import Field, Query, Router, Schema
from pydantic import WithJsonSchema

from community.api.authentication import KeyedRequest
from community.api.fields import Moment, SnowflakeText, StrictQuery
from community.api.problems import NotFoundError
from events_app.api.events import READ, WRITE, detail_of
from events_app.api.plan_schemas import MOST, UndoIn
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import CHANGE, event_of, maker_of
from events_app.api.schemas import EventDetail, RulesOut
from events_app.domain.plan_json import from_json
from events_app.models import Event, EventState, EventVersion, Reason
from events_app.services import planning

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Counts(TypedDict):
        """What ``_counted`` adds to a version."""

        participants: int
        qualified: int

    CountedVersion = WithAnnotations[EventVersion, Counts]

router = Router(tags=["events"], auth=READ)

_ALL: Final = "$.*"
_QUALIFIED: Final = "$.* ? (@.is_qualified == true)"


NumberFilter = Annotated[
    Annotated[int, Field(ge=1, le=MOST)] | None,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST}),
]


class VersionFilters(StrictQuery):
    """Which page of an event's versions."""

    limit: int = Field(50, ge=1, le=200, description="How many to a page.")
    before: NumberFilter = Field(
        None, description="Where the page begins: take it from `next` of the page before."
    )


class VersionOut(RulesOut):
    """An event as it was before a change, and who changed it."""

    version: int
    title: str
    description: str
    time_zone: str
    starts_at: Moment
    ends_at: Moment
    state: EventState
    replaced_at: Moment
    replaced_by: str | None = Field(description="Who changed it; null: Discord.")
    reason: str = Field(description="Why; empty where none was given.")
    participants: int = Field(description="Members who were there, or were credited.")
    qualified: int = Field(description="Those of them who qualified.")


class VersionPage(Schema):
    """A page of an event's versions, newest first."""

    versions: list[VersionOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class ResultOut(Schema):
    """What a member had been credited with."""

    user_id: SnowflakeText
    seconds: float
    credited_seconds: float
    share: float | None
    is_qualified: bool
    reasons: list[Reason] = Field(description="Why not, where they did not qualify.")


class VersionDetail(VersionOut):
    """An event as it was before a change, with its results."""

    results: list[ResultOut] = Field(description="Each member who had a part in it.")


@router.get(
    "/{event_id}/versions",
    response={200: VersionPage} | FOUND,
    openapi_extra=examples(FOUND),
    summary="What an event was before its changes",
)
def list_versions(
    request: KeyedRequest, event_id: UUID, filters: Query[VersionFilters]
) -> VersionPage:
    """Lists an event's earlier versions, newest first, page by page.

    The present one is the event itself, and is not among them.
    """
    event = event_of(request, event_id)
    rows = _counted(event).defer("results")
    if filters.before is not None:
        rows = rows.filter(number__lt=filters.before)
    page = list(rows.order_by("-number")[: filters.limit + 1])
    shown = page[: filters.limit]
    following = None
    if len(page) > len(shown):
        query = request.GET.copy()
        query["before"] = str(shown[-1].number)
        following = f"{request.path}?{query.urlencode()}"
    return VersionPage(
        versions=[VersionOut(**_columns(version)) for version in shown], next=following
    )


@router.get(
    "/{event_id}/versions/{version}",
    response={200: VersionDetail} | FOUND,
    openapi_extra=examples(FOUND),
    summary="One earlier version with its results",
)
def get_version(request: KeyedRequest, event_id: UUID, version: int) -> VersionDetail:
    """Gives an event as it was before a change, with what members were credited with then."""
    event = event_of(request, event_id)
    row = _counted(event).filter(number=version).first() if 1 <= version <= MOST else None
    if row is None:
        raise NotFoundError(what="version")
    results = [
        ResultOut(user_id=int(user_id), **result)
        for user_id, result in sorted(row.results.items(), key=lambda item: int(item[0]))
    ]
    return VersionDetail(**_columns(row), results=results)


@router.post(
    "/{event_id}/undo",
    auth=WRITE,
    response={200: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Go back to an earlier version",
)
def undo_event(request: KeyedRequest, event_id: UUID, asked: UndoIn) -> EventDetail:
    """Makes an event again what it was in an earlier version, which is a version of its own.

    Asks for the scope `events:write`. That is its plan, and whether it was a draft, on or
    cancelled: so it is how an event is reinstated that was cancelled. Of one from Discord,
    what Discord decides stays.
    """
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        planning.undo(
            event.pk,
            version=asked.version,
            actor=maker,
            reason=asked.reason,
            now=timezone.now(),
            expected_version=asked.expected_version,
        )
    return detail_of(event.pk)


def _counted(event: Event) -> "QuerySet[CountedVersion]":
    """Gives an event's versions; PostgreSQL counts their results, which may be thousands."""
    rows = EventVersion.objects.filter(event=event).annotate(
        participants=_number_of(_ALL), qualified=_number_of(_QUALIFIED)
    )
    return cast("QuerySet[CountedVersion]", rows)


def _number_of(found: str) -> Func:
    """Counts what a JSON path finds in a version's results."""
    template = f"jsonb_array_length(jsonb_path_query_array(%(expressions)s, '{found}'))"
    return Func(F("results"), template=template, output_field=IntegerField())


def _columns(version: "CountedVersion") -> dict[str, Any]:
    """Says what the API says of a version."""
    return from_json(version.plan).columns() | {
        "version": version.number,
        "state": EventState(version.plan["state"]),
        "replaced_at": version.replaced_at,
        "replaced_by": version.actor_name or None,
        "reason": version.reason,
        "participants": version.participants,
        "qualified": version.qualified,
    }
