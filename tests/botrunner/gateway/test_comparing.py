"""An event that never comes: Discord is asked where members are, and what differs is mended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway import comparing
from sessions_app.models import BlindGap
from tests.botrunner.gateway.conftest import (
    bounded,
    rows,
    running,
    serving,
    settled,
    stored,
    until,
)
from tests.botrunner.gateway.rounds import absent, compare, listen, said, swallow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.sandbox.entities import Stay
    from botrunner.sandbox.rest.call import Answer, Call
    from tests.botrunner.gateway.conftest import Community
    from tests.botrunner.gateway.rounds import Questions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Questions:
    return listen(monkeypatch, caplog)


@pytest.fixture
async def community(questions: Questions) -> AsyncIterator[Community]:  # noqa: ARG001 - its route
    async with serving(keeps_short_stays=True) as made:
        yield made


async def test_a_round_mends_all_that_differs_and_says_so(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    ghost, moved, rejoined, missing, still = (community.people[who] for who in range(5))
    async with running(community) as bot:
        for who in range(5):
            community.join(who, 0)
        await asyncio.sleep(0.3)
        community.leave(3)
        await settled(bot)
        await asyncio.sleep(0.2)
        swallow(community, 5)
        community.leave(0)
        community.move(1, 1)
        community.leave(2)
        community.join(2, 0)
        community.join(3, 2)
        await asyncio.sleep(0.3)
        caplog.clear()

        await compare(bot)

        [gone] = await rows(user_id=ghost)
        assert (gone.end_reason, gone.end_uncertainty > 0.3) == ("recovered", True)
        for who in (1, 2):
            before, after = await rows(user_id=community.people[who])
            assert (before.end_reason, after.start_kind) == ("recovered", "inferred")
            bounded(before, of(community, who)[0])
            assert (before.visit_id == after.visit_id) == (who == 1)
            assert after.channel_id == of(community, who)[1].channel_id
        _, back = await rows(user_id=missing)
        assert (back.start_kind, back.channel_id) == ("inferred", community.voice[2])
        assert back.start_uncertainty > 0.3
        bounded(gone, of(community, 0)[0])
        [unchanged] = await rows(user_id=still)
        assert (unchanged.status, unchanged.start_uncertainty) == ("active", 0)

        found = await stored(lambda: {gap.user_id: gap for gap in BlindGap.objects.all()})
        assert set(found) == {ghost, moved, rejoined, missing}
        for gap in found.values():
            assert (gap.cause, gap.is_replayed, gap.shard_id) == ("event_missed", False, 0)
        assert {user_id: gap.sessions_mended for user_id, gap in found.items()} == {
            ghost: 1,
            moved: 2,
            rejoined: 2,
            missing: 1,
        }
        assert gone.ended_at == found[ghost].began_at

        assert said(caplog, "INFO") == ["Shard 0: comparing 1 guilds with Discord"]
        *each, total = said(caplog, "WARNING")
        assert total == (
            "Shard 0: comparison of 5 of 5 members: "
            "mended 1 ghost, 1 missing, 1 moved_unseen, 1 rejoined"
        )
        guild_id = community.guild.id
        assert len(each) == 4
        [of_ghost] = [line for line in each if "(ghost, " in line]
        assert of_ghost.startswith(
            f"Guild {guild_id}: member {ghost} was no longer in channel {community.voice[0]} "
            f"(ghost, session {gone.pk}): "
        )
        assert of_ghost.endswith(" s saved")
        [of_missing] = [line for line in each if "without a session" in line]
        assert f"member {missing} was in channel {community.voice[2]}" in of_missing

        caplog.clear()
        await compare(bot)
        assert said(caplog, "WARNING") == []
        assert said(caplog, "INFO")[-1] == "Shard 0: comparison of 5 of 5 members: all is well"


async def test_rounds_are_made_now_and_then(community: Community) -> None:
    async with running(community, compare_seconds=0.5) as bot:
        community.join(0, 0)
        await asyncio.sleep(0.3)
        await settled(bot)
        swallow(community)
        community.leave(0)
        for _ in range(100):
            if await rows(end_reason="recovered"):
                break
            await asyncio.sleep(0.1)

        [row] = await rows()
        bounded(row, community.ended()[0])


async def test_nobody_is_asked_about_while_nobody_is_in_voice(
    community: Community, questions: Questions, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community, compare_seconds=0.2) as bot:
        await asyncio.sleep(0.6)
        assert questions.asked == []
        community.join(0, 0)
        await until(lambda: questions.asked)
        community.leave(0)
        await settled(bot)
        await asyncio.sleep(0.4)
        count = len(questions.asked)
        await asyncio.sleep(0.6)

    assert len(questions.asked) == count
    assert said(caplog, "WARNING") == []


async def test_an_event_between_the_two_looks_wins(
    community: Community, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "SECOND_LOOK_SECONDS", 1.0)
    async with running(community) as bot:
        for who in range(2):
            community.join(who, 0)
            # What Discord says of both is wrong, as it is while an event is on its way.
            questions.answers[community.people[who]] = absent
        await asyncio.sleep(0.3)
        await settled(bot)

        comparing_now = asyncio.create_task(compare(bot))
        await until(lambda: len(questions.asked) == 2)
        await asyncio.sleep(0.3)
        community.move(0, 1)
        await comparing_now

        assert len(questions.asked) == 4
        reasons = [row.end_reason for row in await rows(user_id=community.people[0])]
        assert reasons == ["moved", ""]
        # Of whom nothing came meanwhile, it is believed.
        assert [row.end_reason for row in await rows(user_id=community.people[1])] == ["recovered"]


async def test_two_looks_that_differ_mend_nothing(
    community: Community, questions: Questions
) -> None:
    async def absent_at_first(call: Call) -> Answer:
        questions.answers.clear()
        return await absent(call)

    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        questions.answers[community.people[0]] = absent_at_first

        await compare(bot)

        assert len(questions.asked) == 2
        assert [row.status for row in await rows()] == ["active"]


async def test_a_guild_in_an_outage_is_not_asked_about(questions: Questions) -> None:
    async with serving(guilds=2) as community, running(community) as bot:
        here, there = community.world.guilds.values()
        for guild in (here, there):
            user_id = next(i for i, member in guild.members.items() if not member.user.bot)
            channel = next(c.id for c in guild.channels.values() if c.type == 2)
            community.world.join(guild.id, user_id, channel)
        await settled(bot)
        community.world.begin_outage(there.id)
        await settled(bot)

        await compare(bot)

        assert {guild_id for guild_id, _ in questions.asked} == {here.id}
        assert {row.status for row in await rows()} == {"active"}


def of(community: Community, who: int) -> list[Stay]:
    """A member's stays as they were in the end."""
    latest = {stay.began: stay for stay in community.stays if stay.user_id == community.people[who]}
    return [latest[began] for began in sorted(latest)]
