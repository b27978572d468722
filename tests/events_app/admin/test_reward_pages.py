"""The roles of an event, as an organizer gives them, takes them back, and tries again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import AuditEntry, Member, OutboxItem, OutboxState, Role, RoleSpan
from community.services import bot_facts
from events_app.admin import reward_decisions
from events_app.models import Event, Participation, Reward
from events_app.services import rewards
from tests.events_app.admin.evenings import as_, organizer, page
from tests.events_app.event_rows import make_event, make_participation
from tests.events_app.planned import make_role
from tests.factories import NOW, make_guild, make_member, make_shard, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

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


# Giving ---------------------------------------------------------------------------------------


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


# What became of it ----------------------------------------------------------------------------


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
