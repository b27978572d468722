"""An event with a role for those who qualify, and what its organizer does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import Member, OutboxItem, OutboxState, RoleSpan
from community.services import bot_facts
from events_app.models import Event, Participation, Reward
from events_app.services import rewards
from tests.events_app.admin.evenings import organizer, page
from tests.events_app.event_rows import make_event, make_participation
from tests.events_app.planned import make_role
from tests.factories import NOW, make_guild, make_member, make_shard
from tests.pages import as_

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from community.models import Guild

BOT = 77


@pytest.fixture
def guild() -> Guild:
    return make_guild(owner_id=1)


@pytest.fixture
def sam(guild: Guild) -> User:
    return organizer(guild)


@pytest.fixture
def client(sam: User) -> Client:
    return as_(sam)


@pytest.fixture
def event(guild: Guild) -> Event:
    """An event with a role, for which Mira and Ines qualify, and Jo does not."""
    event = make_event(guild, reward_role=make_role(guild, "Regulars", position=3).pk)
    for name in ("Mira", "Ines", "Jo"):
        member = make_member(guild, name)
        make_participation(event, member.user_id, is_qualified=name != "Jo")
    return event


def id_of(name: str) -> int:
    return Member.objects.get(display_name=name).user_id


def shown(client: Client, name: str, event: Event, **asked: str) -> str:
    response = client.get(page(f"event_{name}", event.pk), asked)
    assert response.status_code == 200
    return str(response.content.decode())


def give(client: Client, event: Event, *names: str, version: int = 1) -> Any:
    data = {"chosen": [str(id_of(name)) for name in names], "expected_version": str(version)}
    return client.post(page("event_give", event.pk), data, follow=True)


def take(client: Client, event: Event, *names: str, **sent: str) -> Any:
    chosen = [str(Reward.objects.get(user_id=id_of(name)).pk) for name in names]
    return client.post(page("event_take_back", event.pk), {"chosen": chosen} | sent, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def states() -> dict[str, str]:
    rows = Reward.objects.values_list("member__display_name", "state")
    return {str(name): state for name, state in rows}


def answer_all(refusal: str | None = None) -> None:
    """Answers all that the bot was asked, as it would."""
    for item in OutboxItem.objects.filter(state=OutboxState.PENDING):
        code = "" if refusal is None else "50013"
        rewards.settle_reward(item, refusal=refusal, code=code, now=timezone.now())


def lose(event: Event, name: str) -> None:
    Participation.objects.filter(event=event, user_id=id_of(name)).update(is_qualified=False)


def bot_with(guild: Guild, *, position: int, permissions: int = 1 << 28) -> None:
    """Makes a bot that has said who it is, and holds one role."""
    make_shard(guild, heartbeat_at=timezone.now(), figures={bot_facts.USER_ID: str(BOT)})
    make_member(guild, "Rollcall", user_id=BOT, roles_known_since=NOW)
    role = make_role(guild, "Rollcall", position=position, permissions=permissions)
    RoleSpan.objects.create(guild=guild, role=role, user_id=BOT, started_at=NOW)
