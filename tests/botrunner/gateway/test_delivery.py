"""What is asked of the bot, done on Discord over real sockets, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from botrunner.gateway import delivery
from botrunner.sandbox.rest.errors import ApiError, AwayError
from botrunner.sandbox.rest.routes import ROUTES
from botrunner.sandbox.scheduled_event import EventStatus
from community.models import Guild, OutboxItem, OutboxState
from events_app.models import Event, Participation, Reward
from events_app.services import publishing, rewards
from tests.botrunner.gateway.bot_processes import PATIENCE_SECONDS, runbot
from tests.botrunner.gateway.conftest import (
    now,
    running,
    serving,
    settled,
    stored,
    until,
    until_stored,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botrunner.sandbox.entities import Role
    from botrunner.sandbox.rest.call import Answer, Call, Handler
    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

MAKE = "POST /guilds/{guild}/scheduled-events"
CHANGE = "PATCH /guilds/{guild}/scheduled-events/{event}"
GIVE = "PUT /guilds/{guild}/members/{user}/roles/{role}"
TAKE = "DELETE /guilds/{guild}/members/{user}/roles/{role}"


@dataclass
class Watched:
    """What the bot asks REST to do, and how it is answered.

    Attributes:
        calls: the requests of each watched route, by the user that they speak of, or 0.
        before: done in place of the next requests; what raises is the answer.
        after: done when the next requests have had their effect.
    """

    calls: list[tuple[str, int]] = field(default_factory=list)
    before: dict[str, list[Callable[[Call], Awaitable[None]]]] = field(default_factory=dict)
    after: dict[str, list[Callable[[Call], Awaitable[None]]]] = field(default_factory=dict)

    def handler(self, route: str, done: Handler) -> Handler:
        async def handle(call: Call) -> Answer:
            self.calls.append((route, int(call.request.match_info.get("user", 0))))
            if self.before.get(route):
                await self.before[route].pop(0)(call)
            answer = await done(call)
            if self.after.get(route):
                await self.after[route].pop(0)(call)
            return answer

        return handle

    def count(self, route: str) -> int:
        return sum(called == route for called, _ in self.calls)


def refusing(code: int) -> Callable[[Call], Awaitable[None]]:
    async def refuse(_: Call) -> None:
        raise ApiError(code)

    return refuse


async def away(_: Call) -> None:
    """Answers 503, as Discord does while something there is away."""
    raise AwayError


async def lose_the_answer(call: Call) -> None:
    """Has this request answered with 502, and no later one."""
    faults = call.sandbox.faults
    faults.rates = {"aftermath": 1.0}
    asyncio.get_running_loop().call_later(0.2, faults.rates.clear)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    for route in (MAKE, CHANGE, GIVE, TAKE):
        monkeypatch.setitem(ROUTES, route, watched.handler(route, ROUTES[route]))
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.05)
    return watched


@pytest.fixture
async def community(watched: Watched) -> AsyncIterator[Community]:  # noqa: ARG001 - its routes
    async with serving() as made:
        yield made


# Announcements -------------------------------------------------------------------------------


async def planned(community: Community, **columns: Any) -> Event:
    """Plans an event in an hour."""
    start = now() + timedelta(hours=1)
    values: dict[str, Any] = {
        "guild_id": community.guild.id,
        "title": "Raid",
        "description": "Bring a torch",
        "time_zone": "UTC",
        "starts_at": start,
        "ends_at": start + timedelta(hours=2),
        "channel_ids": [community.voice[0]],
        "created_at": now(),
    }
    return await stored(lambda: Event.objects.create(**(values | columns)))


def staff() -> User:
    return User.objects.get_or_create(username="robin", is_superuser=True)[0]


async def publish(event: Event) -> OutboxItem:
    return await stored(lambda: publishing.publish(event, actor=staff(), now=now()))


async def withdraw(event: Event) -> OutboxItem:
    return await stored(lambda: publishing.withdraw_from_discord(event, actor=staff(), now=now()))


async def answered(item: OutboxItem, *, seconds: float = 15.0) -> OutboxItem:
    """Waits for the bot's answer."""

    async def is_answered() -> bool:
        await stored(item.refresh_from_db)
        return item.state != OutboxState.PENDING

    await until_stored(is_answered, seconds=seconds)
    return item


async def shown(event: Event) -> int | None:
    await stored(event.refresh_from_db)
    return event.discord_event_id


def announced(community: Community) -> list[ScheduledEvent]:
    return list(community.guild.scheduled_events.values())


async def test_an_event_is_announced_changed_and_taken_away(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)  # the channel is mirrored
        event = await planned(community)
        item = await answered(await publish(event))

        [made] = announced(community)
        assert item.answer == {"discord_event_id": str(made.id)}
        assert await shown(event) == made.id
        assert (made.name, made.description) == ("Raid", "Bring a torch")
        assert made.channel_id == community.voice[0]
        assert (made.scheduled_start_time, made.scheduled_end_time) == (
            event.starts_at,
            event.ends_at,
        )
        assert community.guild.audit_log[-1]["reason"] == "Planned in Rollcall"

        await stored(lambda: Event.objects.update(title="Raids", channel_ids=[]))
        await answered(await publish(event))
        assert (made.name, made.location) == ("Raids", "Voice channels")
        await answered(await publish(event))
        assert watched.count(CHANGE) == 1

        await answered(await withdraw(event))
        await settled(bot)
        assert announced(community) == []
        assert await shown(event) is None
        assert await stored(Event.objects.count) == 1


@pytest.mark.parametrize("hears_of_it", [True, False])
async def test_an_announcement_whose_answer_is_lost_is_made_once(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch, *, hears_of_it: bool
) -> None:
    if not hears_of_it:
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        watched.after[MAKE] = [lose_the_answer]
        item = await answered(await publish(event))

        [made] = announced(community)
        assert item.state == OutboxState.DONE
        assert watched.count(MAKE) == 1
        assert await shown(event) == made.id


async def test_an_announcement_that_a_killed_bot_made_is_not_made_again(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing links it meanwhile: the bot that comes after has to find it."""
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        with monkeypatch.context() as killed:
            killed.setattr(publishing, "link", lambda *_, **__: None)
            killed.setattr(publishing, "settle", lambda *_, **__: 1 / 0)
            item = await publish(event)
            await until(lambda: announced(community))
            await settled(bot)
            assert await shown(event) is None
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)
    async with running(community):
        await answered(item)

    [made] = announced(community)
    assert await shown(event) == made.id
    assert watched.count(MAKE) == 1


async def test_a_bot_that_is_killed_before_the_answer_makes_no_twin(
    community: Community, watched: Watched
) -> None:
    is_made, is_killed = asyncio.Event(), asyncio.Event()

    async def keep_waiting(_: Call) -> None:
        is_made.set()
        await is_killed.wait()

    watched.after[MAKE] = [keep_waiting]
    event = await planned(community)
    async with runbot(community) as first:
        await first.says("READY with 1 guilds")
        await stored_channel(community)
        item = await publish(event)
        await asyncio.wait_for(is_made.wait(), PATIENCE_SECONDS)
        await first.kill()
        is_killed.set()
    assert (await stored(OutboxItem.objects.get)).state == OutboxState.PENDING
    async with runbot(community):
        await answered(item, seconds=PATIENCE_SECONDS)

    [made] = announced(community)
    assert item.state == OutboxState.DONE
    assert await shown(event) == made.id
    assert await stored(Event.objects.count) == 1


async def stored_channel(community: Community) -> None:
    """Waits until the guild is mirrored."""

    async def is_there() -> bool:
        return await stored(Guild.objects.filter(pk=community.guild.id).exists)

    await until_stored(is_there, seconds=PATIENCE_SECONDS)


async def test_an_announcement_that_was_deleted_on_discord_is_made_anew(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community, discord_event_id=17)
        monkeypatch.setattr(publishing, "link", lambda *_, **__: None)

        await answered(await publish(event))

        [made] = announced(community)
        assert await shown(event) == made.id


async def test_two_events_alike_are_announced_each_for_itself(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        start = now() + timedelta(hours=3)
        end = start + timedelta(hours=1)
        events = [await planned(community, starts_at=start, ends_at=end) for _ in range(2)]
        for event in events:
            await answered(await publish(event))

        assert {await shown(event) for event in events} == {
            made.id for made in announced(community)
        }
        assert len(announced(community)) == 2


async def test_a_refused_announcement_says_why(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        community.world.update_member(community.guild.id, community.world.bot.id, roles=[])

        item = await answered(await publish(await planned(community)))

        assert item.state == OutboxState.REFUSED
        assert item.answer == {"code": "50013", "message": "Missing Permissions (50013)"}


async def test_an_event_that_has_begun_is_edited_without_its_start(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)
        event = await planned(community)
        await answered(await publish(event))
        [made] = announced(community)
        community.world.update_scheduled_event(
            community.guild.id, made.id, status=EventStatus.ACTIVE
        )
        await stored(lambda: Event.objects.update(title="On", starts_at=now()))

        item = await answered(await publish(event))

        assert (item.state, made.name) == (OutboxState.DONE, "On")


async def test_what_is_taken_away_while_it_is_announced_is_gone_in_the_end(
    community: Community, watched: Watched
) -> None:
    async with running(community) as bot:
        await settled(bot)
        watched.before[MAKE] = [away, away]
        event = await planned(community)
        first = await publish(event)
        second = await withdraw(event)
        await answered(second)
        await answered(first)
        await settled(bot)

        assert (first.state, second.state) == (OutboxState.DONE, OutboxState.DONE)
        assert announced(community) == []
        assert await shown(event) is None


# Roles ---------------------------------------------------------------------------------------


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
