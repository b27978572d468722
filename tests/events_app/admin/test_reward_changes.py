"""The roles of an event that were asked for: refused, tried again, taken back, listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.models import AuditEntry, OutboxItem
from events_app.models import Event, Reward
from events_app.services import rewards
from tests.events_app.admin.evenings import organizer, page
from tests.events_app.admin.rewarded import (
    answer_all,
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
from tests.events_app.event_rows import make_event, make_participation
from tests.factories import NOW, make_guild, make_user
from tests.pages import as_

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

__all__ = ["client", "event", "guild", "sam"]

pytestmark = pytest.mark.django_db


def test_what_discord_refused_is_shown_with_its_words_and_the_next_try(
    client: Client, event: Event
) -> None:
    give(client, event, "Mira")
    answer_all("Missing Permissions (50013)")

    html = shown(client, "rewards", event)

    assert "refused by Discord" in html
    assert "Missing Permissions (50013)" in html
    reward = Reward.objects.get()
    assert reward.next_try_at is not None
    assert f"{reward.next_try_at:%Y-%m-%d %H:%M:%S UTC}" in html
    Reward.objects.update(next_try_at=None)
    assert "not by itself any more" in shown(client, "rewards", event)


def test_what_was_refused_is_tried_again_at_once_and_once(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    answer_all("no")
    url = page("event_retry", event.pk)
    assert f'href="{url}"' in shown(client, "change", event)

    first, second = (client.post(url, follow=True) for _ in range(2))

    assert said(first) == ["The bot was asked once more for 1 member."]
    assert said(second) == ["Nothing is refused any more: it is being tried already."]
    assert states() == {"Mira": "wanted"}
    assert "last time: no" in first.content.decode()


def test_who_no_longer_qualifies_is_shown_and_can_be_chosen_at_once(
    client: Client, event: Event
) -> None:
    give(client, event, "Mira", "Ines")
    answer_all()
    lose(event, "Ines")

    on_event, on_rewards = (shown(client, name, event) for name in ("change", "rewards"))
    choosing = shown(client, "take_back", event, chosen="lost")

    assert "1 has the role, or is about to, and no longer qualifies" in on_event
    assert "no longer qualifies" in on_rewards
    ids = {name: Reward.objects.get(user_id=id_of(name)).pk for name in ("Mira", "Ines")}
    assert f'value="{ids["Ines"]}" checked' in choosing
    assert f'value="{ids["Mira"]}">' in choosing


# Taking back ----------------------------------------------------------------------------------


def test_those_who_are_chosen_have_it_taken_back(client: Client, event: Event) -> None:
    give(client, event, "Mira", "Ines")
    answer_all()

    response = take(client, event, "Ines", reason=" They were away. ")

    assert said(response) == ["The bot was asked to take the role from 1 member."]
    assert states() == {"Mira": "given", "Ines": "revoking"}
    assert AuditEntry.objects.get(action="reward.revoke").reason == "They were away."


def test_one_reward_or_all_of_them_can_be_chosen_by_the_link(client: Client, event: Event) -> None:
    give(client, event, "Mira", "Ines")
    mira = Reward.objects.get(user_id=id_of("Mira"))

    one = shown(client, "take_back", event, chosen=str(mira.pk))

    assert f'value="{mira.pk}" checked' in one
    assert one.count(" checked>") == 1
    assert shown(client, "take_back", event, chosen="all").count(" checked>") == 2
    assert shown(client, "take_back", event).count(" checked>") == 0


def test_who_has_the_role_by_another_event_too_is_said(
    client: Client, event: Event, sam: User
) -> None:
    other = make_event(event.guild, "Hike", reward_role=event.reward_role)
    make_participation(other, id_of("Mira"))
    for one in (event, other):
        rewards.give_rewards(one.pk, actor=sam, now=NOW)

    html = shown(client, "take_back", event)

    assert html.count("has it by another event too") == 1
    Reward.objects.filter(event=other).update(state="revoked")
    assert "has it by another event too" not in shown(client, "take_back", event)


def test_taking_back_twice_takes_once_and_says_so(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    answer_all()
    take(client, event, "Mira")

    again = take(client, event, "Mira")

    assert said(again)[0].startswith("Nothing was done for 1 member of those chosen")
    assert OutboxItem.objects.filter(kind="reward.revoke").count() == 1


def test_what_discord_refused_is_over_when_it_is_taken_back(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    answer_all("no")

    response = take(client, event, "Mira")

    assert said(response)[0].startswith("1 member had not been given it")
    assert states() == {"Mira": "revoked"}


def test_a_reason_that_is_too_long_takes_nothing_and_keeps_the_choice(
    client: Client, event: Event
) -> None:
    give(client, event, "Mira")

    html = take(client, event, "Mira", reason="x" * 1001).content.decode()

    assert "at most 1000 characters" in html
    assert html.count(" checked>") == 1
    assert states() == {"Mira": "wanted"}


def test_the_rewards_of_another_event_are_not_touched(client: Client, event: Event) -> None:
    other = make_event(event.guild, reward_role=event.reward_role)
    theirs = Reward.objects.create(
        event=other, guild_id=other.guild_id, user_id=5, role_id=9, state="given", created_at=NOW
    )

    url = page("event_take_back", event.pk)
    response = client.post(url, {"chosen": [str(theirs.pk)]}, follow=True)

    assert said(response)[0].startswith("Nothing was done for 1 member")
    theirs.refresh_from_db()
    assert theirs.state == "given"


def test_a_cancelled_events_roles_can_be_taken_back(client: Client, event: Event) -> None:
    give(client, event, "Mira")
    answer_all()
    Event.objects.filter(pk=event.pk).update(state="cancelled")

    take(client, event, "Mira")

    assert states() == {"Mira": "revoking"}


# The list -------------------------------------------------------------------------------------


def acted(client: Client, action: str, rows: list[Reward]) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page("reward_changelist"), data, follow=True)


def test_the_list_takes_back_and_tries_again_across_events(
    client: Client, event: Event, sam: User
) -> None:
    other = make_event(event.guild, "Hike", reward_role=event.reward_role)
    make_participation(other, id_of("Mira"))
    for one in (event, other):
        rewards.give_rewards(one.pk, actor=sam, now=NOW)
    answer_all("no")

    retried = acted(client, "try_again", list(Reward.objects.all()))
    assert said(retried) == ["The bot was asked once more for 3 members."]
    answer_all()
    taken = acted(client, "take_back", list(Reward.objects.filter(user_id=id_of("Mira"))))

    assert said(taken) == ["The bot was asked to take the role from 2 members."]
    assert set(Reward.objects.values_list("event__title", "state")) == {
        ("Raid", "given"),
        ("Raid", "revoking"),
        ("Hike", "revoking"),
    }


def test_the_list_finds_and_filters(client: Client, event: Event, sam: User) -> None:
    rewards.give_rewards(event.pk, actor=sam, now=NOW)
    answer_all()
    lose(event, "Ines")
    Reward.objects.filter(user_id=id_of("Mira")).update(state="refused", error="<b>no</b>")

    def found(**asked: str) -> set[str]:
        response = client.get(page("reward_changelist"), asked)
        return {str(row.member) for row in response.context["cl"].result_list}

    assert found() == {"Mira", "Ines"}
    assert found(trouble="refused") == found(q="mira") == found(state__exact="refused") == {"Mira"}
    assert found(trouble="lost") == found(q=str(id_of("Ines"))) == {"Ines"}
    assert found(event=str(event.pk)) == found(trouble="x") == {"Mira", "Ines"}
    html = client.get(page("reward_changelist")).content.decode()
    assert "Regulars" in html
    assert "&lt;b&gt;no&lt;/b&gt;" in html


def test_the_list_acts_on_nothing_of_another_guild(event: Event, sam: User) -> None:
    rewards.give_rewards(event.pk, actor=sam, now=NOW)
    stranger = as_(organizer(make_guild("Elsewhere"), "other"))

    acted(stranger, "take_back", list(Reward.objects.all()))

    assert set(states().values()) == {"wanted"}


def test_a_superuser_deletes_no_reward(event: Event, sam: User) -> None:
    rewards.give_rewards(event.pk, actor=sam, now=NOW)
    root = as_(make_user("root", is_staff=True, is_superuser=True))

    acted(root, "delete_selected", list(Reward.objects.all()))

    assert Reward.objects.count() == 2
