"""The demo's events: made once, by the real services, with people in them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from community.embedded.demo import furnish
from events_app.models import Event, EventSeries, EventState, Participation
from events_app.services.board import board_of
from events_app.services.demo_evenings import make_demo_events
from sessions_app.models import EndReason, VoiceSession
from tests.events_app.planned import berlin, make_category, make_event
from tests.factories import make_channel, make_guild, make_member, make_session

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def guild() -> Guild:
    # Who comes, and for how long, is chance with the guild's id as its seed.
    guild = make_guild(id=400289133907795078, time_zone="Europe/Berlin")
    voice = make_category(guild, "Voice")
    for name in ("General", "Raid", "Duo"):
        make_channel(guild, name, parent=voice)
    make_channel(guild, "Staff room", parent=make_category(guild, "Team"))
    for number in range(40):
        make_member(guild, f"Person {number}", is_bot=number == 0)
    return guild


@pytest.mark.parametrize("day", [19, 20, 21])
@pytest.mark.parametrize("hour", [3, 20, 23])
def test_the_demo_has_a_live_event_and_a_series_with_people_in_what_is_past(
    guild: Guild, day: int, hour: int
) -> None:
    now = berlin(2026, 11, day, hour, 30)

    make_demo_events(now)

    live = Event.objects.get(title="Open house")
    series = EventSeries.objects.get()
    past = series.events.filter(state=EventState.ENDED)
    assert live.state == EventState.LIVE
    assert (live.guild, series.guild) == (guild, guild)
    assert past.count() == 3
    assert series.events.exclude(state=EventState.ENDED).count() == 7
    assert {event.starts_at.astimezone(event.zone).strftime("%a %H") for event in past} == {
        "Sat 20"
    }
    for event in [live, *past]:
        rows = Participation.objects.filter(event=event)
        assert rows.count() >= 10
        assert rows.filter(is_qualified=True).exists()
        assert event.session_links.exists()
    assert Participation.objects.filter(event__in=past, is_qualified=False).exists()
    assert board_of(live.pk, now=now).left
    sessions = VoiceSession.objects.all()
    assert {session.end_reason for session in sessions} == {EndReason.IMPORTED}
    assert max(session.ended_at for session in sessions if session.ended_at) < now
    rooms = {session.channel.name for session in sessions if session.channel}
    assert rooms == {"General", "Raid", "Duo"}


def test_a_second_start_of_the_demo_adds_nothing(guild: Guild) -> None:
    now = timezone.now()
    furnish(now)
    before = (Event.objects.count(), VoiceSession.objects.count(), Participation.objects.count())
    assert Event.objects.filter(guild=guild).exists()

    furnish(now + timedelta(days=1))

    after = (Event.objects.count(), VoiceSession.objects.count(), Participation.objects.count())
    assert after == before


def test_who_planned_an_event_of_their_own_is_given_none(guild: Guild) -> None:
    make_event(guild)

    make_demo_events(timezone.now())

    assert Event.objects.count() == 1
    assert not VoiceSession.objects.exists()


def test_those_in_voice_now_keep_their_sessions(guild: Guild) -> None:
    now = timezone.now()
    channel = guild.channels.get(name="General")
    there = [
        make_session(member, channel, started_at=now - timedelta(minutes=1), ended_at=None)
        for member in guild.members.filter(is_bot=False)[:20]
    ]

    make_demo_events(now)

    live = Event.objects.get(state=EventState.LIVE)
    assert len(board_of(live.pk, now=now).present) == 20
    assert VoiceSession.objects.active().count() == len(there)


def test_a_guild_without_voice_channels_has_none() -> None:
    make_guild("Empty")

    make_demo_events(timezone.now())

    assert not Event.objects.exists()
