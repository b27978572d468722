"""An event among Discord's: how that stands on its page, and what organizers ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import AuditEntry, Channel, ChannelKind, OutboxItem
from community.services import bot_facts
from events_app.models import Event
from events_app.services import publishing
from events_app.services.planning import cancel_event
from events_app.services.publishing import PUBLISH, WITHDRAW
from tests.events_app.admin.evenings import changed, organizer, page
from tests.events_app.planned import make_event, make_role
from tests.factories import make_channel, make_guild, make_shard
from tests.pages import HTML, as_

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

SHOWN = 7_000
OFFERS = (
    "Announce on Discord",
    "Announce it once more",
    "Bring it up to date",
    "Take the announcement away",
)
OLDER = "what Discord shows is older"


@pytest.fixture
def guild() -> Guild:
    return make_guild()


@pytest.fixture
def sam(guild: Guild) -> User:
    return organizer(guild)


@pytest.fixture
def client(sam: User) -> Client:
    return as_(sam)


@pytest.fixture
def event(guild: Guild) -> Event:
    """An event that begins in an hour."""
    now = timezone.now().replace(microsecond=0)
    return make_event(
        guild,
        now=now,
        starts_at=now + timedelta(hours=1),
        ends_at=now + timedelta(hours=2),
        channel_ids=frozenset({make_channel(guild, "Lobby").pk}),
    )


def shown(client: Client, event: Event, name: str = "change") -> str:
    return str(client.get(page(f"event_{name}", event.pk)).content.decode())


def ask(client: Client, event: Event, name: str = "announce", *, version: int = 1) -> Any:
    data = {"expected_version": str(version)}
    return client.post(page(f"event_{name}", event.pk), data, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def answer(discord_event_id: int | None = SHOWN) -> None:
    publishing.settle(item(), discord_event_id=discord_event_id, now=timezone.now())


def refuse(words: str) -> None:
    publishing.refuse(item(), code="50013", message=words, now=timezone.now())


def item() -> OutboxItem:
    return OutboxItem.objects.get(state="pending")


def offers(html: str) -> set[str]:
    return {words for words in OFFERS if f">{words}</a>" in html}


def test_what_discord_would_show_is_shown_before_it_is_asked_for(
    client: Client, event: Event
) -> None:
    on_event, before = shown(client, event), shown(client, event, "announce")

    assert "not announced" in on_event
    assert offers(on_event) == {"Announce on Discord"}
    for words in (event.title, "Lobby", f"{event.starts_at.astimezone(event.zone):%H:%M:%S}"):
        assert words in before
    assert not OutboxItem.objects.exists()


def test_what_was_asked_for_is_on_its_way_until_the_bot_answers(
    client: Client, event: Event, sam: User
) -> None:
    response = ask(client, event)

    assert said(response) == ["The bot was asked to announce the event."]
    html = response.content.decode()
    assert "asked for" in html
    assert "has not answered yet" in html
    assert "No bot runs for this guild now" in html
    assert offers(html) == {"Take the announcement away"}
    assert AuditEntry.objects.get(action="event.announce").actor == sam
    make_shard(event.guild, heartbeat_at=timezone.now())
    assert "No bot runs" not in shown(client, event)


def test_a_double_click_asks_once_and_says_so(client: Client, event: Event) -> None:
    ask(client, event)

    again = ask(client, event)

    assert said(again) == ["The bot had been asked to announce the event already: nothing is lost."]
    assert OutboxItem.objects.count() == AuditEntry.objects.filter(action="event.announce").count()


def test_what_is_announced_links_to_discord(client: Client, event: Event) -> None:
    ask(client, event)
    answer()

    html = shown(client, event)

    assert f'href="https://discord.com/events/{event.guild_id}/{SHOWN}"' in html
    assert offers(html) == {"Announce it once more", "Take the announcement away"}
    assert OLDER not in html


@pytest.mark.parametrize("what", ["title", "channel"])
def test_a_change_makes_the_announcement_older_and_offers_to_mend_it(
    client: Client, event: Event, what: str
) -> None:
    ask(client, event)
    answer()
    if what == "title":
        changed(event, title="Late night")
    else:
        Channel.objects.update(kind=ChannelKind.STAGE)

    html = shown(client, event)
    assert OLDER in html
    assert offers(html) == {"Bring it up to date", "Take the announcement away"}
    event.refresh_from_db()
    response = ask(client, event, version=event.version)

    assert OLDER not in response.content.decode()
    assert item().payload["name"] == event.title
    answer()
    assert OLDER not in shown(client, event)


def test_a_change_of_what_discord_does_not_show_makes_it_no_older(
    client: Client, event: Event
) -> None:
    ask(client, event)
    answer()

    changed(event, minimum_seconds=60)

    assert OLDER not in shown(client, event)


def test_what_was_changed_while_it_was_asked_for_can_be_asked_for_anew(
    client: Client, event: Event
) -> None:
    ask(client, event)
    changed(event, title="Late night")

    html = shown(client, event)
    assert "Announce on Discord" in offers(html)
    ask(client, event, version=2)

    assert OutboxItem.objects.filter(kind=PUBLISH).count() == 2


def test_a_refusal_is_shown_with_discords_words_and_can_be_asked_for_again(
    client: Client, event: Event
) -> None:
    ask(client, event)
    refuse(f"Missing Permissions {HTML}")

    html = shown(client, event)

    assert "refused" in html
    assert "Discord refused it: Missing Permissions &lt;script&gt;" in html
    assert "<script>alert" not in html
    assert offers(html) == {"Announce on Discord"}


def test_a_refused_change_leaves_the_announcement_and_says_that_it_is_older(
    client: Client, event: Event
) -> None:
    ask(client, event)
    answer()
    changed(event, title="Late night")
    ask(client, event, version=2)
    refuse("Missing Permissions")

    html = shown(client, event)

    assert "Discord refused it: Missing Permissions." in html
    assert OLDER in html
    assert offers(html) == {"Bring it up to date", "Take the announcement away"}


def test_taking_away_asks_first_and_once(client: Client, event: Event) -> None:
    ask(client, event)
    answer()
    assert "Discord shows it no more" in shown(client, event, "unannounce")

    first, second = (ask(client, event, "unannounce") for _ in range(2))

    assert said(first) == ["The bot was asked to take the announcement away."]
    assert "already" in said(second)[0]
    assert OutboxItem.objects.filter(kind=WITHDRAW).count() == 1
    assert "to be taken away" in first.content.decode()
    answer(None)
    html = shown(client, event)
    assert "taken away" in html
    assert offers(html) == {"Announce on Discord"}


def test_a_refused_taking_away_says_so(client: Client, event: Event) -> None:
    ask(client, event)
    answer()
    ask(client, event, "unannounce")
    refuse("Missing Permissions")

    html = shown(client, event)

    assert "Discord refused to take it away: Missing Permissions." in html
    assert "Take the announcement away" in offers(html)


def test_one_that_vanished_on_discord_says_so(client: Client, event: Event) -> None:
    ask(client, event)
    answer()
    Event.objects.update(discord_event_id=None)

    html = shown(client, event)

    assert "It was deleted or cancelled on Discord" in html
    assert offers(html) == {"Announce on Discord"}


def test_a_stale_confirmation_announces_nothing_and_shows_what_it_is_now(
    client: Client, event: Event
) -> None:
    changed(event, title="Late night")

    html = ask(client, event).content.decode()

    assert "Somebody changed the event meanwhile" in html
    assert "Late night" in html
    assert 'name="expected_version" value="2"' in html
    assert not OutboxItem.objects.exists()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"state": "draft"}, "A draft is not announced: publish the draft first."),
        ({"state": "cancelled"}, "The event was cancelled: it cannot be announced."),
        ({"state": "live"}, "The event has begun: Discord takes no start in the past."),
        ({"state": "ended"}, "The event is over: Discord takes no start in the past."),
        ({"is_from_discord": True}, "It was made on Discord: it is announced and edited there."),
    ],
)
def test_what_cannot_be_announced_says_why_wherever_it_is_asked(
    client: Client, event: Event, columns: dict[str, Any], words: str
) -> None:
    Event.objects.update(**columns)

    assert words in shown(client, event)
    assert offers(shown(client, event)) == set()
    assert words in shown(client, event, "announce")
    assert "Announce it<" not in shown(client, event, "announce")
    assert 'class="rc-error"' in ask(client, event).content.decode()
    assert not OutboxItem.objects.exists()


def test_an_event_from_discord_links_to_it(client: Client, event: Event) -> None:
    Event.objects.update(is_from_discord=True, discord_event_id=SHOWN)

    assert f"https://discord.com/events/{event.guild_id}/{SHOWN}" in shown(client, event)


def test_what_is_not_announced_cannot_be_taken_away(client: Client, event: Event) -> None:
    response = ask(client, event, "unannounce")

    assert "The event is not announced on Discord." in response.content.decode()


def test_a_cancelled_event_that_is_still_announced_says_so_and_can_be_taken_away(
    client: Client, event: Event, sam: User
) -> None:
    ask(client, event)
    answer()
    cancel_event(event.pk, actor=sam, reason="rain", now=timezone.now())

    html = shown(client, event)

    assert "The event was cancelled, and Discord still announces it." in html
    assert offers(html) == {"Take the announcement away"}


# Without the members intent -------------------------------------------------------------------

PASSING = "The bot runs without Discord&#x27;s members intent"


@pytest.mark.parametrize(
    ("has_intent", "asks", "is_said"),
    [(False, True, True), (True, True, False), (None, True, False), (False, False, False)],
)
def test_an_event_that_asks_for_roles_says_that_they_are_seen_in_passing_only(
    client: Client,
    guild: Guild,
    event: Event,
    *,
    has_intent: bool | None,
    asks: bool,
    is_said: bool,
) -> None:
    figures = {} if has_intent is None else {bot_facts.MEMBERS_INTENT: has_intent}
    make_shard(guild, heartbeat_at=timezone.now(), figures=figures)
    if asks:
        changed(event, any_role_ids=frozenset({make_role(guild).pk}))

    for name in ("change", "board"):
        assert (PASSING in shown(client, event, name)) is is_said, name


@pytest.mark.parametrize("has_intent", [True, False])
def test_the_forms_say_it_beside_the_roles(
    client: Client, guild: Guild, event: Event, *, has_intent: bool
) -> None:
    make_shard(guild, figures={bot_facts.MEMBERS_INTENT: has_intent})

    for url in (page("event_edit", event.pk), page("event_add")):
        assert client.get(url).content.decode().count(PASSING) == (not has_intent), url
