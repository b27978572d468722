"""Who held which role from when to when, from events to rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from community.domain.directory import (
    GuildGone,
    GuildUnavailable,
    MemberChanged,
    MemberGone,
    MembersSighted,
    RoleChanged,
    RoleGone,
)
from community.models import RoleSpan
from community.services import directory
from tests.community.directory_records import GUILD, NOON, member, minutes, role, sighted

if TYPE_CHECKING:
    from datetime import datetime

    from community.domain.directory import DirectoryEvent

pytestmark = pytest.mark.django_db

GAP = 600.0  # seconds between minute 10 and minute 20
JOINED_IN_THE_GAP = minutes(15)


def only_span() -> RoleSpan:
    return RoleSpan.objects.get()


def test_first_sight_of_a_guild_does_not_know_the_start() -> None:
    directory.apply([sighted(member(1, 11))])

    span = only_span()
    assert (span.guild_id, span.role_id, span.user_id) == (GUILD, 11, 1)
    assert (span.started_at, span.ended_at) == (NOON, None)
    assert (span.is_start_known, span.start_uncertainty) == (False, 0.0)


def test_role_of_everyone_has_no_span() -> None:
    directory.apply([sighted(member(1, GUILD, 11), roles=(role(GUILD), role(11)))])
    directory.apply([MemberChanged(member(1, GUILD, 11), minutes(1))])

    assert only_span().role_id == 11


def test_change_seen_live_is_certain() -> None:
    directory.apply([sighted(member(1, 11))])

    directory.apply([MemberChanged(member(1, 12), minutes(5))])

    lost, gained = RoleSpan.objects.order_by("role_id")
    assert (lost.ended_at, lost.end_uncertainty) == (minutes(5), 0.0)
    assert (gained.started_at, gained.start_uncertainty) == (minutes(5), 0.0)
    assert gained.is_start_known


def test_change_that_is_replayed_carries_its_uncertainty() -> None:
    directory.apply([sighted(member(1, 11))])

    directory.apply([MemberChanged(member(1, 12), minutes(5), uncertainty=42.5)])

    lost, gained = RoleSpan.objects.order_by("role_id")
    assert (lost.ended_at, lost.end_uncertainty) == (minutes(5), 42.5)
    assert (gained.started_at, gained.start_uncertainty) == (minutes(5), 42.5)


def test_change_found_after_a_gap_carries_the_gap() -> None:
    directory.apply([sighted(member(1, 11))])

    directory.apply([sighted(member(1, 12), blind_since=minutes(10), at=minutes(20))])

    lost, gained = RoleSpan.objects.order_by("role_id")
    assert (lost.ended_at, lost.end_uncertainty) == (minutes(10), GAP)
    assert (gained.started_at, gained.start_uncertainty) == (minutes(20), GAP)
    assert gained.is_start_known


def test_gap_is_not_rounded_down() -> None:
    directory.apply([sighted(member(1, 11))])
    since = minutes(10) - timedelta(microseconds=1)

    directory.apply([sighted(member(1, 12), blind_since=since, at=minutes(20))])

    assert RoleSpan.objects.get(role=11).end_uncertainty == 600.000001
    assert RoleSpan.objects.get(role=12).start_uncertainty == 600.000001


def test_role_that_is_still_held_after_a_gap_keeps_its_span() -> None:
    directory.apply([sighted(member(1, 11))])
    before = only_span()

    directory.apply([sighted(member(1, 11), blind_since=minutes(10), at=minutes(20))])

    after = only_span()
    assert (after.pk, after.started_at, after.ended_at) == (before.pk, NOON, None)


def test_end_found_after_a_gap_is_not_before_the_start() -> None:
    directory.apply([sighted(member(1)), MemberChanged(member(1, 11), minutes(15))])

    directory.apply([sighted(member(1), blind_since=minutes(10), at=minutes(20))])

    span = only_span()
    assert (span.started_at, span.ended_at) == (minutes(15), minutes(15))
    assert span.end_uncertainty == 300.0


def test_member_who_joins_live_holds_roles_from_then() -> None:
    directory.apply([sighted()])

    directory.apply([MemberChanged(member(1, 11, joined_at=minutes(5)), minutes(5))])

    span = only_span()
    assert (span.started_at, span.start_uncertainty, span.is_start_known) == (minutes(5), 0.0, True)


def test_member_who_joined_during_a_replayed_gap_holds_roles_from_then() -> None:
    directory.apply([sighted()])
    record = member(1, 11, joined_at=JOINED_IN_THE_GAP)

    directory.apply([MemberChanged(record, minutes(20), uncertainty=GAP)])

    span = only_span()
    assert (span.started_at, span.start_uncertainty) == (minutes(20), GAP)
    assert span.is_start_known


def test_member_first_seen_in_passing_held_their_roles_before() -> None:
    directory.apply([sighted(has_all_members=False)])

    directory.apply([MemberChanged(member(1, 11), minutes(5))])

    span = only_span()
    assert (span.started_at, span.start_uncertainty) == (minutes(5), 0.0)
    assert not span.is_start_known


@pytest.mark.parametrize(
    ("joined_at", "is_known", "uncertainty"),
    [(JOINED_IN_THE_GAP, True, GAP), (NOON, False, 0.0), (None, False, 0.0)],
)
def test_member_first_seen_after_a_gap_joined_in_it_or_before(
    joined_at: datetime | None, *, is_known: bool, uncertainty: float
) -> None:
    directory.apply([sighted(has_all_members=False)])

    directory.apply(
        [sighted(member(1, 11, joined_at=joined_at), blind_since=minutes(10), at=minutes(20))]
    )

    span = only_span()
    assert span.started_at == minutes(20)
    assert (span.is_start_known, span.start_uncertainty) == (is_known, uncertainty)


def test_member_who_leaves_ends_their_spans() -> None:
    directory.apply([sighted(member(1, 11, 12), member(2, 11))])

    directory.apply([MemberGone(GUILD, 1, minutes(5), uncertainty=3.0)])

    ended = RoleSpan.objects.filter(user_id=1)
    assert set(ended.values_list("ended_at", "end_uncertainty")) == {(minutes(5), 3.0)}
    assert RoleSpan.objects.held().get().user_id == 2


def test_member_who_comes_back_gets_new_spans() -> None:
    directory.apply([sighted(member(1, 11)), MemberGone(GUILD, 1, minutes(5))])

    directory.apply([MemberChanged(member(1, 11, joined_at=minutes(8)), minutes(8))])

    first, second = RoleSpan.objects.order_by("started_at")
    assert (first.started_at, first.ended_at) == (NOON, minutes(5))
    assert (second.started_at, second.ended_at) == (minutes(8), None)
    assert second.is_start_known


def test_member_found_gone_after_a_gap_ends_their_spans_at_its_beginning() -> None:
    directory.apply([sighted(member(1, 11), member(2))])

    directory.apply([MembersSighted(GUILD, (member(2),), True, minutes(10), minutes(20))])

    span = only_span()
    assert (span.ended_at, span.end_uncertainty) == (minutes(10), GAP)


def test_role_that_goes_ends_its_spans() -> None:
    directory.apply([sighted(member(1, 11, 12), member(2, 11))])

    directory.apply([RoleGone(GUILD, 11, minutes(5))])

    assert RoleSpan.objects.held().get().role_id == 12
    ended = RoleSpan.objects.filter(role=11)
    assert set(ended.values_list("ended_at", "end_uncertainty")) == {(minutes(5), 0.0)}


def test_role_found_gone_ends_the_spans_of_members_who_are_not_named() -> None:
    directory.apply([sighted(member(1, 11, 12))])

    directory.apply(
        [sighted(roles=(role(12),), has_all_members=False, blind_since=minutes(10), at=minutes(20))]
    )

    ended = RoleSpan.objects.get(role=11)
    assert (ended.ended_at, ended.end_uncertainty) == (minutes(10), GAP)
    assert RoleSpan.objects.get(role=12).ended_at is None


def test_role_that_is_gone_is_not_held_by_what_a_late_payload_says() -> None:
    directory.apply([sighted(member(1, 11)), RoleGone(GUILD, 11, minutes(5))])

    directory.apply([MemberChanged(member(1, 11), minutes(6))])

    assert only_span().ended_at == minutes(5)


def test_role_that_is_not_mirrored_yet_is_held() -> None:
    directory.apply([sighted(member(1))])

    directory.apply([MemberChanged(member(1, 99), minutes(1)), RoleChanged(role(99), minutes(1))])

    assert only_span().role_id == 99


def test_guild_that_removes_the_bot_ends_all_spans() -> None:
    directory.apply([sighted(member(1, 11), member(2, 12))])

    directory.apply([GuildGone(GUILD, minutes(5))])

    ends = set(RoleSpan.objects.values_list("ended_at", "end_uncertainty"))
    assert ends == {(minutes(5), 0.0)}


def test_outage_ends_no_span() -> None:
    directory.apply([sighted(member(1, 11))])

    directory.apply([GuildUnavailable(GUILD, minutes(5))])

    assert only_span().ended_at is None


def test_clock_that_steps_back_makes_no_negative_and_no_overlap() -> None:
    directory.apply([sighted(member(1)), MemberChanged(member(1, 11), minutes(10))])

    directory.apply([MemberChanged(member(1), minutes(5))])
    assert (only_span().started_at, only_span().ended_at) == (minutes(10), minutes(10))

    directory.apply([MemberChanged(member(1, 11), minutes(7))])
    assert (only_span().started_at, only_span().ended_at) == (minutes(10), None)

    directory.apply(
        [MemberChanged(member(1), minutes(12)), MemberChanged(member(1, 11), minutes(14))]
    )
    spans = RoleSpan.objects.order_by("started_at").values_list("started_at", "ended_at")
    assert list(spans) == [(minutes(10), minutes(12)), (minutes(14), None)]


def test_same_events_again_change_nothing() -> None:
    events: list[DirectoryEvent] = [
        sighted(member(1, 11, 12), member(2, 11)),
        MemberChanged(member(1, 12), minutes(1)),
        MemberChanged(member(1, 11, 12), minutes(2)),
        MemberGone(GUILD, 2, minutes(3)),
        MemberChanged(member(2, 13, joined_at=minutes(4)), minutes(4)),
        RoleGone(GUILD, 12, minutes(5)),
        sighted(
            member(1),
            member(2, 13),
            roles=(role(11), role(13)),
            blind_since=minutes(6),
            at=minutes(8),
        ),
    ]
    directory.apply(events)
    once = sorted(RoleSpan.objects.values_list())

    directory.apply(events)
    directory.apply(events[1:])
    directory.apply(events[-1:])

    assert sorted(RoleSpan.objects.values_list()) == once


def test_many_changes_of_a_role_in_one_batch_are_as_many_spans() -> None:
    flips = [
        MemberChanged(member(1, *([11] if number % 2 else [])), minutes(number))
        for number in range(1, 20)
    ]

    directory.apply([sighted(member(1)), *flips])

    spans = RoleSpan.objects.order_by("started_at").values_list("started_at", "ended_at")
    assert list(spans) == [
        *((minutes(number), minutes(number + 1)) for number in range(1, 19, 2)),
        (minutes(19), None),
    ]


def test_spans_of_an_event_that_comes_twice_are_one() -> None:
    directory.apply([sighted(member(1))])
    change = MemberChanged(member(1, 11), minutes(1))

    directory.apply([change, change])
    directory.apply([change, replace(change, at=minutes(2))])

    assert only_span().started_at == minutes(1)
