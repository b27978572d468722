"""What the bot says of the reminders that it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.models import OutboxItem
from community.services import outbox
from events_app.models import Event
from events_app.services import reminder_answers
from events_app.services.reminder_records import last_reminders
from tests.events_app.services.reminded import interested, near, remind
from tests.factories import at

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Channel, Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild, lounge: Channel) -> Event:
    """One that has been on for ten minutes."""
    return near(guild, channel_ids=[lounge.pk])


@pytest.fixture
def item(event: Event, chat: Channel, actor: User) -> OutboxItem:
    interested(event)
    remind(event, chat, actor)
    return OutboxItem.objects.get()


def state_of(event: Event) -> tuple[str, str, str]:
    [found] = last_reminders(event.pk, most=5)
    [message] = found.messages
    assert found.state == message.state
    return message.state, message.code, message.words


def test_a_message_that_is_sent_says_when_and_which(event: Event, item: OutboxItem) -> None:
    assert reminder_answers.begin(item, now=at(1))
    reminder_answers.settle(item, message_id=5, now=at(2))
    reminder_answers.refuse(item, code="50013", message="No", now=at(3))

    [message] = last_reminders(event.pk, most=1)[0].messages
    assert (message.state, message.message_id, message.answered_at) == ("sent", 5, at(2))
    assert not reminder_answers.begin(item, now=at(4))


def test_a_message_that_was_deleted_is_sent_all_the_same(event: Event, item: OutboxItem) -> None:
    reminder_answers.settle(item, message_id=None, now=at(2))

    assert state_of(event) == ("sent", "", "")


def test_a_message_that_is_refused_says_why(event: Event, item: OutboxItem) -> None:
    reminder_answers.refuse(item, code="50013", message="Missing Permissions (50013)", now=at(1))
    reminder_answers.settle(item, message_id=5, now=at(2))

    assert state_of(event) == ("refused", "50013", "Missing Permissions (50013)")


def test_a_message_that_nobody_sent_in_time_is_not_sent(event: Event, item: OutboxItem) -> None:
    assert reminder_answers.begin(OutboxItem(pk=item.pk), now=at(9.9))
    OutboxItem.objects.update(answer={})

    assert not reminder_answers.begin(item, now=at(10))

    expected = "Not sent: no bot could send it in time."
    assert state_of(event) == ("refused", "too_late", expected)


@pytest.mark.parametrize("columns", [{"state": "cancelled"}, {"ends_at": at(1)}])
def test_a_message_of_an_event_that_is_over_is_not_sent(
    event: Event, item: OutboxItem, columns: dict[str, Any]
) -> None:
    Event.objects.update(**columns)

    assert not reminder_answers.begin(item, now=at(1))

    expected = "Not sent: the event is over, or was cancelled."
    assert state_of(event) == ("refused", "too_late", expected)


@pytest.mark.parametrize("over", [False, True])
def test_what_discord_left_open_is_tried_for_some_minutes_and_then_in_doubt(
    event: Event, item: OutboxItem, over: bool
) -> None:
    assert reminder_answers.begin(item, now=at(1))
    assert reminder_answers.begin(item, now=at(4))
    if over:
        Event.objects.update(ends_at=at(4))

    assert not reminder_answers.begin(item, now=at(4 if over else 4.1))

    state, code, words = state_of(event)
    assert (state, code) == ("refused", "in_doubt")
    assert "did not say whether it was sent" in words


def test_a_message_that_was_taken_back_is_not_sent(item: OutboxItem) -> None:
    outbox.withdraw(item)

    assert not reminder_answers.begin(item, now=at(1))
    reminder_answers.settle(item, message_id=5, now=at(1))
    assert not OutboxItem.objects.exists()
