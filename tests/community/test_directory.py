"""Guilds, roles, channels and members, from events to rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError

from community.domain.directory import (
    ChannelChanged,
    ChannelGone,
    GuildGone,
    GuildUnavailable,
    GuildUpdated,
    MemberChanged,
    MemberGone,
    RoleChanged,
    RoleGone,
)
from community.models import Channel, Guild, Member, Overwrite, Role, RoleSpan
from community.services import directory
from community.services.directory import role_spans
from tests.community.directory_records import (
    GUILD,
    NOON,
    channel,
    guild,
    member,
    minutes,
    overwrite,
    role,
    sighted,
)

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def overwrites_of(channel_id: int) -> set[tuple[int, int, int]]:
    return set(
        Overwrite.objects.filter(channel=channel_id).values_list("target_id", "allow", "deny")
    )


def test_apply_without_events_asks_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        directory.apply([])


def test_sighting_writes_a_guild_with_all_that_is_in_it() -> None:
    directory.apply(
        [
            sighted(
                member(1, 11, nick="Ada"),
                roles=(role(GUILD, name="everyone"), role(11, name="Staff", permissions=8)),
                channels=(
                    channel(20, name="Talk"),
                    channel(21, overwrite(11, allow=1, deny=2), name="Lounge", parent_id=20),
                ),
            )
        ]
    )

    stored = Guild.objects.get()
    assert (stored.id, stored.name, stored.member_count) == (GUILD, "Gardeners", 3)
    assert (stored.first_seen_at, stored.gone_at, stored.unavailable_since) == (NOON, None, None)
    assert Role.objects.get(id=11).permissions == 8
    lounge = Channel.objects.get(id=21)
    assert (lounge.name, lounge.parent_id, lounge.bitrate) == ("Lounge", 20, 64_000)
    assert overwrites_of(21) == {(11, 1, 2)}
    ada = Member.objects.get()
    assert (ada.user_id, ada.username, ada.display_name) == (1, "user1", "Ada")


def test_sighting_leaves_what_the_staff_chose() -> None:
    directory.apply([sighted()])
    Guild.objects.update(
        time_zone="Europe/Berlin",
        micro_session_seconds=5,
        tracks_bots=True,
        counts_afk=True,
        voice_seen_at=minutes(1),
    )

    directory.apply([replace(sighted(blind_since=NOON, at=minutes(5)), guild=guild("Orchard"))])

    stored = Guild.objects.get()
    assert stored.name == "Orchard"
    assert (stored.time_zone, stored.micro_session_seconds) == ("Europe/Berlin", 5)
    assert (stored.tracks_bots, stored.counts_afk) == (True, True)
    assert (stored.voice_seen_at, stored.first_seen_at) == (minutes(1), NOON)


def test_sighting_marks_gone_what_it_does_not_name_and_takes_back_what_returns() -> None:
    whole = sighted(roles=(role(11), role(12)), channels=(channel(20), channel(21)))
    directory.apply([whole])

    directory.apply([sighted(roles=(role(11),), channels=(channel(20),), at=minutes(5))])

    assert Role.objects.get(id=12).gone_at == minutes(5)
    assert Channel.objects.get(id=21).gone_at == minutes(5)
    assert Role.objects.get(id=11).gone_at is None
    assert Channel.objects.get(id=20).gone_at is None

    directory.apply([replace(whole, at=minutes(9))])

    assert not Role.objects.exclude(gone_at=None).exists()
    assert not Channel.objects.exclude(gone_at=None).exists()


def test_sighting_leaves_other_guilds_alone() -> None:
    other = Guild.objects.create(id=200, name="Other")
    Role.objects.create(id=211, guild=other, name="role")
    Channel.objects.create(id=221, guild=other, kind=2, name="channel")
    Member.objects.create(guild=other, user_id=1, username="user1", display_name="user1")

    directory.apply(
        [
            MemberChanged(member(1, guild_id=200, nick="There"), NOON),
            RoleChanged(replace(role(211), guild_id=200), NOON),
            ChannelChanged(replace(channel(221), guild_id=200), NOON),
            sighted(roles=(), at=minutes(1)),
        ]
    )

    assert Role.objects.get(id=211).gone_at is None
    assert Channel.objects.get(id=221).gone_at is None
    assert Member.objects.get(guild=other).gone_at is None


def test_overwrites_follow_their_channel() -> None:
    directory.apply(
        [sighted(channels=(channel(21, overwrite(11, allow=1), overwrite(12, deny=1)),))]
    )
    kept = Overwrite.objects.get(target_id=11).pk

    directory.apply(
        [ChannelChanged(channel(21, overwrite(11, allow=4), overwrite(13, deny=2)), minutes(1))]
    )

    assert overwrites_of(21) == {(11, 4, 0), (13, 0, 2)}
    assert Overwrite.objects.get(target_id=11).pk == kept


def test_overwrites_of_other_channels_stay() -> None:
    lounge = channel(21, overwrite(11, allow=1))
    directory.apply([sighted(channels=(lounge, channel(22, overwrite(11, allow=1))))])

    directory.apply([ChannelChanged(channel(21), minutes(1))])

    assert overwrites_of(21) == set()
    assert overwrites_of(22) == {(11, 1, 0)}


def test_channel_and_role_events_change_one_row() -> None:
    directory.apply([sighted(channels=(channel(20), channel(21)))])

    directory.apply(
        [
            ChannelChanged(channel(20, name="Hall"), minutes(1)),
            ChannelGone(GUILD, 21, minutes(2)),
            ChannelChanged(channel(22, name="New"), minutes(3)),
            RoleChanged(role(11, name="Lead"), minutes(1)),
            RoleGone(GUILD, 12, minutes(2)),
            RoleChanged(role(14, name="Guest"), minutes(3)),
        ]
    )

    assert dict(Channel.objects.values_list("name", "gone_at")) == {
        "Hall": None,
        "channel": minutes(2),
        "New": None,
    }
    roles = {
        id_: (name, gone) for id_, name, gone in Role.objects.values_list("id", "name", "gone_at")
    }
    assert roles[11] == ("Lead", None)
    assert roles[12] == ("role", minutes(2))
    assert roles[14] == ("Guest", None)


def test_going_of_what_is_unknown_is_no_failure() -> None:
    directory.apply(
        [
            ChannelGone(GUILD, 21, NOON),
            RoleGone(GUILD, 11, NOON),
            MemberGone(GUILD, 1, NOON),
            GuildUnavailable(GUILD, NOON),
            GuildGone(GUILD, NOON),
        ]
    )

    assert not Guild.objects.exists()
    assert not Member.objects.exists()


def test_outage_and_return() -> None:
    directory.apply([sighted(member(1), channels=(channel(21),))])

    directory.apply([GuildUnavailable(GUILD, minutes(1)), GuildUnavailable(GUILD, minutes(2))])

    stored = Guild.objects.get()
    assert (stored.unavailable_since, stored.gone_at) == (minutes(1), None)
    assert Member.objects.get().gone_at is None
    assert Channel.objects.get().gone_at is None

    directory.apply([sighted(member(1), blind_since=minutes(1), at=minutes(9))])

    assert Guild.objects.get().unavailable_since is None


def test_guild_that_removes_the_bot_is_marked_and_comes_back_by_a_sighting_alone() -> None:
    directory.apply([sighted(member(1))])

    directory.apply(
        [
            GuildGone(GUILD, minutes(1)),
            MemberChanged(member(1, 11, nick="Late"), minutes(2)),
            GuildUpdated(guild("Late"), minutes(2)),
        ]
    )

    stored = Guild.objects.get()
    assert (stored.gone_at, stored.name) == (minutes(1), "Gardeners")
    assert Member.objects.get().nick == ""
    assert not RoleSpan.objects.exists()

    directory.apply([sighted(member(1, 11), blind_since=minutes(1), at=minutes(9))])

    assert Guild.objects.get().gone_at is None
    assert RoleSpan.objects.held().count() == 1


def test_guild_update_without_a_count_keeps_the_count() -> None:
    directory.apply([sighted(member_count=7)])

    directory.apply([GuildUpdated(guild("Orchard", member_count=None), minutes(1))])

    stored = Guild.objects.get()
    assert (stored.name, stored.member_count) == ("Orchard", 7)


def test_odd_records_stop_no_batch() -> None:
    long = "\0" + "\U0001f331" * 200

    directory.apply(
        [
            replace(
                sighted(
                    member(1, nick=long),
                    roles=(role(11, name=long, permissions=2**64 | 8),),
                    channels=(
                        channel(21, overwrite(11, allow=2**63), overwrite(11), parent_id=999),
                        replace(channel(22, name=long), user_limit=-1, kind=10**6),
                    ),
                ),
                guild=guild(long),
            ),
            MemberChanged(member(2, username="a\0da\ud800"), minutes(1)),
        ]
    )

    assert Guild.objects.get().name == "\U0001f331" * 100
    assert Role.objects.get().permissions == 8
    assert Channel.objects.get(id=21).parent_id == 999
    assert Channel.objects.get(id=22).user_limit == 0
    assert overwrites_of(21) == {(11, 0, 0)}
    assert Member.objects.get(user_id=1).nick == "\U0001f331" * 32
    assert Member.objects.get(user_id=2).username == "ada"


def test_events_of_one_batch_are_taken_in_their_order() -> None:
    directory.apply(
        [
            sighted(member(1)),
            MemberChanged(member(1, nick="First"), minutes(1)),
            MemberGone(GUILD, 1, minutes(2)),
            MemberChanged(member(1, nick="Second"), minutes(3)),
            ChannelChanged(channel(21, overwrite(11)), minutes(3)),
            ChannelGone(GUILD, 21, minutes(4)),
        ]
    )

    stored = Member.objects.get()
    assert (stored.nick, stored.gone_at) == ("Second", None)
    assert Channel.objects.get().gone_at == minutes(4)


def test_failure_within_a_batch_writes_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        assert Guild.objects.exists()
        raise OperationalError("the database is away")

    monkeypatch.setattr(role_spans, "write", refuse)

    with pytest.raises(OperationalError):
        directory.apply([sighted(member(1, 11))])

    assert not Guild.objects.exists()
    assert not Member.objects.exists()
