"""A member says that a number is wrong; staff answer, with a credit or without.

As in :mod:`events_app.services.credits`, the event is worked out once the answer stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction

from community.services import audit
from events_app.models import Dispute, DisputeState
from events_app.services.changes import note_event
from events_app.services.credits import (
    check_member,
    check_text,
    event_that_is_on,
    new_credit,
)
from events_app.services.decision_errors import (
    AlreadyAnsweredError,
    DeclinedCreditError,
    DisputeOpenError,
    EmptyAnswerError,
    EmptyDisputeError,
    NoSuchDisputeError,
)
from events_app.services.rollup import rebuild

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

OPEN: Final = "dispute.open"
ANSWER: Final = "dispute.answer"


def open_dispute(
    event_id: UUID, user_id: int, *, text: str, now: datetime, actor: User | None = None
) -> Dispute:
    """Opens a dispute; a member has one at a time about an event.

    Args:
        event_id: the event, neither a draft nor cancelled.
        user_id: a member of its guild, or one who was.
        text: what they say.
        now: when.
        actor: who writes it down for them, for the trail; None where they did it themselves.

    Raises:
        DecisionError: one of its kinds, saying why not.
        NoSuchEventError: there is no such event.
    """
    text = text.strip()
    if not text:
        raise EmptyDisputeError
    check_text(text)
    event = event_that_is_on(event_id)
    check_member(event, user_id)
    try:
        with transaction.atomic():
            dispute = Dispute.objects.create(
                event=event, guild_id=event.guild_id, user_id=user_id, text=text, opened_at=now
            )
            audit.record(
                actor=actor,
                action=OPEN,
                target=dispute,
                guild_id=event.guild_id,
                reason=text,
                before={},
                after={
                    "event_id": event.pk,
                    "user_id": str(user_id),
                    "state": str(dispute.state),
                },
                at=now,
            )
            note_event(event.pk, now=now)
    except IntegrityError as error:
        # Of two at once the database lets one through.
        if Dispute.objects.filter(event=event, user_id=user_id, state=DisputeState.OPEN).exists():
            raise DisputeOpenError from error
        raise
    rebuild([event_id], now=now)
    return dispute


def answer_dispute(
    dispute_id: UUID,
    *,
    is_accepted: bool,
    answer: str,
    seconds: float = 0.0,
    verdict: str = "",
    actor: User,
    now: datetime,
) -> Dispute:
    """Answers a dispute, once.

    Args:
        dispute_id: the dispute, which is open.
        is_accepted: whether the member is right.
        answer: what they are told; it is the credit's reason, too.
        seconds: what they are credited with, where they are right; 0 where what was wrong
            was corrected elsewhere.
        verdict: as of a credit.
        actor: who answers.
        now: when.

    Raises:
        DecisionError: one of its kinds, saying why not.
    """
    answer = answer.strip()
    if not answer:
        raise EmptyAnswerError
    check_text(answer)
    if not is_accepted and (seconds or verdict):
        raise DeclinedCreditError
    with transaction.atomic():
        dispute = Dispute.objects.select_for_update(of=("self",)).filter(pk=dispute_id).first()
        if dispute is None:
            raise NoSuchDisputeError(dispute_id=dispute_id)
        if dispute.state != DisputeState.OPEN:
            raise AlreadyAnsweredError
        if seconds or verdict:
            dispute.credit = new_credit(
                event_that_is_on(dispute.event_id),
                dispute.user_id,
                seconds=seconds,
                verdict=verdict,
                reason=answer,
                actor=actor,
                now=now,
            )
        dispute.state = DisputeState.ACCEPTED if is_accepted else DisputeState.DECLINED
        dispute.answer, dispute.answered_at = answer, now
        dispute.answered_by = actor.get_username()
        dispute.save()
        audit.record(
            actor=actor,
            action=ANSWER,
            target=dispute,
            guild_id=dispute.guild_id,
            reason=answer,
            before={"state": str(DisputeState.OPEN)},
            after={"state": str(dispute.state), "credit_id": dispute.credit_id},
            at=now,
        )
        note_event(dispute.event_id, now=now)
    rebuild([dispute.event_id], now=now)
    return dispute
