"""The roles of an event, as an organizer gives them; and what stands in the way of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import AuditEntry, OutboxItem, Role
from events_app.admin import reward_decisions
from events_app.models import Event, Reward
from tests.events_app.admin.evenings import page
from tests.events_app.admin.rewarded import (
    answer_all,
    bot_with,
    client,
    event,
    give,
    guild,
    id_of,
    lose,
    said,
    sam,
    shown,
    states,
    take,
)
from tests.events_app.planned import make_role
from tests.factories import NOW

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

__all__ = ["client", "event", "guild", "sam"]

pytestmark = pytest.mark.django_db


def test_who_would_be_given_the_role_is_named_before_it_is_given(
    client: Client, event: Event
) -> None:
    on_event, on_rewards = (shown(client, name, event) for name in ("change", "rewards"))
    confirmation = shown(client, "give", event)

    assert "Role for those who qualify: Regulars" in on_event
    assert "2 can be given it." in on_event
    assert f'href="{page("event_give", event.pk)}"' in on_event
    assert "Who can be given it: 2" in on_rewards
    assert "Nobody was given a role by this event." in on_rewards
    for name in ("Mira", "Ines"):
        assert name in on_rewards
        assert f'value="{id_of(name)}" checked' in confirmation
    assert str(id_of("Jo")) not in confirmation
    assert not OutboxItem.objects.exists()


def test_those_who_are_chosen_are_given_it(client: Client, event: Event, sam: User) -> None:
    response = give(client, event, "Mira")

    assert said(response) == ["The bot was asked to give the role to 1 member."]
    assert states() == {"Mira": "wanted"}
    assert "Ines" in response.content.decode()
    assert AuditEntry.objects.get(action="reward.give").actor == sam


def test_nobody_chosen_is_said_and_gives_nothing(client: Client, event: Event) -> None:
    response = give(client, event)

    assert "Choose somebody: nothing was done." in response.content.decode()
    assert not Reward.objects.exists()


def test_a_double_click_gives_once_and_says_so(client: Client, event: Event) -> None:
    give(client, event, "Mira", "Ines")

    again = give(client, event, "Mira", "Ines")

    assert len(said(again)) == 1
    assert said(again)[0].startswith("Nothing was asked for 2 members of those chosen: they were")
    assert OutboxItem.objects.count() == 2


def test_who_stopped_qualifying_meanwhile_is_given_nothing_and_that_is_said(
    client: Client, event: Event
) -> None:
    lose(event, "Ines")

    response = give(client, event, "Mira", "Ines", "Jo")

    assert states() == {"Mira": "wanted"}
    assert said(response)[0] == "The bot was asked to give the role to 1 member."
    assert said(response)[1].startswith("Nothing was asked for 2 members of those chosen")


def test_an_event_that_was_changed_meanwhile_gives_nothing_and_keeps_what_was_chosen(
    client: Client, event: Event
) -> None:
    other = make_role(event.guild, "Others")
    Event.objects.filter(pk=event.pk).update(reward_role=other.pk, version=2)

    response = give(client, event, "Ines")

    html = response.content.decode()
    assert "Somebody changed the event meanwhile" in html
    assert "the role Others" in html
    assert f'value="{id_of("Ines")}" checked' in html
    assert f'value="{id_of("Mira")}">' in html
    assert 'name="expected_version" value="2"' in html
    assert not Reward.objects.exists()
    assert said(give(client, event, "Ines", version=2))[0].endswith("1 member.")


@pytest.mark.parametrize("chosen", [["x"], [str(2**70)], ["x", "-1", ""]])
def test_what_is_no_member_gives_nothing(client: Client, event: Event, chosen: list[str]) -> None:
    url = page("event_give", event.pk)

    response = client.post(url, {"chosen": chosen, "expected_version": "1"})

    assert "Choose somebody: nothing was done." in response.content.decode()
    assert not Reward.objects.exists()


def test_one_who_had_it_taken_back_is_offered_and_not_chosen(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    answer_all()
    take(client, event, "Mira")
    answer_all()

    html = shown(client, "give", event)

    assert f'value="{id_of("Mira")}">' in html
    assert "taken back before" in html
    assert f'value="{id_of("Ines")}" checked' in html


def test_more_than_a_form_can_hold_are_given_it_in_turns(
    client: Client, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reward_decisions, "MOST_CHOICES", 1)

    html = shown(client, "give", event)

    assert html.count(" checked>") == 1
    assert "1 more, once these are done." in html
    give(client, event, "Mira")
    give(client, event, "Ines")
    assert "1 more, once these are done." in shown(client, "take_back", event)
    assert "more, once these are done." not in shown(client, "give", event)


# What stands in the way -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"reward_role": None}, "The event names no role for those who qualify."),
        ({"state": "draft"}, "A draft rewards nobody: publish it first."),
        ({"state": "cancelled"}, "The event was cancelled: it rewards nobody."),
        ({"reward_role": 12}, "the role was deleted on Discord"),
    ],
)
def test_what_cannot_be_given_says_why_and_offers_nothing(
    client: Client, event: Event, columns: dict[str, Any], words: str
) -> None:
    Event.objects.filter(pk=event.pk).update(**columns)

    for name in ("change", "rewards", "give"):
        html = shown(client, name, event)
        assert words in html, name
        assert "Give the role (" not in html, name
        assert 'name="chosen"' not in html, name


def test_a_role_of_an_integration_is_not_offered(client: Client, event: Event) -> None:
    Role.objects.filter(name="Regulars").update(is_managed=True)

    html = shown(client, "change", event)

    assert "the role belongs to an integration" in html
    assert "Give the role (" not in html


def test_a_guild_without_the_bot_gives_nothing(client: Client, event: Event) -> None:
    event.guild.gone_at = NOW
    event.guild.save()

    assert "the bot was removed from the guild" in shown(client, "give", event)


def test_a_role_above_the_bots_is_said_and_can_be_asked_for_all_the_same(
    client: Client, event: Event
) -> None:
    bot_with(event.guild, position=3)

    for name in ("change", "rewards", "give"):
        html = shown(client, name, event)
        assert "the role stands above the bot&#x27;s own highest role" in html, name
    assert "Give the role (2)" in shown(client, "change", event)


def test_a_bot_without_manage_roles_is_told_of(client: Client, event: Event) -> None:
    bot_with(event.guild, position=9, permissions=0)

    assert "the bot lacks the permission Manage Roles" in shown(client, "change", event)


def test_a_bot_that_may_give_it_is_not_spoken_of(client: Client, event: Event) -> None:
    bot_with(event.guild, position=9)

    assert "It cannot be given now" not in shown(client, "change", event)


def test_an_event_that_goes_on_warns_that_it_may_change(client: Client, event: Event) -> None:
    end = timezone.now() + timedelta(hours=1)
    Event.objects.filter(pk=event.pk).update(state="live", ends_at=end)

    assert "The event is not over" in shown(client, "change", event)


def test_without_a_bot_what_is_under_way_says_that_it_waits(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    assert "No bot runs for this guild now" in shown(client, "rewards", event)

    bot_with(event.guild, position=9)

    assert "No bot runs for this guild now" not in shown(client, "rewards", event)
