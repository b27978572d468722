"""Two people who decide about the same at the same time, over two connections."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from community.models import AuditEntry, OutboxItem
from events_app.models import Change, Credit, Dispute, Event, EventVersion, Participation, Reward
from events_app.services import rewards
from events_app.services.credits import credit_gap, give_credit, withdraw_credit
from events_app.services.decision_errors import (
    AlreadyAnsweredError,
    AlreadyWithdrawnError,
    DisputeOpenError,
)
from events_app.services.disputes import answer_dispute, open_dispute
from events_app.services.planning import cancel_event, change_event, locked_event, undo
from events_app.services.rollup import LOCK, rebuild
from sessions_app.models import BlindGap
from tests.events_app.at_once import of_two_at_once
from tests.events_app.event_rows import make_participation
from tests.events_app.planned import make_event, make_plan
from tests.factories import NOW, at, make_channel, make_gap, make_member, make_session, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild, Member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other() -> User:
    return make_user("robin")


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-60), ends_at=NOW)


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


def hold_the_rollup() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


# Credits -------------------------------------------------------------------------------------


def test_two_credits_at_once_both_count(
    event: Event, member: Member, actor: User, other: User
) -> None:
    of_two_at_once(
        *(
            partial(
                give_credit,
                event.pk,
                member.user_id,
                seconds=300,
                verdict="",
                reason="their line",
                actor=each,
                now=NOW,
            )
            for each in (actor, other)
        ),
        holding=hold_the_rollup,
    )

    assert Credit.objects.standing().count() == 2
    assert Participation.objects.get().credited_seconds == 600


def test_a_gap_that_two_credit_at_once_is_credited_once(
    guild: Guild, event: Event, member: Member, actor: User, other: User
) -> None:
    channel = make_channel(guild)
    make_session(member, channel, started_at=at(-60), ended_at=at(-30))
    make_session(make_member(guild), channel, started_at=at(-60), ended_at=at(-30))
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-20))
    rebuild([event.pk], now=NOW)

    found = of_two_at_once(
        *(
            partial(credit_gap, event.pk, gap.pk, reason="our restart", actor=each, now=NOW)
            for each in (actor, other)
        ),
        holding=lambda: BlindGap.objects.select_for_update().get(pk=gap.pk),
    )

    assert sorted(map(len, found)) == [0, 2]
    assert Credit.objects.count() == 2
    assert AuditEntry.objects.filter(action="credit.gap").count() == 1


def test_a_credit_that_two_withdraw_at_once_is_withdrawn_once(
    event: Event, member: Member, actor: User, other: User
) -> None:
    credit = give_credit(
        event.pk, member.user_id, seconds=60, verdict="", reason="x", actor=actor, now=NOW
    )

    found = of_two_at_once(
        *(
            partial(withdraw_credit, credit.pk, actor=each, reason="y", now=NOW)
            for each in (actor, other)
        ),
        holding=lambda: Credit.objects.select_for_update().get(pk=credit.pk),
    )

    assert sorted(type(each).__name__ for each in found) == ["AlreadyWithdrawnError", "Credit"]
    assert any(isinstance(each, AlreadyWithdrawnError) for each in found)
    assert AuditEntry.objects.filter(action="credit.withdraw").count() == 1
    assert not Participation.objects.exists()


# Disputes ------------------------------------------------------------------------------------


def test_of_two_answers_at_once_one_stands(
    event: Event, member: Member, actor: User, other: User
) -> None:
    dispute = open_dispute(event.pk, member.user_id, text="I was there", now=NOW)

    found = of_two_at_once(
        *(
            partial(
                answer_dispute,
                dispute.pk,
                is_accepted=True,
                answer="so you were",
                seconds=600,
                actor=each,
                now=NOW,
            )
            for each in (actor, other)
        ),
        holding=lambda: Dispute.objects.select_for_update().get(pk=dispute.pk),
    )

    assert sum(isinstance(each, AlreadyAnsweredError) for each in found) == 1
    assert Credit.objects.count() == 1
    assert Participation.objects.get().credited_seconds == 600


def test_an_answer_whose_event_is_cancelled_meanwhile_credits_nobody_in_it(
    event: Event, member: Member, actor: User, other: User
) -> None:
    dispute = open_dispute(event.pk, member.user_id, text="I was there", now=NOW)

    answered, cancelled = of_two_at_once(
        partial(
            answer_dispute,
            dispute.pk,
            is_accepted=True,
            answer="so you were",
            seconds=600,
            actor=actor,
            now=NOW,
        ),
        partial(cancel_event, event.pk, actor=other, reason="x", now=NOW),
        holding=lambda: (
            Dispute.objects.select_for_update().get(pk=dispute.pk),
            locked_event(event.pk),
        ),
    )
    rebuild([event.pk], now=NOW)

    assert isinstance(cancelled, Event)
    dispute.refresh_from_db()
    # Whichever came first: an answer that was given has its credit, or it was not given.
    was_answered = not isinstance(answered, Exception)
    assert (dispute.state == "accepted") == was_answered == (dispute.credit is not None)
    assert Credit.objects.count() == was_answered
    assert not Participation.objects.exists()


def test_of_two_disputes_opened_at_once_one_is_open(event: Event, member: Member) -> None:
    def hold() -> None:
        # A row that is not committed: both have to wait for what becomes of it.
        Dispute.objects.create(
            event=event, guild_id=event.guild_id, user_id=member.user_id, text="x", opened_at=NOW
        )

    found = of_two_at_once(
        *(partial(open_dispute, event.pk, member.user_id, text="y", now=NOW) for _ in range(2)),
        holding=hold,
    )

    assert all(isinstance(each, DisputeOpenError) for each in found)
    assert Dispute.objects.count() == 1


# Rewards -------------------------------------------------------------------------------------


@pytest.fixture
def rewarded(event: Event) -> Event:
    Event.objects.update(reward_role=900)
    for user_id in (1, 2, 3):
        make_participation(event, user_id)
    Change.objects.all().delete()  # as if it had been worked out
    return event


def test_rewards_that_two_give_at_once_are_given_once(
    rewarded: Event, actor: User, other: User
) -> None:
    found = of_two_at_once(
        *(
            partial(rewards.give_rewards, rewarded.pk, actor=each, now=NOW)
            for each in (actor, other)
        ),
        holding=lambda: locked_event(rewarded.pk),
    )

    assert sorted(found) == [0, 3]
    assert Reward.objects.count() == OutboxItem.objects.count() == 3


def test_rewards_that_are_given_and_taken_back_at_once_are_one_of_both(
    rewarded: Event, actor: User, other: User
) -> None:
    rewards.give_rewards(rewarded.pk, actor=actor, now=NOW)

    _, revoked = of_two_at_once(
        partial(rewards.give_rewards, rewarded.pk, actor=actor, now=NOW),
        partial(rewards.revoke_rewards, rewarded.pk, actor=other, now=NOW),
        holding=lambda: locked_event(rewarded.pk),
    )

    assert revoked == 3
    for reward in Reward.objects.select_related("item"):
        assert reward.item is not None
        assert (
            reward.state == {"reward.give": "wanted", "reward.revoke": "revoking"}[reward.item.kind]
        )


# Planning ------------------------------------------------------------------------------------


def test_two_edits_at_once_follow_one_another(event: Event, actor: User, other: User) -> None:
    window = {"starts_at": at(-60), "ends_at": NOW}

    of_two_at_once(
        *(
            partial(
                change_event,
                event.pk,
                make_plan(title=title, **window),
                actor=each,
                reason="",
                now=NOW,
            )
            for title, each in (("Quiz", actor), ("Cinema", other))
        ),
        holding=lambda: locked_event(event.pk),
    )

    event.refresh_from_db()
    first, second = EventVersion.objects.order_by("number")
    assert (first.number, second.number, event.version) == (1, 2, 3)
    assert first.plan["title"] == "Game night"
    assert {second.plan["title"], event.title} == {"Quiz", "Cinema"}


def test_an_undo_beside_an_edit_follows_it_or_is_followed_by_it(
    event: Event, actor: User, other: User
) -> None:
    window = {"starts_at": at(-60), "ends_at": NOW}
    change_event(event.pk, make_plan(title="Quiz", **window), actor=actor, reason="", now=NOW)

    of_two_at_once(
        partial(undo, event.pk, version=1, actor=actor, reason="", now=NOW),
        partial(
            change_event,
            event.pk,
            make_plan(title="Cinema", **window),
            actor=other,
            reason="",
            now=NOW,
        ),
        holding=lambda: locked_event(event.pk),
    )

    event.refresh_from_db()
    titles = [version.plan["title"] for version in EventVersion.objects.order_by("number")]
    assert [*titles, event.title] in (
        ["Game night", "Quiz", "Game night", "Cinema"],
        ["Game night", "Quiz", "Cinema", "Game night"],
    )
    assert event.version == 4
