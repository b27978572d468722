"""Roles for those who qualified: what is asked, answered, refused and tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from community.models import AuditEntry, OutboxItem, OutboxState
from events_app.models import Participation, Reward, RewardState
from events_app.services import rewards
from events_app.services.planning import change_event
from events_app.services.planning_errors import ChangedMeanwhileError
from events_app.services.revisions import plan_of
from events_app.services.rewards import NoRewardRoleError, NotOnError
from events_app.services.rollup import rebuild
from tests.events_app.event_rows import make_event, make_participation
from tests.factories import NOW, at, make_guild, make_session_of, make_user

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from events_app.models import Event

pytestmark = pytest.mark.django_db

ROLE = 900


@pytest.fixture
def actor() -> User:
    return make_user("robin")


@pytest.fixture
def event() -> Event:
    return make_event(make_guild(), reward_role=ROLE)


def give(event: Event, actor: User) -> list[OutboxItem]:
    """Gives the rewards; lists what the bot is asked."""
    before = set(OutboxItem.objects.values_list("pk", flat=True))
    rewards.give_rewards(event.pk, actor=actor, now=NOW)
    return list(OutboxItem.objects.exclude(pk__in=before).order_by("created_at", "id"))


def answered(item: OutboxItem, refusal: str | None = None, now: datetime = NOW) -> Reward:
    """Answers an item as the bot does; gives its reward."""
    code = "" if refusal is None else "50013"
    rewards.settle_reward(item, refusal=refusal, code=code, now=now)
    item.refresh_from_db()
    return Reward.objects.get(pk=item.payload["reward_id"])


def states() -> dict[int, str]:
    return dict(Reward.objects.values_list("user_id", "state"))


def test_each_who_qualifies_is_to_be_given_the_role(event: Event, actor: User) -> None:
    make_participation(event, 1, counted_from=at(-50))
    make_participation(event, 2, counted_from=at(-60))
    make_participation(event, 3, is_qualified=False)

    items = give(event, actor)

    assert states() == {1: "wanted", 2: "wanted"}
    assert [item.kind for item in items] == ["reward.give"] * 2
    assert [item.payload["user_id"] for item in items] == ["2", "1"]
    assert {item.payload["role_id"] for item in items} == {str(ROLE)}
    assert items[0].payload["reason"] == "Took part in Raid (Rollcall)"
    assert items[0].guild_id == event.guild_id
    reward = Reward.objects.get(user_id=2)
    assert (reward.item, reward.created_at) == (items[0], NOW)


def test_who_qualifies_is_told_by_the_rules_as_they_are_now(event: Event, actor: User) -> None:
    make_session_of(
        1, guild_id=event.guild_id, channel_id=501, started_at=at(-60), ended_at=at(-50)
    )
    rebuild([event.pk], now=NOW)
    assert Participation.objects.get().is_qualified
    stricter = replace(plan_of(event), minimum_seconds=1200)
    change_event(event.pk, stricter, actor=actor, reason="", now=NOW)

    items = give(event, actor)

    assert not items
    assert not Participation.objects.get().is_qualified


def test_giving_leaves_a_trail(event: Event, actor: User) -> None:
    make_participation(event, 1)

    give(event, actor)

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == ("reward.give", actor, str(event.pk))
    assert entry.guild_id == event.guild_id
    assert entry.after == {"role_ids": [str(ROLE)], "user_ids": ["1"]}


def test_a_second_call_gives_to_the_new_alone(event: Event, actor: User) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    first, second = give(event, actor)
    answered(first)
    answered(second, "Missing Permissions (50013)")
    make_participation(event, 3)

    items = give(event, actor)

    assert [item.payload["user_id"] for item in items] == ["3"]
    assert give(event, actor) == []
    assert AuditEntry.objects.count() == 2


def test_the_database_refuses_a_second_reward(event: Event, actor: User) -> None:
    make_participation(event, 1)
    give(event, actor)

    with pytest.raises(IntegrityError), transaction.atomic():
        Reward.objects.create(
            event=event, guild_id=event.guild_id, user_id=1, role_id=ROLE, created_at=NOW
        )


def test_an_event_without_a_role_or_that_is_off_rewards_nobody(actor: User) -> None:
    guild = make_guild()

    with pytest.raises(NoRewardRoleError):
        rewards.give_rewards(make_event(guild).pk, actor=actor, now=NOW)
    for state in ("draft", "cancelled"):
        event = make_event(guild, reward_role=ROLE, state=state)
        with pytest.raises(NotOnError):
            rewards.give_rewards(event.pk, actor=actor, now=NOW)


def test_of_those_who_are_named_only_those_who_qualify_are_given_it(
    event: Event, actor: User
) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    make_participation(event, 3, is_qualified=False)

    assert rewards.give_rewards(event.pk, actor=actor, now=NOW, user_ids={1, 3, 4}) == 1

    assert states() == {1: "wanted"}


def test_another_version_than_was_seen_gives_nothing(event: Event, actor: User) -> None:
    make_participation(event, 1)

    with pytest.raises(ChangedMeanwhileError):
        rewards.give_rewards(event.pk, actor=actor, now=NOW, expected_version=event.version + 1)

    assert states() == {}
    rewards.give_rewards(event.pk, actor=actor, now=NOW, expected_version=event.version)
    assert states() == {1: "wanted"}


def test_what_is_done_is_given(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)

    reward = answered(item, now=at(1))

    assert (reward.state, reward.error, reward.attempts) == ("given", "", 1)
    assert (reward.settled_at, reward.next_try_at) == (at(1), None)
    assert (item.state, item.answer, item.answered_at) == (OutboxState.DONE, {}, at(1))


def test_what_is_refused_says_why_and_is_due_later(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)

    reward = answered(item, "Missing Permissions (50013)" + "!" * 400)

    assert (reward.state, reward.attempts) == ("refused", 1)
    assert reward.error == ("Missing Permissions (50013)" + "!" * 400)[:300]
    assert reward.next_try_at == at(1)
    assert item.state == OutboxState.REFUSED
    assert item.answer["code"] == "50013"


def test_an_answer_that_comes_twice_counts_once(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    answered(item)

    reward = answered(item, "too late")

    assert (reward.state, reward.attempts) == ("given", 1)


def test_what_is_refused_is_tried_eight_times_with_growing_pauses(
    event: Event, actor: User
) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    now, pauses = NOW, []
    while True:
        reward = answered(item, "Missing Permissions (50013)", now=now)
        if reward.next_try_at is None:
            break
        pauses.append(reward.next_try_at - now)
        now = reward.next_try_at
        assert rewards.retry_due(now=now - timedelta(seconds=1)).found == 0
        assert rewards.retry_due(now=now).outcome() == {"given": 1, "revoked": 0}
        assert rewards.retry_due(now=now).found == 0
        [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
        assert states() == {1: "wanted"}

    assert [pause / timedelta(minutes=1) for pause in pauses] == [1, 2, 4, 8, 16, 32, 64]
    assert (reward.state, reward.attempts) == ("refused", rewards.MOST_ATTEMPTS)
    assert rewards.retry_due(now=now + timedelta(days=9)).found == 0


def test_staff_have_what_was_refused_tried_again_from_the_beginning(
    event: Event, actor: User
) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    first, second = give(event, actor)
    answered(first, "no")
    answered(second)

    assert rewards.retry_refused(event.pk, actor=actor, now=at(5)) == 1

    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
    reward = answered(item, "no")
    assert (reward.attempts, reward.next_try_at) == (1, at(1))
    assert AuditEntry.objects.filter(action="reward.retry").count() == 1


def test_only_the_rewards_that_are_named_are_tried_again(event: Event, actor: User) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    first, second = (answered(item, "no") for item in give(event, actor))

    named = [first.pk]
    assert rewards.retry_refused(event.pk, actor=actor, now=at(5), reward_ids=named) == 1

    assert states() == {first.user_id: "wanted", second.user_id: "refused"}


def test_only_the_rewards_that_are_named_are_taken_back(event: Event, actor: User) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    first, second = (answered(item) for item in give(event, actor))
    other = make_event(event.guild, reward_role=ROLE)

    assert rewards.revoke_rewards(other.pk, actor=actor, now=at(5), reward_ids=[second.pk]) == 0
    rewards.revoke_rewards(event.pk, actor=actor, now=at(5), reward_ids=[first.pk], reason="rain")

    assert states() == {first.user_id: "revoking", second.user_id: "given"}
    assert AuditEntry.objects.get(action="reward.revoke").reason == "rain"


def test_what_was_given_is_taken_back(event: Event, actor: User) -> None:
    make_participation(event, 1)
    make_participation(event, 2)
    for item in give(event, actor):
        answered(item)

    assert rewards.revoke_rewards(event.pk, actor=actor, now=at(5), user_ids=[1]) == 1

    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
    assert (item.kind, item.payload["user_id"]) == ("reward.revoke", "1")
    assert states() == {1: "revoking", 2: "given"}
    assert answered(item).state == RewardState.REVOKED
    entry = AuditEntry.objects.filter(action="reward.revoke").get()
    assert entry.after["user_ids"] == ["1"]


def test_one_that_is_still_to_be_given_is_taken_back_after_it(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [gift] = give(event, actor)

    rewards.revoke_rewards(event.pk, actor=actor, now=at(1))

    assert answered(gift).state == RewardState.REVOKING
    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
    assert answered(item).state == RewardState.REVOKED


def test_one_that_was_refused_is_over_when_it_is_taken_back(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    answered(item, "no")

    assert rewards.revoke_rewards(event.pk, actor=actor, now=at(1)) == 0

    assert states() == {1: "revoked"}
    assert rewards.retry_due(now=at(900)).found == 0


def test_one_that_cannot_be_taken_back_stays_to_be_taken_back(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    answered(item)
    rewards.revoke_rewards(event.pk, actor=actor, now=at(1))
    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)

    reward = answered(item, "Missing Permissions (50013)", now=at(1))

    assert (reward.state, reward.next_try_at) == ("revoking", at(2))
    assert rewards.retry_due(now=at(2)).outcome() == {"given": 0, "revoked": 1}
    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
    assert item.kind == "reward.revoke"
    answered(item, "no", now=at(2))
    assert rewards.retry_refused(event.pk, actor=actor, now=at(3)) == 1


def test_one_that_was_taken_back_can_be_given_again(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    answered(item)
    rewards.revoke_rewards(event.pk, actor=actor, now=at(1))
    [item] = OutboxItem.objects.filter(state=OutboxState.PENDING)
    answered(item)

    [item] = give(event, actor)

    assert states() == {1: "wanted"}
    assert answered(item).state == RewardState.GIVEN
    assert Reward.objects.count() == 1


def test_one_whose_item_is_gone_is_asked_for_again(event: Event, actor: User) -> None:
    make_participation(event, 1)
    [item] = give(event, actor)
    item.delete()

    assert rewards.retry_due(now=at(1)).found == 1

    assert OutboxItem.objects.filter(state=OutboxState.PENDING).count() == 1
    assert rewards.retry_due(now=at(1)).found == 0
