"""How many statements the directory takes: few, and as many for many rows as for few."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community.domain.directory import GuildGone, MemberChanged, MemberGone
from community.models import Member, RoleSpan
from community.services import directory
from tests.community.directory_records import (
    GUILD,
    NOON,
    channel,
    member,
    minutes,
    overwrite,
    role,
    sighted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django import DjangoAssertNumQueries

    from community.domain.directory import DirectoryEvent, GuildSighted

pytestmark = pytest.mark.django_db

READS = 6  # guilds, roles, overwrites, channels, members, spans
# Savepoints, since a test is a transaction itself, and the writes: guilds, roles,
# channels, overwrites (found, deleted, written), members, ended spans, held spans.
MOST = READS + 2 + 9


def large_guild(members: int) -> GuildSighted:
    return sighted(
        *(member(1000 + number, 11 + number % 50, 61 + number % 7) for number in range(members)),
        roles=tuple(role(11 + number) for number in range(100)),
        channels=tuple(
            channel(5000 + number, overwrite(11), overwrite(12)) for number in range(100)
        ),
        member_count=members,
    )


def statements(events: Sequence[DirectoryEvent]) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        directory.apply(events)
    return [query["sql"] for query in queries]


def writes(sql: list[str]) -> list[str]:
    return [line for line in sql if line.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_large_guild_takes_a_bounded_number_of_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(MOST):
        directory.apply([large_guild(3000)])

    assert Member.objects.count() == 3000
    assert RoleSpan.objects.held().count() == 6000


def test_unchanged_guild_is_read_and_not_written() -> None:
    sight = large_guild(3000)
    directory.apply([sight])

    again = statements([replace(sight, blind_since=NOON, at=minutes(60))])

    assert writes(again) == []
    assert len(again) == READS + 2


def test_large_guild_that_changed_throughout_takes_as_many_statements() -> None:
    sight = large_guild(3000)
    directory.apply([sight])
    renamed = tuple(
        replace(record, nick="x", role_ids=frozenset({99})) for record in sight.members[:-1]
    )
    rearranged = tuple(
        replace(record, name="y", overwrites=(overwrite(13),)) for record in sight.channels
    )

    changed = statements(
        [replace(sight, members=renamed, channels=rearranged, blind_since=NOON, at=minutes(60))]
    )

    assert len(changed) <= MOST
    assert Member.objects.filter(nick="x", gone_at=None).count() == 2999
    assert RoleSpan.objects.held().count() == 2999


def test_large_guild_goes_in_as_few_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    directory.apply([large_guild(3000)])

    with django_assert_max_num_queries(MOST):
        directory.apply([GuildGone(GUILD, minutes(1))])

    assert not RoleSpan.objects.held().exists()


def test_flood_of_member_events_takes_as_many_statements_as_one() -> None:
    directory.apply([large_guild(500)])
    one = statements([MemberChanged(member(1000, 11), minutes(1))])

    flood = statements(
        [
            event
            for number in range(1001, 1251)
            for event in (
                MemberChanged(member(number, 12, nick="x"), minutes(2)),
                MemberGone(GUILD, number, minutes(3)),
            )
        ]
    )

    assert len(flood) <= len(one) + 3  # members, the guild's count, and spans that began
    assert Member.objects.filter(gone_at=minutes(3)).count() == 250


def test_flood_over_many_guilds_takes_as_few_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    events = [
        MemberChanged(member(number, 11, guild_id=10_000 + number), NOON) for number in range(500)
    ]

    with django_assert_max_num_queries(MOST):
        directory.apply(events)

    assert Member.objects.count() == 500
