"""Since when a member's roles are known, and how far back a change may lie that nobody told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from community.domain.directory import (
    GuildGone,
    GuildUnavailable,
    MemberChanged,
    MemberGone,
    MembersSighted,
)
from community.models import Member, RoleSpan
from community.services import directory
from tests.community.directory_records import GUILD, NOON, member, minutes, sighted

if TYPE_CHECKING:
    from datetime import datetime

    from community.domain.directory import DirectoryEvent

pytestmark = pytest.mark.django_db


def known_since(user_id: int = 1) -> datetime | None:
    return Member.objects.get(user_id=user_id).roles_known_since


def passing(*role_ids: int, at: datetime, seen_at: datetime | None = None, **of: Any) -> Any:
    """A payload of voice that passed by, where changes of members are not told."""
    record = member(1, *role_ids, **of)
    return MemberChanged(record, at, is_in_passing=True, seen_at=seen_at)


def unwatched(*members: Any, **how: Any) -> Any:
    return sighted(*members, has_all_members=False, watches_members=False, **how)


def test_roles_are_known_from_the_first_sight_on() -> None:
    directory.apply([sighted(member(1, 11))])
    directory.apply([sighted(member(1, 12), member(2), blind_since=minutes(5), at=minutes(9))])
    directory.apply([MemberChanged(member(1, 11), minutes(20)), MemberChanged(member(3), NOON)])

    assert known_since(1) == NOON
    assert known_since(2) == minutes(9)


def test_roles_of_one_who_joins_are_known_from_their_joining_on() -> None:
    directory.apply([sighted()])

    directory.apply([MemberChanged(member(1, joined_at=minutes(4.9)), minutes(5))])
    directory.apply([MemberChanged(member(2, joined_at=minutes(6)), minutes(5))])

    assert known_since(1) == minutes(4.9)
    assert known_since(2) == minutes(5)


def test_roles_of_one_who_joined_in_a_replayed_gap_are_known_from_their_joining_on() -> None:
    directory.apply([sighted()])

    joined = member(1, joined_at=minutes(15))
    directory.apply([MemberChanged(joined, minutes(20), uncertainty=600.0)])

    assert known_since() == minutes(15)


def test_roles_of_one_who_joined_unseen_are_known_from_the_sight_on() -> None:
    directory.apply([sighted()])

    joined = member(1, joined_at=minutes(15))
    directory.apply([sighted(joined, blind_since=minutes(10), at=minutes(20))])

    assert known_since() == minutes(20)


def test_roles_of_one_who_left_and_returns_are_known_anew() -> None:
    directory.apply([sighted(member(1, 11)), MemberGone(GUILD, 1, minutes(5))])
    assert known_since() == NOON

    directory.apply([MemberChanged(member(1, 11, joined_at=minutes(8)), minutes(8))])

    assert known_since() == minutes(8)


def test_one_who_left_and_returned_unseen_is_known_by_the_time_of_their_joining() -> None:
    directory.apply([sighted(member(1, 11))])

    back = member(1, 11, joined_at=minutes(15))
    directory.apply([sighted(back, blind_since=minutes(10), at=minutes(20))])
    directory.apply([sighted(back, blind_since=minutes(30), at=minutes(40))])

    assert known_since() == minutes(20)


def test_an_outage_and_a_gap_leave_what_is_known() -> None:
    directory.apply([sighted(member(1))])

    directory.apply([GuildUnavailable(GUILD, minutes(5))])
    directory.apply([sighted(member(1), blind_since=minutes(5), at=minutes(9))])

    assert known_since() == NOON


def test_roles_are_known_anew_once_the_bot_is_back() -> None:
    directory.apply([sighted(member(1, 11), member(2, 11), member(3))])
    directory.apply([GuildGone(GUILD, minutes(5))])
    assert set(Member.objects.values_list("roles_known_since", flat=True)) == {None}

    directory.apply([sighted(member(1, 11), has_all_members=False, at=minutes(60))])
    directory.apply([MembersSighted(GUILD, (member(1), member(2)), False, None, minutes(61))])

    assert (known_since(1), known_since(2), known_since(3)) == (minutes(60), minutes(61), None)


def test_a_removal_and_a_return_in_one_batch_are_told_apart() -> None:
    events: list[DirectoryEvent] = [
        sighted(member(1), member(2)),
        GuildGone(GUILD, minutes(5)),
        sighted(member(1), has_all_members=False, at=minutes(60)),
    ]

    for _ in range(2):
        directory.apply(events)

        assert (known_since(1), known_since(2)) == (minutes(60), None)


def test_a_removal_from_one_guild_leaves_the_others() -> None:
    directory.apply([sighted(member(1))])
    Member.objects.create(guild_id=200, user_id=9, username="x", roles_known_since=NOON)

    directory.apply([GuildGone(GUILD, minutes(5))])

    assert known_since(9) == NOON


def test_rows_of_before_are_known_from_their_next_sight_on() -> None:
    directory.apply([sighted(member(1, 11))])
    Member.objects.update(roles_known_since=None)

    directory.apply([sighted(member(1, 11), blind_since=minutes(5), at=minutes(9))])

    assert known_since() == minutes(9)


# Without the members intent --------------------------------------------------------------------


def test_a_change_found_in_passing_reaches_back_to_the_last_sight() -> None:
    directory.apply([unwatched(member(1, 11))])

    directory.apply([passing(12, at=minutes(300), seen_at=minutes(200))])

    lost, gained = RoleSpan.objects.order_by("role_id")
    assert (lost.ended_at, lost.end_uncertainty) == (minutes(300), 6000.0)
    assert (gained.started_at, gained.start_uncertainty) == (minutes(300), 6000.0)
    assert gained.is_start_known


def test_a_change_of_one_whom_the_gateway_forgot_reaches_back_to_what_is_stored() -> None:
    directory.apply([unwatched(member(1, 11))])
    directory.apply([passing(11, 12, at=minutes(100), seen_at=minutes(90))])

    directory.apply([passing(12, at=minutes(300))])

    lost = RoleSpan.objects.get(role=11)
    assert lost.ended_at == minutes(300)
    # Role 12 was found at minute 100, in a payload that is as of minute 90 at the earliest.
    assert lost.end_uncertainty == timedelta(minutes=210).total_seconds()


def test_a_change_found_by_a_statement_reaches_back_beyond_the_gap() -> None:
    directory.apply([unwatched(member(1, 11))])

    directory.apply([unwatched(member(1, 12), blind_since=minutes(299), at=minutes(300))])

    lost, gained = RoleSpan.objects.order_by("role_id")
    assert lost.ended_at == NOON
    assert lost.end_uncertainty == gained.start_uncertainty == 18_000.0
    assert gained.started_at == minutes(300)


def test_a_member_first_seen_in_passing_may_have_held_their_roles_for_ever() -> None:
    directory.apply([unwatched()])

    directory.apply([passing(11, at=minutes(5))])

    span = RoleSpan.objects.get()
    assert (span.started_at, span.start_uncertainty) == (minutes(5), 0.0)
    assert not span.is_start_known
    assert known_since() == minutes(5)


def test_a_member_who_joined_just_before_they_passed_by_got_their_roles_since() -> None:
    directory.apply([unwatched()])

    directory.apply([passing(11, at=minutes(5), joined_at=minutes(4.5))])

    span = RoleSpan.objects.get()
    assert (span.started_at, span.start_uncertainty) == (minutes(5), 30.0)
    assert span.is_start_known
    assert known_since() == minutes(5)


def test_a_row_of_before_says_nothing_of_when_its_member_was_seen() -> None:
    directory.apply([unwatched(member(1))])
    Member.objects.update(roles_known_since=None)

    directory.apply([passing(11, at=minutes(5))])

    assert not RoleSpan.objects.get().is_start_known
    assert known_since() == minutes(5)
