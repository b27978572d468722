"""The cases of ``docs/events.md``, one by one, in the order of its table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from community.models import RoleSpan
from events_app.models import Event, Participation, SessionLink
from events_app.services.planning import change_event, create_event
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from sessions_app.services.corrections import void_session
from tests.events_app.planned import berlin, make_event, make_plan, make_role
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_gap,
    make_guild,
    make_member,
    make_session,
    make_user,
)

if TYPE_CHECKING:
    from community.models import Channel, Guild, Member

pytestmark = pytest.mark.django_db

MINUTE = 60.0


@pytest.fixture
def guild() -> Guild:
    return make_guild(first_seen_at=at(-9000), time_zone="Europe/Berlin")


@pytest.fixture
def lounge(guild: Guild) -> Channel:
    return make_channel(guild)


@pytest.fixture
def mira(guild: Guild) -> Member:
    return make_member(guild, "Mira", roles_known_since=at(-9000))


def planned(lounge: Channel, **fields: Any) -> Event:
    """Plans an event from two hours ago to one hour ago, in the lounge."""
    values = {"starts_at": at(-120), "ends_at": at(-60), "channel_ids": frozenset({lounge.pk})}
    return make_event(lounge.guild, now=at(-180), **values | fields)


def stay(member: Member, channel: Channel, began: float, ended: float) -> None:
    make_session(member, channel, started_at=at(began), ended_at=at(ended))


def row_of(event: Event, member: Member) -> Participation:
    rebuild([event.pk], now=NOW)
    return Participation.objects.get(event=event, user_id=member.user_id)


def test_an_early_joiner_counts_from_the_windows_start(lounge: Channel, mira: Member) -> None:
    event = planned(lounge)
    stay(mira, lounge, -150, -60)

    row = row_of(event, mira)

    assert (row.seconds, row.share) == (60 * MINUTE, 1.0)
    assert (row.first_arrival_at, row.counted_from) == (at(-120), at(-120))
    assert not row.is_late


@pytest.mark.parametrize(("grace", "is_late"), [(599, True), (600, False)])
def test_a_late_joiner_counts_from_the_arrival_and_is_late_beyond_the_grace(
    lounge: Channel, mira: Member, grace: int, is_late: bool
) -> None:
    event = planned(lounge, late_grace_seconds=grace)
    stay(mira, lounge, -110, -60)

    row = row_of(event, mira)

    assert (row.seconds, row.counted_from) == (50 * MINUTE, at(-110))
    assert row.is_late is is_late


@pytest.mark.parametrize(("grace", "stretches"), [(179, 2), (180, 1)])
def test_who_is_back_within_the_grace_has_one_stretch_and_the_hole_does_not_count(
    lounge: Channel, mira: Member, grace: int, stretches: int
) -> None:
    event = planned(lounge, rejoin_grace_seconds=grace)
    stay(mira, lounge, -120, -100)
    stay(mira, lounge, -97, -60)

    row = row_of(event, mira)

    assert (row.stretches, row.sessions, row.seconds) == (stretches, 2, 57 * MINUTE)


def test_a_move_between_two_channels_that_count_loses_no_second_and_doubles_none(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    stage = make_channel(guild)
    event = planned(lounge, channel_ids=frozenset({lounge.pk, stage.pk}))
    stay(mira, lounge, -120, -95)
    stay(mira, stage, -95, -60)

    row = row_of(event, mira)

    assert (row.seconds, row.sessions, row.stretches) == (60 * MINUTE, 2, 1)


def test_a_move_to_a_channel_that_does_not_count_ends_what_counts(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event = planned(lounge)
    stay(mira, lounge, -120, -95)
    stay(mira, make_channel(guild), -95, -60)

    row = row_of(event, mira)

    assert (row.seconds, row.last_departure_at) == (25 * MINUTE, at(-95))
    assert row.left_early


def test_a_role_gained_halfway_counts_from_then_on(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    role = make_role(guild)
    event = planned(lounge, any_role_ids=frozenset({role.pk}))
    stay(mira, lounge, -120, -60)
    RoleSpan.objects.create(guild=guild, role=role, user_id=mira.user_id, started_at=at(-90))

    row = row_of(event, mira)

    assert (row.seconds, row.counted_from) == (30 * MINUTE, at(-90))
    assert row.first_arrival_at == at(-120)
    assert not row.is_late


def test_a_role_lost_halfway_counts_until_then(guild: Guild, lounge: Channel, mira: Member) -> None:
    role = make_role(guild)
    event = planned(lounge, any_role_ids=frozenset({role.pk}))
    stay(mira, lounge, -120, -60)
    RoleSpan.objects.create(
        guild=guild, role=role, user_id=mira.user_id, started_at=at(-900), ended_at=at(-90)
    )

    row = row_of(event, mira)

    assert (row.seconds, row.last_departure_at) == (30 * MINUTE, at(-60))
    assert not row.left_early


def test_a_window_extended_after_the_end_counts_for_those_who_were_there(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event, sam = planned(lounge), make_member(guild)
    stay(mira, lounge, -120, -30)
    stay(sam, lounge, -120, -60)
    assert row_of(event, mira).seconds == 60 * MINUTE

    longer = replace(plan_of(event), ends_at=at(-40))
    change_event(event.pk, longer, actor=None, reason="they went on", now=NOW)

    assert row_of(event, mira).seconds == 80 * MINUTE
    assert row_of(event, sam).seconds == 60 * MINUTE
    assert row_of(event, sam).left_early


def test_a_window_moved_loses_what_falls_out_and_has_what_falls_in(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event, early, late = planned(lounge), make_member(guild), make_member(guild)
    stay(mira, lounge, -120, -30)
    stay(early, lounge, -120, -95)
    stay(late, lounge, -50, -30)
    rebuild([event.pk], now=NOW)

    moved = replace(plan_of(event), starts_at=at(-90), ends_at=at(-30))
    change_event(event.pk, moved, actor=None, reason="it was later", now=NOW)

    assert row_of(event, mira).seconds == 60 * MINUTE
    assert row_of(event, late).seconds == 20 * MINUTE
    assert not Participation.objects.filter(user_id=early.user_id).exists()
    assert not SessionLink.objects.filter(user_id=early.user_id).exists()


def test_an_event_made_after_the_fact_is_as_if_planned_before(
    lounge: Channel, mira: Member
) -> None:
    before = planned(lounge, minimum_share=0.5, late_grace_seconds=60)
    stay(mira, lounge, -110, -70)
    after = create_event(plan_of(before), guild_id=before.guild_id, actor=None, now=NOW)

    rows = [row_of(event, mira) for event in (before, after)]

    kept = [
        {
            field.attname: getattr(row, field.attname)
            for field in Participation._meta.concrete_fields
            if field.attname not in {"id", "event_id"}
        }
        for row in rows
    ]
    assert kept[0] == kept[1]
    assert kept[0]["seconds"] == 40 * MINUTE
    assert SessionLink.objects.filter(event=after).count() == 1


def test_two_overlapping_events_have_each_its_own_participation(
    lounge: Channel, mira: Member
) -> None:
    first = planned(lounge)
    second = planned(lounge, starts_at=at(-90), ends_at=at(-30))
    stay(mira, lounge, -100, -50)

    rows = [row_of(event, mira) for event in (first, second)]

    assert [row.seconds for row in rows] == [40 * MINUTE, 40 * MINUTE]
    assert [row.counted_from for row in rows] == [at(-100), at(-90)]
    assert set(SessionLink.objects.values_list("event_id", flat=True)) == {first.pk, second.pk}


@pytest.mark.parametrize(
    ("evening", "hours"),
    [((2026, 3, 28), 5), ((2026, 10, 24), 7)],
    ids=["to summer time", "to winter time"],
)
def test_the_night_of_a_change_of_the_clock_has_an_hour_less_or_more(
    guild: Guild, lounge: Channel, mira: Member, evening: tuple[int, int, int], hours: int
) -> None:
    year, month, day = evening
    starts_at, ends_at = berlin(year, month, day, 22), berlin(year, month, day + 1, 4)
    plan = make_plan(starts_at=starts_at, ends_at=ends_at, channel_ids=frozenset({lounge.pk}))
    event = create_event(plan, guild_id=guild.pk, actor=None, now=starts_at - timedelta(days=1))
    make_session(
        mira,
        lounge,
        started_at=starts_at - timedelta(hours=1),
        ended_at=ends_at + timedelta(hours=1),
    )

    row = row_of(event, mira)

    assert (row.seconds, row.window_seconds, row.share) == (hours * 3600, hours * 3600, 1.0)


def test_blind_for_two_minutes_the_window_is_shorter_for_all(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event, sam = planned(lounge, gap_policy="exclude"), make_member(guild)
    make_gap(guild.pk, began_at=at(-92), ended_at=at(-90))
    stay(mira, lounge, -120, -60)
    stay(sam, lounge, -120, -92)

    rows = [row_of(event, member) for member in (mira, sam)]

    assert [row.window_seconds for row in rows] == [58 * MINUTE, 58 * MINUTE]
    assert [row.seconds for row in rows] == [58 * MINUTE, 28 * MINUTE]
    assert rows[0].share == 1.0


def test_blind_for_two_minutes_who_was_there_before_or_after_is_credited(
    guild: Guild, lounge: Channel
) -> None:
    event = planned(lounge, gap_policy="credit")
    make_gap(guild.pk, began_at=at(-92), ended_at=at(-90))
    before, after, neither = (make_member(guild) for _ in range(3))
    stay(before, lounge, -120, -92)
    stay(after, lounge, -90, -60)
    stay(neither, lounge, -120, -93)

    rows = [row_of(event, member) for member in (before, after, neither)]

    assert [row.window_seconds for row in rows] == [60 * MINUTE] * 3
    assert [row.seconds for row in rows] == [30 * MINUTE, 32 * MINUTE, 27 * MINUTE]


def test_unseen_alone_since_before_the_window_who_was_there_then_is_credited(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event = planned(lounge, gap_policy="credit")
    make_gap(guild.pk, user_id=mira.user_id, began_at=at(-150), ended_at=at(-110))
    stay(mira, lounge, -170, -150)

    row = row_of(event, mira)

    assert (row.seconds, row.window_seconds) == (10 * MINUTE, 60 * MINUTE)


def test_unseen_alone_until_after_the_window_who_was_there_then_is_credited(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event = planned(lounge, starts_at=at(-300), ends_at=at(-240), gap_policy="credit")
    make_gap(guild.pk, user_id=mira.user_id, began_at=at(-250), ended_at=at(-120))
    stay(mira, lounge, -120, -100)

    row = row_of(event, mira)

    assert (row.seconds, row.window_seconds) == (10 * MINUTE, 60 * MINUTE)


def test_a_session_that_staff_voided_counts_nowhere(
    guild: Guild, lounge: Channel, mira: Member
) -> None:
    event, sam = planned(lounge), make_member(guild)
    voided = [
        make_session(member, lounge, started_at=at(-120), ended_at=at(-100))
        for member in (mira, sam)
    ]
    stay(mira, lounge, -90, -60)
    assert row_of(event, mira).seconds == 50 * MINUTE

    for session in voided:
        void_session(session.pk, actor=make_user(str(session.pk)), reason="a bot", now=NOW)

    row = row_of(event, mira)
    assert (row.seconds, row.sessions) == (30 * MINUTE, 1)
    assert not Participation.objects.filter(user_id=sam.user_id).exists()


def test_capacity_is_filled_by_arrival_and_the_others_find_the_event_full(
    guild: Guild, lounge: Channel
) -> None:
    event = planned(lounge, capacity=2, minimum_seconds=600)
    first, short, second, third = (make_member(guild) for _ in range(4))
    stay(first, lounge, -120, -60)
    stay(short, lounge, -119, -118)
    stay(second, lounge, -110, -60)
    stay(third, lounge, -100, -60)

    rows = [row_of(event, member) for member in (first, short, second, third)]

    assert [(row.is_qualified, row.reasons) for row in rows] == [
        (True, []),
        (False, ["too_short"]),
        (True, []),
        (False, ["full"]),
    ]
