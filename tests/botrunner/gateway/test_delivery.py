"""Roles given and taken on Discord over real sockets, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.rest.errors import AwayError
from community.models import OutboxItem, OutboxState
from events_app.models import Event, Participation, Reward
from events_app.services import rewards
from tests.botrunner.gateway.asked_of_discord import (
    GIVE,
    TAKE,
    planned,
    publish,
    watch,
)
from tests.botrunner.gateway.bot_processes import PATIENCE_SECONDS, runbot
from tests.botrunner.gateway.conftest import now, running, serving, stored, until, until_stored
from tests.botrunner.gateway.watched_routes import (
    answered,
    away,
    lose_the_answer,
    staff,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Role
    from botrunner.sandbox.rest.call import Call
    from tests.botrunner.gateway.conftest import Community
    from tests.botrunner.gateway.watched_routes import Watched

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return watch(monkeypatch)


@pytest.fixture
async def community(watched: Watched) -> AsyncIterator[Community]:  # noqa: ARG001 - its routes
    async with serving() as made:
        yield made


async def qualified(community: Community, *people: int, **columns: Any) -> tuple[Event, Role]:
    """Has people qualify for a role of an event."""
    role = community.world.create_role(community.guild.id, name="Attended")
    event = await planned(community, reward_role=role.id, state="ended", **columns)

    def participate() -> None:
        for number, who in enumerate(people):
            Participation.objects.create(
                event=event,
                guild_id=event.guild_id,
                user_id=community.people[who],
                is_qualified=True,
                counted_from=event.starts_at + timedelta(seconds=number),
            )

    await stored(participate)
    return event, role


async def give(event: Event) -> None:
    await stored(lambda: rewards.give_rewards(event.pk, actor=staff(), now=now()))


async def states() -> list[str]:
    return await stored(lambda: list(Reward.objects.order_by("id").values_list("state", flat=True)))


async def until_states(*wanted: str, seconds: float = 15.0) -> None:
    async def are_so() -> bool:
        return await states() == list(wanted)

    await until_stored(are_so, seconds=seconds)


def held(community: Community, who: int, role: Role) -> bool:
    return role.id in community.guild.members[community.people[who]].roles


async def test_those_who_qualify_get_the_role_and_lose_it_again(
    community: Community, watched: Watched
) -> None:
    async with running(community):
        event, role = await qualified(community, 0, 1)
        await give(event)
        await until_states("given", "given")

        assert held(community, 0, role)
        assert held(community, 1, role)
        assert not held(community, 2, role)
        assert community.guild.audit_log[-1]["reason"] == "Took part in Raid (Rollcall)"

        await stored(lambda: rewards.revoke_rewards(event.pk, actor=staff(), now=now()))
        await until_states("revoked", "revoked")
        assert not held(community, 0, role)
        assert (watched.count(GIVE), watched.count(TAKE)) == (2, 2)


async def test_what_was_asked_while_no_bot_ran_is_done_when_one_starts(
    community: Community,
) -> None:
    event, role = await qualified(community, 0)
    await give(event)

    async with running(community):
        await until_states("given")

    assert held(community, 0, role)


async def test_a_role_that_discord_refuses_is_said_to_be_so(community: Community) -> None:
    async with running(community):
        event, role = await qualified(community, 0)
        community.world.update_role(community.guild.id, role.id, position=99)
        await give(event)
        await until_states("refused")

        reward = await stored(Reward.objects.get)
        assert (reward.error, reward.attempts) == ("Missing Permissions (50013)", 1)
        assert reward.next_try_at is not None

        community.world.update_role(community.guild.id, role.id, position=1)
        due = reward.next_try_at
        await stored(lambda: rewards.retry_due(now=due))
        await until_states("given")
        assert held(community, 0, role)


async def test_a_member_who_left_is_refused_with_discords_code(community: Community) -> None:
    async with running(community):
        event, _ = await qualified(community, 0)
        community.world.remove_member(community.guild.id, community.people[0])
        await give(event)
        await until_states("refused")

        item = await stored(OutboxItem.objects.get)
        assert item.answer == {"code": "10007", "message": "Unknown Member (10007)"}


async def test_a_role_of_one_who_left_is_taken_back(community: Community) -> None:
    async with running(community):
        event, _ = await qualified(community, 0)
        await give(event)
        await until_states("given")
        community.world.remove_member(community.guild.id, community.people[0])
        await stored(lambda: rewards.revoke_rewards(event.pk, actor=staff(), now=now()))

        await until_states("revoked")


async def test_a_role_whose_answer_is_lost_is_given_once(
    community: Community, watched: Watched
) -> None:
    told: list[str] = []
    community.world.on_dispatch.append(lambda _, name, __: told.append(name))
    async with running(community):
        event, role = await qualified(community, 0)
        watched.after[GIVE] = [lose_the_answer]
        await give(event)
        await until_states("given")

        assert held(community, 0, role)
        assert watched.count(GIVE) == 2
        assert told.count("GUILD_MEMBER_UPDATE") == 1
        assert (await stored(Reward.objects.get)).attempts == 1


async def test_a_bot_that_is_killed_before_the_answer_gives_no_second_role(
    community: Community, watched: Watched
) -> None:
    is_given, is_killed = asyncio.Event(), asyncio.Event()

    async def keep_waiting(_: Call) -> None:
        is_given.set()
        await is_killed.wait()

    watched.after[GIVE] = [keep_waiting]
    event, role = await qualified(community, 0)
    async with runbot(community) as first:
        await give(event)
        await asyncio.wait_for(is_given.wait(), PATIENCE_SECONDS)
        await first.kill()
        is_killed.set()
    assert await states() == ["wanted"]
    told: list[str] = []
    community.world.on_dispatch.append(lambda _, name, __: told.append(name))
    async with runbot(community):
        await until_states("given", seconds=PATIENCE_SECONDS)

    assert held(community, 0, role)
    assert "GUILD_MEMBER_UPDATE" not in told


async def test_a_rate_limit_is_waited_for(community: Community, watched: Watched) -> None:
    async with running(community):
        event, _ = await qualified(community, 0)
        community.sandbox.faults.rates = {"limited": 1.0}
        await give(event)
        await asyncio.sleep(0.6)
        assert await states() == ["wanted"]
        assert watched.calls == []
        community.sandbox.faults.rates = {}

        await until_states("given")


async def test_what_is_tried_again_holds_up_nothing_else(
    community: Community, watched: Watched
) -> None:
    async def away_for_the_first(call: Call) -> None:
        watched.before[GIVE].append(away_for_the_first)
        if call.request.match_info["user"] == str(community.people[0]):
            raise AwayError

    watched.before[GIVE] = [away_for_the_first]
    async with running(community):
        event, role = await qualified(community, 0, 1, 2, 3)
        await give(event)
        await until_states("wanted", "given", "given", "given")
        item = await answered(await publish(await planned(community)))

        assert item.state == OutboxState.DONE
        assert not held(community, 0, role)
        watched.before[GIVE] = []
        await until_states("given", "given", "given", "given")


async def test_giving_and_taking_back_at_once_leaves_no_role(
    community: Community, watched: Watched
) -> None:
    watched.before[GIVE] = [away]
    async with running(community):
        event, role = await qualified(community, 0)
        await give(event)
        await stored(lambda: rewards.revoke_rewards(event.pk, actor=staff(), now=now()))
        await until_states("revoked")

        assert not held(community, 0, role)
        assert [route for route, _ in watched.calls] == [GIVE, GIVE, TAKE]


async def test_what_was_taken_back_from_the_bot_is_not_done(
    community: Community, watched: Watched
) -> None:
    event, role = await qualified(community, 0)
    await give(event)
    watched.before[GIVE] = [away] * 99
    async with running(community):
        await until(lambda: watched.count(GIVE) >= 2)
        await stored(lambda: OutboxItem.objects.all().delete())
        asked = watched.count(GIVE)
        await asyncio.sleep(1.0)

        assert watched.count(GIVE) <= asked + 1
        assert not held(community, 0, role)
