"""A guild's members, from events to rows: who is there, how many, and by what name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from community.domain.directory import MemberChanged, MemberGone, MembersSighted
from community.models import Guild, Member, RoleSpan
from community.services import directory
from tests.community.directory_records import GUILD, NOON, member, minutes, sighted

pytestmark = pytest.mark.django_db


def test_sighting_of_all_members_marks_the_others_gone() -> None:
    directory.apply([sighted(member(1), member(2))])

    directory.apply([sighted(member(1), at=minutes(5), has_all_members=True)])

    assert Member.objects.get(user_id=2).gone_at == minutes(5)
    assert Member.objects.get(user_id=1).gone_at is None


def test_sighting_of_some_members_leaves_the_others() -> None:
    directory.apply([sighted(member(1), member(2))])

    directory.apply([sighted(member(1), at=minutes(5), has_all_members=False)])

    assert Member.objects.filter(gone_at=None).count() == 2


def test_member_list_of_all_marks_the_others_gone_and_counts() -> None:
    directory.apply([sighted(member(1), member(2))])

    directory.apply([MembersSighted(GUILD, (member(2),), True, NOON, minutes(5))])

    assert Member.objects.get(user_id=1).gone_at == minutes(5)
    assert Guild.objects.get().member_count == 1


def test_member_count_follows_those_who_come_and_go() -> None:
    directory.apply([sighted(member(1), member_count=3)])
    came = MemberChanged(member(2, joined_at=minutes(1)), minutes(1))

    directory.apply([came])
    assert Guild.objects.get().member_count == 4

    directory.apply([came, replace(came, at=minutes(2))])
    assert Guild.objects.get().member_count == 4

    directory.apply([MemberGone(GUILD, 2, minutes(3)), MemberGone(GUILD, 2, minutes(3))])
    assert Guild.objects.get().member_count == 3

    directory.apply([replace(came, at=minutes(4))])
    assert Guild.objects.get().member_count == 4


def test_member_who_was_there_unseen_is_counted_already() -> None:
    directory.apply([sighted(member_count=50_000, has_all_members=False)])

    directory.apply([MemberChanged(member(2), minutes(1))])

    assert Guild.objects.get().member_count == 50_000


def test_member_event_before_its_guild_writes_the_member_alone() -> None:
    directory.apply([MemberChanged(member(1, 11), NOON)])

    assert Member.objects.get().guild_id == GUILD
    assert RoleSpan.objects.get().role_id == 11
    assert not Guild.objects.exists()


def test_member_leaves_and_comes_back() -> None:
    directory.apply([sighted(member(1))])

    directory.apply([MemberGone(GUILD, 1, minutes(1))])
    assert Member.objects.get().gone_at == minutes(1)

    directory.apply([MemberChanged(member(1, joined_at=minutes(2)), minutes(2))])
    back = Member.objects.get()
    assert (back.gone_at, back.joined_at) == (None, minutes(2))


@pytest.mark.parametrize(
    ("nick", "global_name", "username", "shown"),
    [
        ("Nick", "Global", "user", "Nick"),
        ("", "Global", "user", "Global"),
        ("", "", "user", "user"),
        ("", "", "", "1"),
    ],
)
def test_display_name_is_the_first_that_there_is(
    nick: str, global_name: str, username: str, shown: str
) -> None:
    record = replace(member(1, nick=nick, username=username), global_name=global_name)

    directory.apply([MemberChanged(record, NOON)])

    assert Member.objects.get().display_name == shown


def test_member_of_two_guilds_is_two_rows() -> None:
    directory.apply([sighted(member(1)), MemberChanged(member(1, guild_id=200), NOON)])

    directory.apply([MemberChanged(member(1, guild_id=200, nick="There"), minutes(1))])

    assert dict(Member.objects.values_list("guild_id", "nick")) == {GUILD: "", 200: "There"}
