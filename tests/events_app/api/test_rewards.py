"""Roles for those who qualify: listed, given, taken back and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry, OutboxItem
from events_app.models import Change, Event, Reward
from events_app.services import rewards
from tests.events_app.api.keys import EVENTS, REWARDS, send
from tests.events_app.planned import make_event, make_participation, make_role
from tests.factories import at, make_guild

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild

pytestmark = pytest.mark.django_db

UNKNOWN = "01980000-0000-7000-8000-000000000000"


@pytest.fixture
def event(guild: Guild) -> Event:
    role = make_role(guild)
    event = make_event(guild, starts_at=at(-120), ends_at=at(-60), reward_role=role.pk)
    Change.objects.all().delete()  # as if it had been worked out
    return event


def reward(event: Event, *, created: float = 0, user_id: int = 5, **columns: Any) -> Reward:
    values: dict[str, Any] = {"role_id": event.reward_role, "state": "given"}
    return Reward.objects.create(
        event=event,
        guild_id=event.guild_id,
        user_id=user_id,
        created_at=at(created),
        **values | columns,
    )


def ask(client: Client, event: Event, what: str, body: Any = None) -> Any:
    return send(client, "POST", f"{EVENTS}/{event.pk}/rewards/{what}", body)


def asked(response: Any) -> int:
    assert response.status_code == 202, response.content
    count: int = response.json()["asked"]
    return count


def states() -> dict[int, str]:
    return dict(Reward.objects.values_list("user_id", "state"))


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["rewards"]]


def test_those_who_qualify_are_given_the_role_once(client: Client, event: Event) -> None:
    first = make_participation(event, is_qualified=True)
    second = make_participation(event, is_qualified=True)
    make_participation(event)

    chosen = ask(client, event, "give", {"user_ids": [str(first.user_id)], "expected_version": 1})
    rest = ask(client, event, "give")
    again = ask(client, event, "give")

    assert [asked(response) for response in (chosen, rest, again)] == [1, 1, 0]
    assert chosen.json()["link"] == f"{REWARDS}?event_id={event.pk}"
    assert states() == {first.user_id: "wanted", second.user_id: "wanted"}
    trail = AuditEntry.objects.filter(action="reward.give")
    assert {entry.actor for entry in trail} == {User.objects.get()}
    assert len(trail) == 2


def test_a_role_is_taken_back_from_some_or_from_all(client: Client, event: Event) -> None:
    for user_id in (1, 2, 3):
        reward(event, user_id=user_id)

    some = ask(client, event, "revoke", {"user_ids": ["2", "77"], "reason": " as asked "})
    after_some = states()
    every = ask(client, event, "revoke", {"user_ids": None})

    assert (asked(some), asked(every)) == (1, 2)
    assert after_some == {1: "given", 2: "revoking", 3: "given"}
    assert set(states().values()) == {"revoking"}
    entry = AuditEntry.objects.filter(action="reward.revoke").earliest("at", "id")
    assert (entry.reason, entry.after["user_ids"]) == ("as asked", ["2"])


def test_what_discord_refused_is_told_and_tried_again(client: Client, event: Event) -> None:
    row = make_participation(event, is_qualified=True)
    ask(client, event, "give")
    rewards.settle_reward(
        OutboxItem.objects.get(), refusal="Missing Permissions", code="50013", now=at(1)
    )

    [told] = client.get(REWARDS).json()["rewards"]
    other = ask(client, event, "retry", {"reward_ids": [UNKNOWN]})
    retried = ask(client, event, "retry", {"reward_ids": [told["id"]]})
    again = ask(client, event, "retry")

    assert told == {
        "id": str(Reward.objects.get().pk),
        "event_id": str(event.pk),
        "guild_id": str(event.guild_id),
        "user_id": str(row.user_id),
        "role_id": str(event.reward_role),
        "state": "refused",
        "refusal": "Missing Permissions",
        "attempts": 1,
        "next_try_at": "2026-11-20T12:02:00Z",
        "created_at": "2026-11-20T12:00:00Z",
        "settled_at": "2026-11-20T12:01:00Z",
    }
    assert [asked(response) for response in (other, retried, again)] == [0, 1, 0]
    assert states() == {row.user_id: "wanted"}


@pytest.mark.parametrize(
    ("columns", "body", "code"),
    [
        ({"reward_role": None}, None, "reward.no_role"),
        ({"state": "draft"}, None, "reward.not_on"),
        ({}, {"expected_version": 2}, "changed_meanwhile"),
    ],
)
def test_what_cannot_be_given_is_a_conflict(
    client: Client, event: Event, columns: dict[str, Any], body: Any, code: str
) -> None:
    Event.objects.update(**columns)

    response = ask(client, event, "give", body)

    assert (response.status_code, response.json()["code"]) == (409, code)


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("give", {"user_ids": []}, "user_ids"),
        ("give", {"user_ids": [5]}, "user_ids"),
        ("give", {"user_ids": "5"}, "user_ids"),
        ("give", {"user_ids": ["9223372036854775808"]}, "user_ids"),
        ("give", {"user_ids": ["5"] * 1001}, "user_ids"),
        ("give", {"expected_version": 0}, "expected_version"),
        ("revoke", {}, "user_ids"),
        ("revoke", {"user_ids": []}, "user_ids"),
        ("revoke", {"user_ids": ["5"], "reason": "\0"}, "reason"),
        ("revoke", {"user_ids": ["5"], "reason": "\ud800"}, "reason"),
        ("revoke", {"user_ids": ["5"], "reason": "x" * 1001}, "reason"),
        ("retry", {"reward_ids": ["5"]}, "reward_ids"),
        ("retry", {"reward_ids": [5]}, "reward_ids"),
        ("retry", {"reward_ids": []}, "reward_ids"),
        ("retry", {"user_ids": ["5"]}, "user_ids"),
    ],
)
def test_asking_refuses_bad_input_at_its_field(
    client: Client, event: Event, what: str, body: dict[str, Any], field: str
) -> None:
    reward(event)

    response = ask(client, event, what, body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    assert states() == {5: "given"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"state": "given"}, "ca"),
        ({"state": ["refused", "revoked"]}, "b"),
        ({"user_id": "7"}, "c"),
        ({"role_id": "9"}, ""),
        ({"guild_id": "9"}, ""),
        ({"event_id": UNKNOWN}, ""),
        ({"from": "2026-11-20T11:55:00Z"}, "c"),
        ({"until": "2026-11-20T11:52:00Z"}, "a"),
    ],
)
def test_list_filters(client: Client, event: Event, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": reward(event, created=-9),
        "b": reward(event, created=-5, user_id=6, state="refused"),
        "c": reward(event, created=-1, user_id=7),
    }

    assert ids(client.get(REWARDS, query).json()) == [str(rows[name].pk) for name in found]


def test_pages_follow_each_other_while_rewards_come_in(client: Client, event: Event) -> None:
    expected = {str(reward(event, user_id=number).pk) for number in range(5)}
    reward(make_event(make_guild()), role_id=3)

    found, path = [], f"{REWARDS}?limit=2&event_id={event.pk}"
    while path:
        page = client.get(path).json()
        found += ids(page)
        path = page["next"]
        reward(event, created=5, user_id=100 + len(found))

    assert len(found) == 5
    assert set(found) == expected


def test_list_takes_as_many_queries_for_three_as_for_one(
    client: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(REWARDS)

    for number in range(2):
        reward(event, user_id=number)
        with django_assert_num_queries(3):  # key, its guilds, rewards
            client.get(REWARDS)
        reward(event, user_id=number + 10)
