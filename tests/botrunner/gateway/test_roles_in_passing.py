"""Roles over real sockets, with the members intent and without it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from community.models import Member, RoleSpan
from community.services.bot_facts import bot_of
from tests.botrunner.gateway.conftest import now, running, settled, stored, until_stored

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Role
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


def give(community: Community, who: int, role: Role) -> None:
    user_id = community.people[who]
    held = community.guild.members[user_id].roles
    community.world.update_member(community.guild.id, user_id, roles=[*held, role.id])


async def span_of(role: Role) -> RoleSpan:
    return await stored(lambda: RoleSpan.objects.get(role=role.id))


async def test_without_the_intent_a_role_found_in_passing_reaches_back_to_the_last_payload(
    community: Community,
) -> None:
    role = community.world.create_role(community.guild.id, name="Attended")
    async with running(community, members_intent=False) as bot:
        began = now()
        community.join(0, 0)
        await settled(bot)
        seen = now()
        await asyncio.sleep(0.4)
        give(community, 0, role)
        given_at = now()
        await asyncio.sleep(0.4)
        community.move(0, 1)
        await settled(bot)

        span = await span_of(role)
        earliest = span.started_at - timedelta(seconds=span.start_uncertainty)
        assert span.is_start_known
        assert earliest <= given_at <= span.started_at
        assert earliest <= seen
        row = await stored(lambda: Member.objects.get(user_id=community.people[0]))
        assert row.roles_known_since is not None
        assert began <= row.roles_known_since <= seen


async def test_with_the_intent_a_role_that_is_told_of_is_certain(community: Community) -> None:
    role = community.world.create_role(community.guild.id, name="Attended")
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        await asyncio.sleep(0.2)
        give(community, 0, role)
        await settled(bot)

        assert (await span_of(role)).start_uncertainty == 0


async def test_a_role_given_while_the_bot_was_away_reaches_back_to_what_is_stored(
    community: Community,
) -> None:
    role = community.world.create_role(community.guild.id, name="Attended")
    async with running(community, members_intent=False) as bot:
        community.join(0, 0)
        await settled(bot)
        seen = now()
        await asyncio.sleep(0.3)
        give(community, 0, role)
        given_at = now()
    async with running(community, members_intent=False) as bot:
        await settled(bot)

        span = await span_of(role)
        earliest = span.started_at - timedelta(seconds=span.start_uncertainty)
        assert earliest <= seen <= given_at <= span.started_at


@pytest.mark.parametrize("has_intent", [True, False])
async def test_the_bot_says_with_which_intent_it_runs_and_who_it_is(
    community: Community, has_intent: bool
) -> None:
    bot_id = community.world.bot.id

    async def has_said_it() -> bool:
        facts = await stored(lambda: bot_of(community.guild.id, now=now()))
        return (facts.has_members_intent, facts.user_id) == (has_intent, bot_id)

    async with running(community, members_intent=has_intent) as bot:
        await settled(bot)
        await until_stored(has_said_it)
