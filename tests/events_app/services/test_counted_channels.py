from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community.models import Channel, ChannelKind
from events_app.models import Event, EventState
from events_app.services.counted_channels import LAST_LOOK, refresh_counted_channels
from events_app.services.planning import cancel_event, change_event, create_event, publish_draft
from events_app.services.revisions import plan_of
from tests.events_app.planned import make_category, make_event, make_plan, noted
from tests.factories import NOW, at, make_channel, make_guild

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild

pytestmark = pytest.mark.django_db

# The window of the event that ``make_plan`` plans.
BEFORE, DURING, AFTER = at(0), at(90), at(200)


@pytest.fixture
def lounge(guild: Guild) -> Channel:
    return make_category(guild)


@pytest.fixture
def room(guild: Guild, lounge: Channel) -> Channel:
    return make_channel(guild, "Room", parent=lounge)


def counted(event: Event) -> list[int] | None:
    event.refresh_from_db()
    return event.counted_channel_ids


def move(channel: Channel, parent: Channel | None) -> None:
    Channel.objects.filter(pk=channel.pk).update(parent=parent)


def choose(event: Event, *channels: Channel, now: Any) -> None:
    event.refresh_from_db()
    ids = frozenset(channel.pk for channel in channels)
    plan = replace(plan_of(event), channel_ids=ids)
    change_event(event.pk, plan, actor=None, reason="", now=now)


def issued(minutes: float) -> int:
    """Makes a channel's id as Discord issues it at that moment."""
    return (int(at(minutes).timestamp() * 1000) - 1_420_070_400_000) << 22


# When it is made --------------------------------------------------------------------------


def test_without_a_choice_the_whole_guild_counts(guild: Guild) -> None:
    assert counted(make_event(guild)) is None


def test_a_category_counts_for_the_channels_in_it_that_people_can_be_in(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    other = make_channel(guild, "Alone")
    stage = make_channel(guild, "Stage", parent=lounge, kind=ChannelKind.STAGE)
    gone = make_channel(guild, "Gone", parent=lounge, gone_at=NOW)
    make_channel(guild, "Text", parent=lounge, kind=ChannelKind.TEXT)
    make_channel(guild, "Elsewhere", parent=make_category(guild))

    event = make_event(guild, channel_ids=frozenset({lounge.pk, other.pk}))

    assert counted(event) == sorted([room.pk, stage.pk, gone.pk, other.pk])


def test_a_category_with_nothing_in_it_is_not_the_whole_guild(
    guild: Guild, lounge: Channel
) -> None:
    assert counted(make_event(guild, channel_ids=frozenset({lounge.pk}))) == []


def test_an_event_made_after_the_fact_has_what_stands_there_now(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    event = make_event(guild, now=AFTER, channel_ids=frozenset({lounge.pk}))

    assert counted(event) == [room.pk]


# As time goes on --------------------------------------------------------------------------


def test_before_the_start_what_stands_in_the_category_now_replaces(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)
    new = make_channel(guild, "New", parent=lounge)
    noted()

    assert refresh_counted_channels(now=BEFORE) == (event.pk,)

    assert counted(event) == [new.pk]
    assert noted() == [event.pk]


def test_while_it_is_on_channels_are_only_added(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)
    new = make_channel(guild, "New", parent=lounge)

    refresh_counted_channels(now=at(60))

    assert counted(event) == [room.pk, new.pk]
    assert event.version == 1


def test_after_the_end_nothing_changes_by_itself(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)
    make_channel(guild, "New", parent=lounge)
    noted()

    for now in (event.ends_at + LAST_LOOK, at(10_000)):
        assert refresh_counted_channels(now=now) == ()
    Event.objects.update(state=EventState.ENDED)
    assert refresh_counted_channels(now=event.ends_at) == ()

    assert counted(event) == [room.pk]
    assert noted() == []


def test_a_last_look_finds_a_room_of_the_last_minute_and_none_of_the_next(
    guild: Guild, lounge: Channel
) -> None:
    old = make_channel(guild, "Old", id=issued(-1), parent=lounge)
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(old, None)
    last = make_channel(guild, "In time", id=issued(179.9), parent=lounge)
    make_channel(guild, "Too late", id=issued(180.1), parent=lounge)

    assert refresh_counted_channels(now=at(180) + timedelta(seconds=30)) == (event.pk,)
    assert refresh_counted_channels(now=at(180) + timedelta(seconds=31)) == ()

    assert counted(event) == [old.pk, last.pk]


def test_what_has_not_changed_is_not_noted(guild: Guild, lounge: Channel, room: Channel) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk, room.pk}))
    make_event(guild)
    noted()

    assert refresh_counted_channels(now=BEFORE) == ()
    assert refresh_counted_channels(now=DURING) == ()

    assert counted(event) == [room.pk]
    assert noted() == []


def test_drafts_and_cancelled_events_are_not_looked_into(
    guild: Guild, actor: User, lounge: Channel
) -> None:
    plan = make_plan(channel_ids=frozenset({lounge.pk}))
    draft = create_event(plan, guild_id=guild.pk, actor=actor, now=NOW, as_draft=True)
    cancelled = create_event(plan, guild_id=guild.pk, actor=actor, now=NOW)
    cancel_event(cancelled.pk, actor=actor, reason="", now=NOW)
    room = make_channel(guild, "New", parent=lounge)

    assert refresh_counted_channels(now=BEFORE) == ()
    publish_draft(draft.pk, actor=actor, now=AFTER)

    assert counted(draft) == [room.pk]
    assert counted(cancelled) == []


def test_cancelling_keeps_what_counted(guild: Guild, lounge: Channel, room: Channel) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)

    cancel_event(event.pk, actor=None, reason="", now=DURING)

    assert counted(event) == [room.pk]


def test_each_guild_has_its_own(guild: Guild, lounge: Channel, room: Channel) -> None:
    other = make_guild("Elsewhere")
    their_lounge = make_category(other)
    ours = make_event(guild, channel_ids=frozenset({lounge.pk}))
    theirs = make_event(other, channel_ids=frozenset({their_lounge.pk}))
    their_room = make_channel(other, "Theirs", parent=their_lounge)

    assert refresh_counted_channels(now=BEFORE) == (theirs.pk,)

    assert counted(ours) == [room.pk]
    assert counted(theirs) == [their_room.pk]


def test_a_look_takes_the_same_statements_however_many_events_there_are(guild: Guild) -> None:
    def statements(events: int) -> int:
        for number in range(events):
            lounge = make_category(guild, f"Lounge {number}")
            make_event(guild, channel_ids=frozenset({lounge.pk}))
            make_channel(guild, "New", parent=lounge)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(refresh_counted_channels(now=BEFORE)) == events
        return len(queries)

    assert statements(1) == statements(12) <= 8


# Another choice ---------------------------------------------------------------------------


def test_before_the_start_another_choice_is_what_stands_there(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    other = make_channel(guild, "Other")
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)

    choose(event, lounge, other, now=BEFORE)
    assert counted(event) == [other.pk]
    choose(event, now=BEFORE)
    assert counted(event) is None


@pytest.mark.parametrize("now", [DURING, AFTER])
def test_a_channel_named_besides_takes_none_away_that_was_found_in_a_category(
    guild: Guild, lounge: Channel, room: Channel, now: Any
) -> None:
    other = make_channel(guild, "Other")
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)
    new = make_channel(guild, "New", parent=lounge)

    choose(event, lounge, other, now=now)

    # After the end nobody looks into a category that was looked into until then.
    assert counted(event) == sorted([room.pk, other.pk, *([new.pk] if now == DURING else [])])


def test_a_category_named_after_the_end_is_looked_into(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    second = make_category(guild, "Second")
    other = make_channel(guild, "Other", parent=second)
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    make_channel(guild, "New", parent=lounge)

    choose(event, lounge, second, now=AFTER)

    assert counted(event) == [room.pk, other.pk]


def test_a_category_that_is_named_no_more_takes_its_channels_along(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    second = make_category(guild, "Second")
    other = make_channel(guild, "Other", parent=second)
    moved = make_channel(guild, "Moved", parent=second)
    event = make_event(guild, channel_ids=frozenset({lounge.pk, second.pk}))
    move(moved, None)

    choose(event, second, now=DURING)
    assert counted(event) == [other.pk, moved.pk]
    choose(event, lounge, now=DURING)
    assert counted(event) == [room.pk]


def test_a_channel_that_is_named_no_more_counts_only_where_its_category_does(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    alone = make_channel(guild, "Alone")
    event = make_event(guild, channel_ids=frozenset({lounge.pk, room.pk, alone.pk}))

    choose(event, lounge, now=AFTER)

    assert counted(event) == [room.pk]


def test_a_window_extended_after_the_end_is_looked_into_again(
    guild: Guild, lounge: Channel, room: Channel
) -> None:
    event = make_event(guild, channel_ids=frozenset({lounge.pk}))
    move(room, None)
    new = make_channel(guild, "New", parent=lounge)

    plan = replace(plan_of(event), ends_at=at(300))
    change_event(event.pk, plan, actor=None, reason="", now=AFTER)

    assert counted(event) == [room.pk, new.pk]
