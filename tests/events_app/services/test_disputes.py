from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from community.models import AuditEntry
from events_app.models import Change, Credit, Dispute, Event, Participation
from events_app.services.decision_errors import (
    AlreadyAnsweredError,
    DecisionError,
    DeclinedCreditError,
    DisputeOpenError,
    EmptyAnswerError,
    EmptyDisputeError,
    EventNotOnError,
    NoSuchDisputeError,
    UnfitSecondsError,
    UnfitTextError,
    UnknownMemberError,
)
from events_app.services.disputes import answer_dispute, open_dispute
from tests.events_app.planned import make_event
from tests.factories import NOW, at, make_guild, make_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild, Member

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-60), ends_at=NOW)


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


@pytest.fixture
def dispute(event: Event, member: Member) -> Dispute:
    return open_dispute(event.pk, member.user_id, text="I was there", now=NOW)


def test_a_dispute_is_opened_once(event: Event, member: Member, dispute: Dispute) -> None:
    with pytest.raises(DisputeOpenError):
        open_dispute(event.pk, member.user_id, text="I was there!", now=NOW)

    assert Dispute.objects.get() == dispute
    assert (dispute.state, dispute.guild_id, dispute.text) == (
        "open",
        event.guild_id,
        "I was there",
    )
    entry = AuditEntry.objects.get(action="dispute.open")
    assert (entry.actor, entry.guild_id) == (None, event.guild_id)
    assert Change.objects.filter(event_id=event.pk).exists()


def test_who_opens_a_dispute_for_a_member_stands_in_the_trail(
    event: Event, member: Member, actor: User
) -> None:
    open_dispute(event.pk, member.user_id, text="I was there", now=NOW, actor=actor)

    entry = AuditEntry.objects.get(action="dispute.open")
    assert (entry.actor, entry.actor_name) == (actor, "sam")


def test_a_dispute_needs_words_a_member_and_an_event_that_is_on(
    event: Event, member: Member
) -> None:
    with pytest.raises(EmptyDisputeError):
        open_dispute(event.pk, member.user_id, text=" ", now=NOW)
    with pytest.raises(UnfitTextError):
        open_dispute(event.pk, member.user_id, text="x" * 1001, now=NOW)
    with pytest.raises(UnknownMemberError):
        open_dispute(event.pk, make_member(make_guild()).user_id, text="me", now=NOW)
    Event.objects.update(state="cancelled")
    with pytest.raises(EventNotOnError):
        open_dispute(event.pk, member.user_id, text="me", now=NOW)

    assert not Dispute.objects.exists()


def test_who_is_right_has_the_credit_at_once(
    event: Event, member: Member, dispute: Dispute, actor: User
) -> None:
    answered = answer_dispute(
        dispute.pk, is_accepted=True, answer=" so it was ", seconds=600, actor=actor, now=at(1)
    )

    row = Participation.objects.get(event=event, user_id=member.user_id)
    credit = Credit.objects.get()
    assert (row.credited_seconds, row.is_qualified) == (600, True)
    assert (credit.reason, credit.actor) == ("so it was", actor)
    assert (answered.state, answered.credit, answered.answer) == ("accepted", credit, "so it was")
    assert (answered.answered_at, answered.answered_by) == (at(1), "sam")
    entry = AuditEntry.objects.get(action="dispute.answer")
    assert (entry.before, entry.after) == (
        {"state": "open"},
        {"state": "accepted", "credit_id": str(credit.pk)},
    )
    with pytest.raises(AlreadyAnsweredError):
        answer_dispute(dispute.pk, is_accepted=False, answer="no", actor=actor, now=at(2))


def test_who_is_not_right_has_an_answer_and_may_ask_again(
    event: Event, member: Member, dispute: Dispute, actor: User
) -> None:
    answered = answer_dispute(dispute.pk, is_accepted=False, answer="no", actor=actor, now=NOW)

    again = open_dispute(event.pk, member.user_id, text="but yes", now=NOW)

    assert (answered.state, answered.credit) == ("declined", None)
    assert not Credit.objects.exists()
    assert again.pk != dispute.pk


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"answer": ""}, EmptyAnswerError),
        ({"answer": "x" * 1001}, UnfitTextError),
        ({"is_accepted": False, "seconds": 5.0}, DeclinedCreditError),
        ({"is_accepted": False, "verdict": "qualified"}, DeclinedCreditError),
        ({"seconds": -5.0}, UnfitSecondsError),
    ],
)
def test_an_answer_that_cannot_be_leaves_the_dispute_open(
    dispute: Dispute, actor: User, changed: dict[str, Any], error: type[DecisionError]
) -> None:
    asked: dict[str, Any] = {"is_accepted": True, "answer": "yes", "actor": actor, "now": NOW}

    with pytest.raises(error) as raised:
        answer_dispute(dispute.pk, **asked | changed)

    dispute.refresh_from_db()
    assert str(raised.value)
    assert dispute.state == "open"
    assert not Credit.objects.exists()


def test_a_dispute_that_is_none_is_said(actor: User) -> None:
    with pytest.raises(NoSuchDisputeError):
        answer_dispute(uuid4(), is_accepted=True, answer="yes", actor=actor, now=NOW)
