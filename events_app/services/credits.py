"""What staff credit by hand: seconds, verdicts, and blind gaps made good.

Each decision is one transaction with its line in the trail; afterwards the event is worked
out, so that the number is right at once. Not in the same transaction: who rolls up locks
events, and would wait for the one that waits for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Sum

from community.models import Member
from community.models.ids import new_id
from community.services import audit
from events_app.domain.plan import LONGEST_WINDOW, is_storable
from events_app.models import Credit, Event, Verdict
from events_app.services.changes import note_event
from events_app.services.decision_errors import (
    AlreadyWithdrawnError,
    EmptyCreditError,
    EmptyReasonError,
    EventNotOnError,
    NoSuchCreditError,
    UnfitSecondsError,
    UnfitTextError,
    UnknownMemberError,
    UnknownVerdictError,
)
from events_app.services.finding import find_event
from events_app.services.plan_problems import LONGEST_REASON
from events_app.services.rollup import rebuild
from events_app.services.touched_by_gap import touched_by_gap
from sessions_app.models import BlindGap, VoiceSession

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

GIVE: Final = "credit.give"
WITHDRAW: Final = "credit.withdraw"
GAP: Final = "credit.gap"


def give_credit(
    event_id: UUID,
    user_id: int,
    *,
    seconds: float,
    verdict: str,
    reason: str,
    actor: User,
    now: datetime,
    credit_id: UUID | None = None,
) -> Credit:
    """Credits a member with seconds, a verdict, or both.

    Args:
        event_id: the event, neither a draft nor cancelled.
        user_id: a member of its guild, or one who was.
        seconds: on top of what was counted; both together never exceed the window.
        verdict: ``qualified``, ``refused``, or empty for what the time says.
        reason: why, in the actor's words.
        actor: who decides.
        now: when.
        credit_id: its id, by which a second attempt fails; None for a new one.

    Raises:
        DecisionError: one of its kinds, saying why not.
        NoSuchEventError: there is no such event.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        credit = new_credit(
            event_that_is_on(event_id),
            user_id,
            seconds=seconds,
            verdict=verdict,
            reason=reason,
            actor=actor,
            now=now,
            credit_id=credit_id,
        )
    rebuild([event_id], now=now)
    return credit


def new_credit(
    event: Event,
    user_id: int,
    *,
    seconds: float,
    verdict: str,
    reason: str,
    actor: User,
    now: datetime,
    credit_id: UUID | None = None,
) -> Credit:
    """Writes a credit, its line in the trail and the note; in the caller's transaction.

    Raises:
        DecisionError: one of its kinds, saying why not.
    """
    most = LONGEST_WINDOW.total_seconds()
    # Not a number is not between them either.
    if not (math.isfinite(seconds) and 0 <= seconds <= most):
        raise UnfitSecondsError(most=most)
    if verdict not in Verdict.values:
        raise UnknownVerdictError
    if not seconds and not verdict:
        raise EmptyCreditError
    check_member(event, user_id)
    credit = Credit.objects.create(
        id=credit_id or new_id(),
        event=event,
        guild_id=event.guild_id,
        user_id=user_id,
        seconds=seconds,
        verdict=verdict,
        reason=reason,
        actor=actor,
        actor_name=actor.get_username(),
        created_at=now,
    )
    after = _values(credit)
    audit.record_change(credit, GIVE, {}, after, actor=actor, reason=reason, at=now)
    note_event(event.pk, now=now)
    return credit


def withdraw_credit(credit_id: UUID, *, actor: User, reason: str, now: datetime) -> Credit:
    """Takes a credit back, which is kept and counts no more.

    Raises:
        DecisionError: one of its kinds, saying why not.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        credit = Credit.objects.select_for_update(of=("self",)).filter(pk=credit_id).first()
        if credit is None:
            raise NoSuchCreditError(credit_id=credit_id)
        if credit.withdrawn_at is not None:
            raise AlreadyWithdrawnError
        credit.withdrawn_at, credit.withdrawn_by = now, actor.get_username()
        credit.save(update_fields=["withdrawn_at", "withdrawn_by"])
        before, after = {"withdrawn_at": None}, {"withdrawn_at": now}
        audit.record_change(credit, WITHDRAW, before, after, actor=actor, reason=reason, at=now)
        note_event(credit.event_id, now=now)
    rebuild([credit.event_id], now=now)
    return credit


def gap_candidates(event_id: UUID, gap_id: UUID) -> list[tuple[int, float]]:
    """Tells whom a blind gap touched, and what they would be credited with for it.

    That is whose time counted just before the gap or just after it, or in it; and of them
    those for whom not all of it counts already.

    Returns:
        User ids, in order, each with the seconds of the gap in the window that they were
        not counted for.

    Raises:
        DecisionError: the gap is another guild's, or was replayed.
        NoSuchEventError: there is no such event.
    """
    return [(each.user_id, each.seconds) for each in touched_by_gap(find_event(event_id), gap_id)]


class GapEffect(NamedTuple):
    """What the credit for a gap would do for a member.

    Attributes:
        seconds: what they would be credited with.
        gain: by how much their time would grow.
    """

    user_id: int
    seconds: float
    gain: float


def gap_effects(event_id: UUID, gap_id: UUID) -> list[GapEffect]:
    """Tells what the credit for a gap would do for each of :func:`gap_candidates`.

    A credit fills the window and never exceeds it. Where the event leaves gaps out, the
    window is shorter by the gap, so that who was there all along gains nothing: they have
    their whole share already. Where a member missed other time, it makes up for that.

    Raises:
        DecisionError: the gap is another guild's, or was replayed.
        NoSuchEventError: there is no such event.
    """
    event = find_event(event_id)
    standing = Credit.objects.standing().filter(event=event).order_by()
    sums = standing.values("user_id").annotate(sum=Sum("seconds"))
    had = dict(sums.values_list("user_id", "sum"))
    return [
        GapEffect(
            user_id,
            seconds,
            gain=max(min(seconds, room - had.get(user_id, 0.0)), 0.0),
        )
        for user_id, seconds, room in touched_by_gap(event, gap_id)
    ]


def credit_gap(
    event_id: UUID, gap_id: UUID, *, reason: str, actor: User, now: datetime
) -> list[Credit]:
    """Credits all whom a blind gap touched with what they were not counted for in it.

    Done twice, it gives nothing the second time: each member has one credit for a gap, unless
    it was withdrawn.

    Returns:
        The credits that are new.

    Raises:
        DecisionError: one of its kinds, saying why not.
        NoSuchEventError: there is no such event.
    """
    reason = checked_reason(reason)
    with transaction.atomic():
        event = event_that_is_on(event_id)
        # Of two who do it at once the second waits, and sees what the first has given.
        BlindGap.objects.select_for_update(of=("self",)).filter(pk=gap_id).first()
        had = Credit.objects.standing().filter(event=event, gap=gap_id).order_by()
        has_credit = set(had.values_list("user_id", flat=True))
        given = Credit.objects.bulk_create(
            Credit(
                event=event,
                guild_id=event.guild_id,
                user_id=user_id,
                seconds=seconds,
                reason=reason,
                gap_id=gap_id,
                actor=actor,
                actor_name=actor.get_username(),
                created_at=now,
            )
            for user_id, seconds, _ in touched_by_gap(event, gap_id)
            if user_id not in has_credit
        )
        if not given:
            return []
        audit.record(
            actor=actor,
            action=GAP,
            target=event,
            guild_id=event.guild_id,
            reason=reason,
            before={},
            after={
                "gap_id": gap_id,
                "seconds": {str(credit.user_id): credit.seconds for credit in given},
            },
            at=now,
        )
        note_event(event.pk, now=now)
    rebuild([event_id], now=now)
    return given


def checked_reason(reason: str) -> str:
    """Gives a reason without the blanks around it.

    Raises:
        DecisionError: there is none, or it cannot be kept.
    """
    reason = reason.strip()
    if not reason:
        raise EmptyReasonError
    check_text(reason)
    return reason


def check_text(text: str) -> None:
    """Checks that a text can be kept.

    Raises:
        UnfitTextError: it cannot.
    """
    if len(text) > LONGEST_REASON or not is_storable(text):
        raise UnfitTextError(most=LONGEST_REASON)


def event_that_is_on(event_id: UUID) -> Event:
    """Finds an event in which somebody can take part.

    Raises:
        NoSuchEventError: there is no such event.
        EventNotOnError: it is a draft, or was cancelled.
    """
    event = find_event(event_id)
    if not event.is_on:
        raise EventNotOnError
    return event


def check_member(event: Event, user_id: int) -> None:
    """Checks that a user is a member of an event's guild, was one, or was in voice there.

    Raises:
        UnknownMemberError: nobody has ever seen them there.
    """
    for model in (Member, VoiceSession):
        if model._default_manager.filter(guild_id=event.guild_id, user_id=user_id).exists():
            return
    raise UnknownMemberError(user_id=user_id)


def _values(credit: Credit) -> dict[str, Any]:
    return {
        "event_id": credit.event_id,
        "user_id": str(credit.user_id),
        "seconds": credit.seconds,
        "verdict": str(credit.verdict),
    }
