"""The bot beside the sandbox, over real sockets, to rows in the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.botrunner.gateway.conftest import rows, running, settled

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_join_a_move_and_a_leave_become_two_sessions_of_one_visit(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await asyncio.sleep(1.1)
        community.move(0, 1)
        await asyncio.sleep(1.1)
        community.leave(0)
        await settled(bot)

    first, second = await rows(user_id=community.people[0])
    assert [first.end_reason, second.end_reason] == ["moved", "left"]
    assert first.visit_id == second.visit_id
    assert first.ended_at == second.started_at
    assert [first.channel_id, second.channel_id] == community.voice[:2]
    truth = [stay for stay in community.stays if stay.ended is not None]
    for row, stay in zip((first, second), truth, strict=True):
        assert abs((row.started_at - stay.began).total_seconds()) < 0.1
        assert row.ended_at is not None
        assert abs((row.ended_at - stay.ended).total_seconds()) < 0.1
        assert row.start_uncertainty == row.end_uncertainty == 0
