"""Reminding those who are missing: the board, the page that asks, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.utils import timezone

from community.models import ChannelKind, OutboxItem
from events_app.admin import reminder_pages
from events_app.models import Event, Interest
from events_app.services import reminder_answers
from events_app.services.reminder_records import PAUSE
from tests.events_app.admin.evenings import organizer, page
from tests.events_app.event_rows import make_event
from tests.factories import make_channel, make_guild, make_member, make_shard, make_viewer
from tests.pages import HTML, as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Channel, Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(organizer(guild))


@pytest.fixture
def lounge(guild: Guild) -> Channel:
    return make_channel(guild, "Lounge", position=9)


@pytest.fixture
def chat(guild: Guild) -> Channel:
    category = make_channel(guild, "Talk", kind=ChannelKind.CATEGORY)
    return make_channel(guild, HTML, kind=ChannelKind.TEXT, parent=category)


@pytest.fixture
def event(guild: Guild, lounge: Channel) -> Event:
    """One that began ten minutes ago, with two who are missing."""
    return going_on(guild, channel_ids=[lounge.pk], missing=2)


def going_on(guild: Guild, *, missing: int = 0, **columns: Any) -> Event:
    now = timezone.now()
    values: dict[str, Any] = {
        "starts_at": now - timedelta(minutes=10),
        "ends_at": now + timedelta(hours=1),
        "state": "live",
    }
    event = make_event(guild, HTML, **(values | columns))
    for _ in range(missing):
        user_id = make_member(guild).user_id
        Interest.objects.create(event=event, guild=guild, user_id=user_id, since=now)
    return event


def board(client: Client, event: Event) -> str:
    response = client.get(page("event_board", event.pk), {"part": "1"})
    assert response.status_code == 200
    return response.content.decode()


def remind(client: Client, event: Event, channel: Channel) -> Any:
    return client.post(page("event_remind", event.pk), {"channel_id": str(channel.pk)})


def test_the_board_leads_to_the_page_that_says_whom_it_would_mention(
    client: Client, event: Event, lounge: Channel, chat: Channel
) -> None:
    url = page("event_remind", event.pk)

    assert f'href="{url}"' in board(client, event)
    assert "Remind 2 members" in board(client, event)
    asked = client.get(url)
    shown = asked.content.decode()
    assert "2 have not come. They would be mentioned, and so notified, in 1 message" in shown
    assert asked.context["form"]["channel_id"].value() == lounge.pk
    assert asked.context["form"].fields["channel_id"].choices == [
        ("In no category", [(lounge.pk, "Lounge (voice)")]),
        ("Talk", [(chat.pk, f"{HTML} (text)")]),
    ]
    assert "<script>alert" not in shown
    assert not OutboxItem.objects.exists()


def test_a_reminder_is_asked_for_and_the_board_tells_what_becomes_of_it(
    client: Client, event: Event, guild: Guild, chat: Channel
) -> None:
    response = remind(client, event, chat)

    assert response["Location"] == page("event_board", event.pk)
    item = OutboxItem.objects.get()
    assert item.payload["channel_id"] == str(chat.pk)
    waiting = board(client, event)
    assert "asked for" in waiting
    assert "for 2 of 2 missing." in waiting
    assert "No bot runs for this guild now." in waiting
    assert "<script>alert" not in waiting
    make_shard(guild, heartbeat_at=timezone.now())
    assert "No bot runs" not in board(client, event)

    at = timezone.now()
    reminder_answers.settle(item, message_id=5, now=at)
    sent = board(client, event)
    assert f"Sent at {at.astimezone(event.zone):%H:%M:%S %Z}." in sent
    assert "The last reminder was asked for less than 10 minutes ago" in sent
    assert page("event_remind", event.pk) not in sent


def test_what_discord_refused_is_shown_in_its_words(
    client: Client, event: Event, chat: Channel
) -> None:
    remind(client, event, chat)
    item = OutboxItem.objects.get()
    message = "Missing Permissions <b> (50013)"
    reminder_answers.refuse(item, code="50013", message=message, now=timezone.now())

    shown = board(client, event)

    assert "refused" in shown
    assert "Discord refused it: Missing Permissions &lt;b&gt; (50013)." in shown
    assert "The bot needs View Channel and Send Messages there" in shown
    assert "Remind 2 members" in shown


def test_what_nobody_sent_in_time_is_said_to_be_too_late(
    client: Client, event: Event, chat: Channel
) -> None:
    remind(client, event, chat)

    with time_machine.travel(timezone.now() + PAUSE, tick=False):
        shown = board(client, event)

    assert "It is too late to send it now." in shown
    assert "No bot runs" not in shown
    assert "Remind 2 members" in shown


def test_what_came_too_late_is_not_said_to_be_discords(
    client: Client, event: Event, chat: Channel
) -> None:
    remind(client, event, chat)
    late = timezone.now() + reminder_answers.IN_DOUBT_AFTER * 4
    reminder_answers.begin(OutboxItem.objects.get(), now=late)

    shown = board(client, event)

    assert "Not sent: no bot could send it in time." in shown
    assert "Discord refused" not in shown


def test_a_second_click_is_told_when_the_next_can_be(
    client: Client, event: Event, chat: Channel
) -> None:
    remind(client, event, chat)

    again = remind(client, event, chat)

    assert "the next one can be asked for at" in again.content.decode()
    assert again.context["form"] is None
    assert OutboxItem.objects.count() == 1


def test_a_channel_of_another_guild_is_not_to_be_chosen(client: Client, event: Event) -> None:
    elsewhere = make_channel(make_guild("Elsewhere"), "Hidden", kind=ChannelKind.TEXT)

    response = remind(client, event, elsewhere)

    assert response.context["form"].errors["channel_id"]
    assert "Hidden" not in response.content.decode()
    assert not OutboxItem.objects.exists()


def test_a_channel_that_goes_meanwhile_is_refused_at_its_field(
    client: Client, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make_channel(event.guild, gone_at=timezone.now())
    monkeypatch.setattr(reminder_pages, "message_channels", lambda _: [(gone.pk, "gone")])

    response = remind(client, event, gone)

    assert "has no channel" in response.context["form"].errors["channel_id"][0]


@pytest.mark.parametrize(
    ("columns", "missing", "words"),
    [
        ({"state": "scheduled", "in_minutes": 45}, 1, "begins within 30 minutes"),
        ({"discord_event_id": None}, 0, "not among Discord&#x27;s scheduled events"),
        ({"discord_event_id": 7}, 0, "nobody has said on Discord"),
    ],
)
def test_the_board_and_the_page_say_why_not(
    client: Client, guild: Guild, columns: dict[str, Any], missing: int, words: str
) -> None:
    minutes = columns.pop("in_minutes", None)
    if minutes:
        start = timezone.now() + timedelta(minutes=minutes)
        columns |= {"starts_at": start, "ends_at": start + timedelta(hours=1)}
    event = going_on(guild, missing=missing, **columns)

    assert words in board(client, event)
    page_shown = client.get(page("event_remind", event.pk))
    assert words in page_shown.content.decode()
    assert page_shown.context["form"] is None


@pytest.mark.parametrize("columns", [{"state": "cancelled"}, {"state": "draft"}])
def test_the_board_of_what_is_not_on_speaks_of_no_reminder(
    client: Client, guild: Guild, columns: dict[str, Any]
) -> None:
    assert "Reminder to" not in board(client, going_on(guild, missing=1, **columns))


def test_who_may_only_look_sees_the_reminders_and_asks_for_none(
    client: Client, guild: Guild, event: Event, chat: Channel
) -> None:
    viewer = as_(make_viewer("viewer", guild, "credit_event"))
    assert "Reminder to" not in board(viewer, event)

    assert remind(viewer, event, chat).status_code == 403
    assert viewer.get(page("event_remind", event.pk)).status_code == 403
    assert not OutboxItem.objects.exists()
    remind(client, event, chat)
    seen = board(viewer, event)
    assert "for 2 of 2 missing." in seen
    assert page("event_remind", event.pk) not in seen


def test_an_organizer_of_another_guild_reminds_nobody(event: Event, chat: Channel) -> None:
    other = as_(organizer(make_guild("Elsewhere"), "other"))

    assert remind(other, event, chat).status_code == 404
    assert not OutboxItem.objects.exists()


def test_many_are_said_to_be_too_many(client: Client, event: Event, guild: Guild) -> None:
    Event.objects.update(title="Raid")
    ids = range(9 * 10**18, 9 * 10**18 + 500)
    Interest.objects.bulk_create(
        Interest(event=event, guild=guild, user_id=pk, since=timezone.now()) for pk in ids
    )

    shown = client.get(page("event_remind", event.pk)).content.decode()

    assert "502 have not come. For 400 there is room: they would be mentioned" in shown
    assert "in 5 messages" in shown
