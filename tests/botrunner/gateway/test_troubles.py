"""The bot meets what may go wrong on the way, and its sessions come out right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.botrunner.gateway.conftest import (
    bounded,
    long_enough,
    reconnecting,
    rows,
    running,
    serving,
    settled,
)

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("fault", ["cut_stream", "noise", "gibberish"])
async def test_a_stream_that_breaks_costs_a_connection_and_no_session(
    community: Community, fault: str
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        [shard] = bot.shards
        watch = shard._watch
        async with reconnecting(bot):
            community.sandbox.troubles.make(fault)
            community.leave(0)
            community.join(2, 1)

        assert shard._watch is watch
        [left] = await rows(user_id=community.people[0])
        bounded(left, community.ended()[0])
        [stayed] = await rows(user_id=community.people[1])
        assert (stayed.status, stayed.start_kind) == ("active", "observed")
        [joined] = await rows(user_id=community.people[2])
        assert (joined.status, joined.channel_id) == ("active", community.voice[1])


async def test_states_of_wrong_types_change_no_session(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        async with reconnecting(bot):
            community.sandbox.troubles.make("malformed")
        community.move(0, 1)
        # The guild's own statement is kept from discord.py now: it costs nothing any more.
        community.sandbox.troubles.make("malformed")
        await settled(bot)

        first, second = await rows()
        assert (first.end_reason, first.start_kind, first.end_uncertainty) == (
            "moved",
            "observed",
            0,
        )
        assert second.status == "active"
    assert caplog.text.count("VOICE_STATE_UPDATE could not be read") == 4
    assert caplog.text.count("the client ended") == 1


async def test_a_gateway_that_was_closed_for_a_moment_replays_what_was_missed() -> None:
    async with serving() as community, running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        async with reconnecting(bot):
            community.sandbox.troubles.make("closed", length=0.5)
            community.leave(0)

        assert community.sandbox.gateway.identified == 1
        [left] = await rows()
        assert (left.end_reason, left.status) == ("left", "completed")
        assert left.end_uncertainty >= 0.5
        bounded(left, community.ended()[0])


async def test_a_gateway_that_was_closed_for_longer_than_sessions_wait_replays_nothing() -> None:
    async with serving(resume_within=0.2) as community, running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        async with reconnecting(bot):
            community.sandbox.troubles.make("closed", length=0.5)
            community.leave(0)

        assert community.sandbox.gateway.identified == 2
        [left] = await rows(user_id=community.people[0])
        assert left.end_reason == "recovered"
        bounded(left, community.ended()[0])
        [stayed] = await rows(user_id=community.people[1])
        assert (stayed.status, stayed.start_kind) == ("active", "observed")


async def test_a_network_that_stalls_costs_no_connection(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        community.sandbox.troubles.make("stall", length=0.7)
        community.move(0, 1)
        await long_enough(bot)
        community.leave(0)
        await settled(bot)

        assert community.sandbox.gateway.identified == 1
        first, second = await rows()
        assert first.ended_at == second.started_at
        assert [first.end_reason, second.end_reason] == ["moved", "left"]


async def test_voice_states_that_never_come_do_no_harm_to_those_that_do(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        community.sandbox.troubles.make("swallow", length=2)
        community.leave(0)
        community.join(2, 0)
        community.leave(1)
        community.leave(2)  # of whom nothing was told before
        await settled(bot)

        [ghost] = await rows(user_id=community.people[0])
        assert ghost.status == "active"
        [left] = await rows(user_id=community.people[1])
        bounded(left, community.ended()[1])
        assert await rows(user_id=community.people[2]) == []
