"""Reminders as they are asked for: to whom, when not, and once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection

from community.models import AuditEntry, ChannelKind, OutboxItem, OutboxState
from events_app.services import reminder_answers
from events_app.services.planning_errors import NoSuchEventError
from events_app.services.reminder_errors import (
    NobodyInterestedError,
    NobodyMissingError,
    NoDiscordEventError,
    NoSuchChannelError,
    NotNearError,
    ReminderError,
    TooSoonError,
)
from events_app.services.reminder_records import IN_DOUBT, last_reminders
from events_app.services.reminders import remind_missing, room_of
from tests.events_app.services.reminded import interested, near, remind
from tests.factories import NOW, at, make_channel, make_guild, make_session

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from pytest_django import DjangoAssertNumQueries

    from community.models import Channel, Guild
    from events_app.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild, lounge: Channel) -> Event:
    """One that has been on for ten minutes."""
    return near(guild, channel_ids=[lounge.pk])


def refused(event: Event, channel: Channel, actor: User, *, now: datetime = NOW) -> ReminderError:
    with pytest.raises(ReminderError) as caught:
        remind(event, channel, actor, now=now)
    return caught.value


def test_those_who_are_missing_are_mentioned(
    event: Event, lounge: Channel, chat: Channel, actor: User
) -> None:
    first, second, there = interested(event), interested(event), interested(event)
    make_session(event.guild.members.get(user_id=there), lounge, started_at=at(-5), ended_at=None)
    interested(event, gone_at=at(-50))

    asked = remind(event, chat, actor)

    item = OutboxItem.objects.get()
    assert (item.kind, item.guild_id) == ("event.remind", event.guild_id)
    assert item.payload.pop("content") == (
        f"**Raid @\u200beveryone**: start <t:1795175400:t> (<t:1795175400:R>), <#{lounge.pk}>\n"
        f"You said that you are interested, and are not there yet: <@{first}> <@{second}>"
    )
    assert item.payload == {
        "event_id": str(event.pk),
        "channel_id": str(chat.pk),
        "user_ids": [str(first), str(second)],
        "expires_at": at(10).isoformat(),
    }
    assert (asked.state, asked.missing, asked.mentioned) == ("asked", 2, 2)


def test_the_trail_has_numbers_and_ids_and_no_names(
    event: Event, chat: Channel, actor: User
) -> None:
    interested(event)

    asked = remind(event, chat, actor)

    entry = AuditEntry.objects.get()
    assert entry.pk == asked.id
    assert (entry.action, entry.actor, entry.guild_id) == ("event.remind", actor, event.guild_id)
    assert (entry.target_kind, entry.target_id, entry.before) == ("event", str(event.pk), {})
    assert entry.after == {
        "channel_id": str(chat.pk),
        "missing": 1,
        "mentioned": 1,
        "item_ids": [str(OutboxItem.objects.get().pk)],
    }


def test_many_are_mentioned_in_several_messages(event: Event, chat: Channel, actor: User) -> None:
    for _ in range(100):
        interested(event)

    asked = remind(event, chat, actor)

    counts = [
        len(item.payload["user_ids"]) for item in OutboxItem.objects.order_by("created_at", "id")
    ]
    assert sum(counts) == asked.mentioned == 100
    assert len(counts) == len(asked.messages) == 2
    assert AuditEntry.objects.get().after["mentioned"] == 100


@pytest.mark.parametrize(
    ("starts", "ends", "state"),
    [(30, 90, "scheduled"), (1, 90, "scheduled"), (-1, 60, "scheduled"), (-59, 1, "live")],
)
def test_an_event_is_near_from_half_an_hour_before_its_start_to_its_end(
    guild: Guild, chat: Channel, actor: User, starts: float, ends: float, state: str
) -> None:
    event = near(guild, starts_at=at(starts), ends_at=at(ends), state=state)
    interested(event)

    assert remind(event, chat, actor).mentioned == 1


@pytest.mark.parametrize(
    ("starts", "ends", "state"),
    [
        (30.1, 90, "scheduled"),
        (-60, 0, "live"),
        (-60, -1, "ended"),
        (10, 60, "draft"),
        (-10, 50, "cancelled"),
    ],
)
def test_an_event_that_is_not_near_reminds_nobody(
    guild: Guild, chat: Channel, actor: User, starts: float, ends: float, state: str
) -> None:
    event = near(guild, starts_at=at(starts), ends_at=at(ends), state=state)
    interested(event)

    error = refused(event, chat, actor)

    assert isinstance(error, NotNearError)
    assert "30 minutes" in str(error)
    assert not OutboxItem.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_second_within_ten_minutes_is_told_when_the_next_can_be(
    guild: Guild, chat: Channel, actor: User
) -> None:
    event = near(guild, time_zone="Europe/Berlin")
    interested(event)
    remind(event, chat, actor)
    item = OutboxItem.objects.get()
    reminder_answers.settle(item, message_id=5, now=at(1))

    error = refused(event, chat, actor, now=at(9.9))
    remind(event, chat, actor, now=at(10))

    assert isinstance(error, TooSoonError)
    assert "13:10:00 CET" in str(error)
    assert AuditEntry.objects.count() == 2


def test_a_reminder_of_another_event_hinders_none(
    event: Event, guild: Guild, chat: Channel, actor: User
) -> None:
    other = near(guild, discord_event_id=7_001)
    for one in (event, other):
        interested(one)
        remind(one, chat, actor)

    assert OutboxItem.objects.count() == 2


def test_one_that_discord_refused_can_be_asked_for_again_at_once(
    event: Event, chat: Channel, lounge: Channel, actor: User
) -> None:
    interested(event)
    remind(event, chat, actor)
    reminder_answers.refuse(OutboxItem.objects.get(), code="50013", message="No", now=at(1))

    remind(event, lounge, actor, now=at(2))

    assert isinstance(refused(event, chat, actor, now=at(3)), TooSoonError)


def test_one_that_is_in_doubt_or_partly_sent_counts(
    event: Event, chat: Channel, actor: User
) -> None:
    for _ in range(100):
        interested(event)
    remind(event, chat, actor)
    first, second = OutboxItem.objects.order_by("created_at", "id")
    reminder_answers.refuse(second, code="50013", message="No", now=at(1))
    reminder_answers.refuse(first, code=IN_DOUBT, message="?", now=at(1))

    assert isinstance(refused(event, chat, actor, now=at(2)), TooSoonError)
    OutboxItem.objects.filter(pk=first.pk).update(
        state=OutboxState.DONE, answer={"message_id": "5"}
    )
    assert isinstance(refused(event, chat, actor, now=at(2)), TooSoonError)
    assert last_reminders(event.pk, most=1)[0].state == "partly_sent"


def test_without_a_discord_event_nobody_is_known_to_be_missing(
    guild: Guild, chat: Channel, actor: User
) -> None:
    unknown = refused(near(guild, discord_event_id=None), chat, actor)
    nobody = refused(near(guild, discord_event_id=7_001), chat, actor)

    assert isinstance(unknown, NoDiscordEventError)
    assert "scheduled events" in str(unknown)
    assert isinstance(nobody, NobodyInterestedError)


def test_where_all_have_come_or_gone_nobody_is_missing(
    event: Event, lounge: Channel, chat: Channel, actor: User
) -> None:
    there = interested(event)
    make_session(event.guild.members.get(user_id=there), lounge, started_at=at(-5), ended_at=at(-1))
    assert isinstance(refused(event, chat, actor), NobodyMissingError)
    interested(event, gone_at=at(-50))

    assert isinstance(refused(event, chat, actor), NobodyMissingError)


@pytest.mark.parametrize(
    ("kind", "is_fit"),
    [
        (ChannelKind.TEXT, True),
        (ChannelKind.VOICE, True),
        (ChannelKind.STAGE, True),
        (ChannelKind.ANNOUNCEMENT, True),
        (ChannelKind.CATEGORY, False),
        (ChannelKind.FORUM, False),
        (ChannelKind.MEDIA, False),
    ],
)
def test_a_reminder_is_written_where_messages_are(
    event: Event, guild: Guild, actor: User, kind: ChannelKind, is_fit: bool
) -> None:
    interested(event)
    channel = make_channel(guild, kind=kind)

    if is_fit:
        assert remind(event, channel, actor).channel_id == channel.pk
    else:
        assert isinstance(refused(event, channel, actor), NoSuchChannelError)


def test_channels_of_other_guilds_and_gone_ones_are_none(
    event: Event, guild: Guild, actor: User
) -> None:
    interested(event)

    for channel in (make_channel(make_guild("Elsewhere")), make_channel(guild, gone_at=NOW)):
        error = refused(event, channel, actor)
        assert isinstance(error, NoSuchChannelError)
        assert error.field == "channel_id"
    assert not OutboxItem.objects.exists()


def test_there_has_to_be_an_event(chat: Channel, actor: User) -> None:
    with pytest.raises(NoSuchEventError):
        remind_missing(uuid4(), channel_id=chat.pk, actor=actor, now=NOW)


def test_an_event_without_a_channel_is_linked_on_discord(
    guild: Guild, chat: Channel, actor: User
) -> None:
    event = near(guild)
    interested(event)

    remind(event, chat, actor)

    content = OutboxItem.objects.get().payload["content"]
    assert f"https://discord.com/events/{guild.pk}/7000\n" in content


def test_the_first_voice_channel_is_the_events(guild: Guild, chat: Channel) -> None:
    gone, second, first = (
        make_channel(guild, gone_at=NOW),
        make_channel(guild),
        make_channel(guild, kind=ChannelKind.STAGE),
    )

    assert room_of(near(guild, channel_ids=[gone.pk, chat.pk, first.pk, second.pk])) == first
    of_category: dict[str, Any] = {"channel_ids": [99], "counted_channel_ids": [second.pk]}
    assert room_of(near(guild, discord_event_id=None, **of_category)) == second
    assert room_of(near(guild, discord_event_id=None)) is None


def test_the_last_reminders_take_two_queries(
    event: Event, chat: Channel, actor: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    interested(event)
    for number in range(3):
        remind(event, chat, actor, now=at(number * 10))

    with django_assert_num_queries(2):
        found = last_reminders(event.pk, most=2)

    assert [one.asked_at for one in found] == [at(20), at(10)]


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_reminds(event: Event, chat: Channel, actor: User) -> None:
    interested(event)
    ready, errors = threading.Barrier(2), []

    def click() -> None:
        try:
            ready.wait(10)
            remind(event, chat, actor)
        except TooSoonError as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(errors) == 1
    assert OutboxItem.objects.count() == AuditEntry.objects.count() == 1
