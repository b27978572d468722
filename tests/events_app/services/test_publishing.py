"""Events that were planned here, as the bot is asked to announce them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from community.models import AuditEntry, ChannelKind, OutboxItem, OutboxState
from events_app.domain.publication import EXTERNAL, STAGE, VOICE, Publication
from events_app.domain.scheduled import ScheduledListed, ScheduledStated
from events_app.models import Event
from events_app.services import publishing, scheduled_events
from events_app.services.planning_errors import ChangedMeanwhileError
from events_app.services.publishing import (
    FromDiscordError,
    NotPublishedError,
    NotToComeError,
)
from tests.events_app.event_rows import make_event
from tests.events_app.scheduled_records import raid
from tests.factories import NOW, at, make_channel, make_guild, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild
    from events_app.domain.scheduled import ScheduledRecord

pytestmark = pytest.mark.django_db

SHOWN = 7_000


@pytest.fixture
def actor() -> User:
    return make_user("robin")


@pytest.fixture
def guild() -> Guild:
    return make_guild()


def to_come(guild: Guild, **columns: Any) -> Event:
    values: dict[str, Any] = {"starts_at": at(60), "ends_at": at(120), "state": "scheduled"}
    return make_event(guild, **(values | columns))


def announcement(event: Event, **changed: Any) -> ScheduledRecord:
    """The event as Discord states this bot's announcement of it."""
    values: dict[str, Any] = {
        "id": SHOWN,
        "guild_id": event.guild_id,
        "is_ours": True,
        "title": event.title,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "channel_id": None,
    }
    return raid(**(values | changed))


def shown(event: Event) -> int | None:
    event.refresh_from_db()
    return event.discord_event_id


@pytest.mark.parametrize(
    ("kind", "expected"), [(ChannelKind.VOICE, VOICE), (ChannelKind.STAGE, STAGE)]
)
def test_an_event_in_one_channel_is_announced_in_it(
    guild: Guild, actor: User, kind: ChannelKind, expected: int
) -> None:
    channel = make_channel(guild, kind=kind)
    event = to_come(guild, title=" Raid ", description="Torches", channel_ids=[channel.pk])

    item = publishing.publish(event, actor=actor, now=NOW)

    assert (item.kind, item.guild_id) == ("scheduled_event.publish", guild.pk)
    assert Publication.from_json(item.payload) == Publication(
        event_id=event.pk,
        name="Raid",
        description="Torches",
        starts_at=at(60),
        ends_at=at(120),
        kind=expected,
        channel_id=channel.pk,
        location="",
    )


def test_an_event_in_several_channels_is_announced_by_their_names(guild: Guild) -> None:
    first, second = make_channel(guild, "Alpha"), make_channel(guild, "Beta")
    category = make_channel(guild, "Raids", kind=ChannelKind.CATEGORY)
    gone = make_channel(guild, "Gone", gone_at=NOW)

    several = publishing.publication_of(to_come(guild, channel_ids=[first.pk, second.pk]))
    one = publishing.publication_of(to_come(guild, channel_ids=[category.pk]))
    whole = publishing.publication_of(to_come(guild))
    lost = publishing.publication_of(to_come(guild, channel_ids=[gone.pk]))

    assert (several.kind, several.channel_id, several.location) == (EXTERNAL, None, "Alpha, Beta")
    assert (one.kind, one.location) == (EXTERNAL, "Raids")
    assert whole.location == lost.location == "Voice channels"


def test_announcing_leaves_a_trail(guild: Guild, actor: User) -> None:
    event = to_come(guild)

    publishing.publish(event, actor=actor, now=NOW)

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == ("event.announce", actor, str(event.pk))
    assert entry.after["name"] == "Raid"


def test_what_discord_would_refuse_is_refused_here(guild: Guild, actor: User) -> None:
    with pytest.raises(FromDiscordError):
        publishing.publish(to_come(guild, is_from_discord=True), actor=actor, now=NOW)
    for columns in (
        {"starts_at": at(-1)},
        {"state": "draft"},
        {"state": "cancelled"},
        {"state": "live", "starts_at": at(-1)},
    ):
        with pytest.raises(NotToComeError):
            publishing.publish(to_come(guild, **columns), actor=actor, now=NOW)
    assert not OutboxItem.objects.exists()


def test_what_is_asked_for_already_is_not_asked_for_again(guild: Guild, actor: User) -> None:
    event = to_come(guild)
    publishing.publish(to_come(guild), actor=actor, now=NOW)

    first, second = (publishing.publish(event, actor=actor, now=at(one)) for one in (0, 1))
    assert first == second
    gone, again = (publishing.withdraw_from_discord(event, actor=actor, now=at(2)) for _ in "ab")
    assert gone == again
    third = publishing.publish(event, actor=actor, now=at(3))
    Event.objects.update(title="Late raid")
    fourth = publishing.publish(event, actor=actor, now=at(4))

    assert [item.pk for item in publishing.items_of(event)] == [
        item.pk for item in (fourth, third, gone, first)
    ]
    assert AuditEntry.objects.count() == 5


def test_another_version_than_was_seen_is_not_announced(guild: Guild, actor: User) -> None:
    event = to_come(guild)

    with pytest.raises(ChangedMeanwhileError):
        publishing.publish(event, actor=actor, now=NOW, expected_version=event.version + 1)

    assert not OutboxItem.objects.exists()


def test_an_announcement_is_edited_while_the_event_goes_on(guild: Guild, actor: User) -> None:
    event = to_come(guild, state="live", starts_at=at(-1), discord_event_id=SHOWN)
    publishing.publish(event, actor=actor, now=NOW)

    with pytest.raises(NotToComeError):
        publishing.publish(event, actor=actor, now=at(121))


def test_an_announcement_is_taken_away(guild: Guild, actor: User) -> None:
    event = to_come(guild, discord_event_id=SHOWN)

    item = publishing.withdraw_from_discord(event, actor=actor, now=NOW)

    assert (item.kind, item.payload) == ("scheduled_event.withdraw", {"event_id": str(event.pk)})
    assert AuditEntry.objects.get().action == "event.withdraw_announcement"


def test_only_what_is_announced_or_about_to_be_is_taken_away(guild: Guild, actor: User) -> None:
    event = to_come(guild)
    with pytest.raises(NotPublishedError):
        publishing.withdraw_from_discord(event, actor=actor, now=NOW)
    with pytest.raises(FromDiscordError):
        publishing.withdraw_from_discord(
            to_come(guild, is_from_discord=True, discord_event_id=1), actor=actor, now=NOW
        )

    publishing.publish(event, actor=actor, now=NOW)
    publishing.withdraw_from_discord(event, actor=actor, now=NOW)

    assert OutboxItem.objects.count() == 2


def test_an_answer_links_the_event_once(guild: Guild, actor: User) -> None:
    event = to_come(guild)
    item = publishing.publish(event, actor=actor, now=NOW)

    publishing.settle(item, discord_event_id=SHOWN, now=at(1))
    publishing.settle(item, discord_event_id=1, now=at(2))

    assert shown(event) == SHOWN
    item.refresh_from_db()
    assert (item.state, item.answer) == (OutboxState.DONE, {"discord_event_id": str(SHOWN)})
    assert item.answered_at == at(1)


def test_an_answer_that_it_is_shown_no_more_parts_it(guild: Guild, actor: User) -> None:
    event = to_come(guild, discord_event_id=SHOWN)
    item = publishing.withdraw_from_discord(event, actor=actor, now=NOW)

    publishing.settle(item, discord_event_id=None, now=at(1))

    assert shown(event) is None


def test_a_refusal_is_answered_with_discords_words(guild: Guild, actor: User) -> None:
    event = to_come(guild)
    item = publishing.publish(event, actor=actor, now=NOW)

    publishing.refuse(item, code="50013", message="Missing Permissions (50013)", now=at(1))
    publishing.settle(item, discord_event_id=SHOWN, now=at(2))
    publishing.refuse(item, code="1", message="x", now=at(3))

    item.refresh_from_db()
    assert (item.state, item.answered_at) == (OutboxState.REFUSED, at(1))
    assert item.answer == {"code": "50013", "message": "Missing Permissions (50013)"}
    assert shown(event) is None
    item.delete()
    publishing.refuse(item, code="1", message="x", now=at(4))


# What the gateway tells of it -----------------------------------------------------------------


def test_the_gateways_word_links_the_event_before_the_answer(guild: Guild, actor: User) -> None:
    event = to_come(guild)
    item = publishing.publish(event, actor=actor, now=NOW)

    scheduled_events.apply([ScheduledStated(announcement(event), at(1))], now=at(1))
    assert shown(event) == SHOWN
    publishing.settle(item, discord_event_id=SHOWN, now=at(2))

    assert shown(event) == SHOWN
    assert Event.objects.count() == 1


def test_a_guilds_list_links_what_was_made_by_a_bot_that_was_killed(
    guild: Guild, actor: User
) -> None:
    event = to_come(guild)
    publishing.publish(event, actor=actor, now=NOW)

    listed = ScheduledListed(guild.pk, (announcement(event),), True, NOW, at(1))
    scheduled_events.apply([listed], now=at(1))

    assert shown(event) == SHOWN


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Ride"},
        {"starts_at": at(61)},
        {"channel_id": 5},
        {"guild_id": 5},
        {"is_ours": False},
    ],
)
def test_what_nobody_asked_for_is_not_linked(
    guild: Guild, actor: User, changed: dict[str, Any]
) -> None:
    event = to_come(guild)
    publishing.publish(event, actor=actor, now=NOW)

    record = announcement(event, **changed)
    scheduled_events.apply([ScheduledStated(record, at(1))], now=at(1))

    assert shown(event) is None


def test_two_events_alike_are_linked_each_to_its_own(guild: Guild, actor: User) -> None:
    events = [to_come(guild), to_come(guild)]
    for event in events:
        publishing.publish(event, actor=actor, now=NOW)

    for scheduled_id in (1, 2):
        record = announcement(events[0], id=scheduled_id)
        scheduled_events.apply([ScheduledStated(record, at(1))], now=at(1))

    assert {shown(event) for event in events} == {1, 2}
    assert publishing.taken(guild.pk) == {1, 2}


def test_spaces_and_fractions_of_a_second_make_no_other_event(guild: Guild) -> None:
    event = to_come(guild, title="Raid  night")
    publication = publishing.publication_of(event)

    record = announcement(
        event, title="Raid night", starts_at=event.starts_at + timedelta(milliseconds=1)
    )

    assert publication.is_shown_by(record)
    assert Publication.from_json(publication.as_json()) == publication
