"""``/api/events/{id}/gaps``: time in which nobody watched, and making it good."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from community.api.authentication import KeyedRequest
from community.api.fields import SnowflakeText, StrictBody
from community.api.problems import NotFoundError
from events_app.api.credit_schemas import CreditOut, Words, credit_out
from events_app.api.events import READ, WRITE
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import CREDIT, event_of, maker_of
from events_app.models import Credit, Event
from events_app.services import credits as services
from events_app.services.event_gaps import gaps_within
from sessions_app.api.gaps import GapOut, gap_out, with_guild_names
from sessions_app.api.paging import PageQuery, page_of

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    from sessions_app.models import BlindGap

    class Found(TypedDict):
        """What ``_gaps_of`` adds to a gap."""

        guild_name: str | None
        is_credited: bool

    EventGap = WithAnnotations[BlindGap, Found]

router = Router(tags=["participation"], auth=READ)


class EventGapOut(GapOut):
    """A stretch of an event's window in which its guild, or a member, was not watched."""

    is_credited: bool = Field(description="Whether anybody was credited for it in this event.")


class EventGapPage(Schema):
    """A page of an event's gaps, newest first."""

    gaps: list[EventGapOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class GapCandidateOut(Schema):
    """A member whom a gap touched."""

    user_id: SnowflakeText
    seconds: float = Field(description="Of the gap in the window, what they were not counted for.")
    is_credited: bool = Field(description="Whether they have a credit for it already.")


class EventGapDetail(EventGapOut):
    """A gap with those whom it touched."""

    candidates: list[GapCandidateOut] = Field(
        description="Whose time counted just before it, just after it or in it, and not for all "
        "of it: by their user ids. None where Discord told afterwards all that had happened."
    )


class GapCreditIn(StrictBody):
    """Why a gap is made good."""

    reason: Words = Field(description="Why, in words; members read it.")


class GapCreditsOut(Schema):
    """What was given for a gap."""

    credits: list[CreditOut] = Field(description="The new ones; none where all had theirs.")


@router.get(
    "/{event_id}/gaps",
    response={200: EventGapPage} | FOUND,
    by_alias=True,
    openapi_extra=examples(FOUND),
    summary="Blind gaps in an event",
)
def list_event_gaps(
    request: KeyedRequest, event_id: UUID, filters: Query[PageQuery]
) -> EventGapPage:
    """Lists the blind gaps that lie in an event's window, newest first, page by page.

    Among them are those of one member, and those of which Discord told afterwards.
    """
    event = event_of(request, event_id)
    gaps = _gaps_of(event).filter(_chosen(filters))
    shown, following = page_of(gaps, request, limit=filters.limit, start="began_at")
    return EventGapPage(
        gaps=[_event_gap_out(gap) for gap in shown],
        next=following,
    )


@router.get(
    "/{event_id}/gaps/{gap_id}",
    response={200: EventGapDetail} | FOUND,
    by_alias=True,
    openapi_extra=examples(FOUND),
    summary="Whom a blind gap touched in an event",
)
def get_event_gap(request: KeyedRequest, event_id: UUID, gap_id: UUID) -> EventGapDetail:
    """Gives a blind gap in an event's window with those whom making it good would credit."""
    event = event_of(request, event_id)
    gap = _gap_of(event, gap_id)
    candidates = []
    if not gap.is_replayed:
        had = Credit.objects.standing().filter(event=event, gap=gap.pk).order_by()
        credited = set(had.values_list("user_id", flat=True))
        with refusals_told():
            found = services.gap_candidates(event.pk, gap.pk)
        candidates = [
            GapCandidateOut(user_id=user_id, seconds=seconds, is_credited=user_id in credited)
            for user_id, seconds in found
        ]
    return EventGapDetail(**_event_gap_out(gap).model_dump(), candidates=candidates)


@router.post(
    "/{event_id}/gaps/{gap_id}/credit",
    auth=WRITE,
    response={200: GapCreditsOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Make a blind gap good",
)
def credit_event_gap(
    request: KeyedRequest, event_id: UUID, gap_id: UUID, asked: GapCreditIn
) -> GapCreditsOut:
    """Credits all whom a blind gap touched with what they were not counted for in it.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    credit members. Each has one credit for a gap: done twice, it gives nothing more.
    """
    maker = maker_of(request, CREDIT)
    event = event_of(request, event_id, maker=maker)
    gap = _gap_of(event, gap_id)
    with refusals_told():
        given = services.credit_gap(
            event.pk, gap.pk, reason=asked.reason, actor=maker, now=timezone.now()
        )
    return GapCreditsOut(credits=[credit_out(credit) for credit in given])


def _gaps_of(event: Event) -> "QuerySet[EventGap]":
    """Gives an event's gaps; each knows whether anybody was credited for it."""
    standing = Credit.objects.standing().filter(event=event, gap=OuterRef("pk"))
    return with_guild_names(gaps_within(event)).annotate(is_credited=Exists(standing))


def _gap_of(event: Event, gap_id: UUID) -> "EventGap":
    gap = _gaps_of(event).filter(pk=gap_id).first()
    if gap is None:
        raise NotFoundError(what="blind gap")
    return gap


def _event_gap_out(gap: "EventGap") -> EventGapOut:
    return EventGapOut(**gap_out(gap).model_dump(), is_credited=gap.is_credited)


def _chosen(filters: PageQuery) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    if filters.until is not None:
        wanted &= Q(began_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(ended_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("began_at")
    return wanted
