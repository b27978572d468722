"""``/api/events/{id}/credits``, ``/api/events/{id}/disputes``, ``/api/disputes``."""

from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from ninja import Query, Router, Status

from community.api.authentication import KeyedRequest
from community.api.problems import PROBLEMS
from events_app.api.decision_schemas import (
    CreditIn,
    CreditOut,
    DisputeFilters,
    DisputeIn,
    DisputeOut,
    DisputePage,
    credit_out,
    dispute_out,
)
from events_app.api.events import READ, WRITE
from events_app.api.problems import CHANGED, examples, refusals_told
from events_app.api.reach import event_of, maker_of, reachable
from events_app.models import Dispute
from events_app.services.credits import give_credit
from events_app.services.disputes import open_dispute
from sessions_app.api.paging import Cursor

router = Router(tags=["participation"], auth=WRITE)
disputes = Router(tags=["participation"], auth=READ)
"""What stands under ``/api/disputes``."""

PERMISSION = "events_app.credit_event"


@router.post(
    "/{event_id}/credits",
    response={201: CreditOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Credit a member",
)
def create_credit(request: KeyedRequest, event_id: UUID, asked: CreditIn) -> Status[CreditOut]:
    """Credits a member with seconds, a verdict, or both; a new count of the time keeps it.

    Asks for the scope `events:write`. It is given in the name of the account that made the
    key, which has to be allowed to credit members.
    """
    maker = maker_of(request, PERMISSION)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        credit = give_credit(
            event.pk,
            asked.user_id,
            seconds=asked.seconds,
            verdict=asked.verdict,
            reason=asked.reason,
            actor=maker,
            now=timezone.now(),
        )
    return Status(201, credit_out(credit))


@router.post(
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
    maker = maker_of(request, PERMISSION)
    event = event_of(request, event_id, maker=maker)
    with refusals_told(text_field="text"):
        dispute = open_dispute(
            event.pk, asked.user_id, text=asked.text, now=timezone.now(), actor=maker
        )
    return Status(201, dispute_out(dispute))


@disputes.get(
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
    page = list(rows.order_by("-opened_at", "-id")[: filters.limit + 1])
    shown = page[: filters.limit]
    return DisputePage(
        disputes=[dispute_out(dispute) for dispute in shown],
        next=(
            Cursor(shown[-1].opened_at, shown[-1].id).next_path(request)
            if len(page) > len(shown)
            else None
        ),
    )


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
