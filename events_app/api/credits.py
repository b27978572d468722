"""``/api/credits`` and ``/api/events/{id}/credits``: what staff give by hand, and take back."""

from functools import partial
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from ninja import Query, Router, Status

from community.api.authentication import KeyedRequest
from community.api.problems import PROBLEMS
from events_app.api.credit_schemas import (
    CreditFilters,
    CreditIn,
    CreditOut,
    CreditPage,
    WithdrawalIn,
    credit_out,
)
from events_app.api.events import READ, WRITE
from events_app.api.problems import CHANGED, FOUND, examples, refusals_told
from events_app.api.reach import CREDIT, event_of, maker_of, reachable, record_of
from events_app.api.retries import IN_HEADER, IdempotencyKey, id_for, made_once
from events_app.models import Credit
from events_app.services import credits as services
from sessions_app.api.paging import page_of

router = Router(tags=["participation"], auth=READ)
of_event = Router(tags=["participation"], auth=WRITE)
"""What stands under ``/api/events``."""


@of_event.post(
    "/{event_id}/credits",
    response={201: CreditOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Credit a member",
)
def create_credit(
    request: KeyedRequest,
    event_id: UUID,
    asked: CreditIn,
    idempotency_key: IdempotencyKey = IN_HEADER,
) -> Status[CreditOut]:
    """Credits a member with seconds, a verdict, or both; a new count of the time keeps it.

    Asks for the scope `events:write`. It is given in the name of the account that made the
    key, which has to be allowed to credit members.
    """
    maker = maker_of(request, CREDIT)
    event = event_of(request, event_id, maker=maker)
    credit_id = id_for(request, f"credit in {event.pk}", idempotency_key)
    give = partial(
        services.give_credit,
        event.pk,
        asked.user_id,
        seconds=asked.seconds,
        verdict=asked.verdict,
        reason=asked.reason,
        actor=maker,
        now=timezone.now(),
        credit_id=credit_id,
    )
    with refusals_told():
        credit = made_once(Credit.objects.all(), credit_id, give)
    return Status(201, credit_out(credit))


@router.get(
    "",
    response={200: CreditPage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="List credits",
)
def list_credits(request: KeyedRequest, filters: Query[CreditFilters]) -> CreditPage:
    """Lists credits, newest first, page by page; those that were withdrawn among them.

    `from` and `until` ask for those that were given after the one and before the other.
    """
    rows = reachable(Credit.objects.all(), request).filter(_chosen(filters))
    shown, following = page_of(rows, request, limit=filters.limit, start="created_at")
    return CreditPage(
        credits=[credit_out(credit) for credit in shown],
        next=following,
    )


@router.get(
    "/{credit_id}",
    response={200: CreditOut} | FOUND,
    openapi_extra=examples(FOUND),
    summary="One credit",
)
def get_credit(request: KeyedRequest, credit_id: UUID) -> CreditOut:
    """Gives one credit."""
    return credit_out(record_of(Credit.objects.all(), request, credit_id, what="credit"))


@router.post(
    "/{credit_id}/withdraw",
    auth=WRITE,
    response={200: CreditOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Withdraw a credit",
)
def withdraw_credit(request: KeyedRequest, credit_id: UUID, asked: WithdrawalIn) -> CreditOut:
    """Takes a credit back, which is kept and counts no more; a second time is a conflict.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    credit members.
    """
    maker = maker_of(request, CREDIT)
    credit = record_of(Credit.objects.all(), request, credit_id, what="credit", maker=maker)
    with refusals_told():
        credit = services.withdraw_credit(
            credit.pk, actor=maker, reason=asked.reason, now=timezone.now()
        )
    return credit_out(credit)


def _chosen(filters: CreditFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q(withdrawn_at=None) if filters.standing_only else Q()
    for column in ("guild_id", "event_id", "user_id", "gap_id"):
        value = getattr(filters, column)
        if value is not None:
            wanted &= Q(**{column: value})
    if filters.until is not None:
        wanted &= Q(created_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(created_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("created_at")
    return wanted
