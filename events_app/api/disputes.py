"""``/api/disputes`` and ``/api/events/{id}/disputes``: a member says that a number is wrong."""

from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from ninja import Query, Router, Status

from community.api.authentication import KeyedRequest
from community.api.problems import PROBLEMS
from events_app.api.dispute_schemas import (
    AnswerIn,
    DisputeFilters,
    DisputeIn,
    DisputeOut,
    DisputePage,
    dispute_out,
)
from events_app.api.events import READ, WRITE
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import CREDIT, event_of, maker_of, reachable, record_of
from events_app.models import Dispute
from events_app.services import disputes as services
from sessions_app.api.paging import page_of

router = Router(tags=["participation"], auth=READ)
of_event = Router(tags=["participation"], auth=WRITE)
"""What stands under ``/api/events``."""


@of_event.post(
    "/{event_id}/disputes",
    response={201: DisputeOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Open a dispute for a member",
)
def create_dispute(request: KeyedRequest, event_id: UUID, asked: DisputeIn) -> Status[DisputeOut]:
    """Writes down that a member says that a number is wrong; they have one open at a time.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    credit members.
    """
    maker = maker_of(request, CREDIT)
    event = event_of(request, event_id, maker=maker)
    with refusals_told(text_field="text"):
        dispute = services.open_dispute(
            event.pk, asked.user_id, text=asked.text, now=timezone.now(), actor=maker
        )
    return Status(201, dispute_out(dispute))


@router.get(
    "",
    response={200: DisputePage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="List disputes",
)
def list_disputes(request: KeyedRequest, filters: Query[DisputeFilters]) -> DisputePage:
    """Lists disputes, newest first, page by page.

    `from` and `until` ask for those that were opened after the one and before the other.
    """
    rows = reachable(Dispute.objects.all(), request).filter(_chosen(filters))
    shown, following = page_of(rows, request, limit=filters.limit, start="opened_at")
    return DisputePage(
        disputes=[dispute_out(dispute) for dispute in shown],
        next=following,
    )


@router.get(
    "/{dispute_id}",
    response={200: DisputeOut} | FOUND,
    openapi_extra=examples(FOUND),
    summary="One dispute",
)
def get_dispute(request: KeyedRequest, dispute_id: UUID) -> DisputeOut:
    """Gives one dispute."""
    return dispute_out(record_of(Dispute.objects.all(), request, dispute_id, what="dispute"))


@router.post(
    "/{dispute_id}/answer",
    auth=WRITE,
    response={200: DisputeOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Answer a dispute",
)
def answer_dispute(request: KeyedRequest, dispute_id: UUID, asked: AnswerIn) -> DisputeOut:
    """Answers a dispute, with a credit or without; a second answer is a conflict.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    credit members. Who declines gives no credit.
    """
    maker = maker_of(request, CREDIT)
    dispute = record_of(Dispute.objects.all(), request, dispute_id, what="dispute", maker=maker)
    with refusals_told(text_field="answer"):
        dispute = services.answer_dispute(
            dispute.pk,
            is_accepted=asked.decision == "accepted",
            answer=asked.answer,
            seconds=asked.seconds,
            verdict=asked.verdict,
            actor=maker,
            now=timezone.now(),
        )
    return dispute_out(dispute)


def _chosen(filters: DisputeFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    for column in ("guild_id", "event_id", "user_id"):
        value = getattr(filters, column)
        if value is not None:
            wanted &= Q(**{column: value})
    if filters.state:
        wanted &= Q(state__in=set(filters.state))
    if filters.until is not None:
        wanted &= Q(opened_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(opened_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("opened_at")
    return wanted
