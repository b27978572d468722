"""Many members who move at once: every visit and every session right."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from community.models import Guild as GuildRow
from sessions_app.models import Visit, VoiceSession
from tests.botrunner.gateway.conftest import off, running, serving, settled, stored

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.entities import Stay
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = 100
MOVES = 20
MOVING_SECONDS = 2.0
# Stays are far shorter, or far longer: a machine with much to do makes none of them the other.
MICRO_SECONDS = 2


@dataclass
class Expected:
    channel_id: int
    started_at: datetime
    ended_at: datetime | None


def expected_sessions(stays: list[Stay]) -> list[Expected]:
    """What V4 makes of one visit's stays: too short ones give their time to what follows."""
    sessions: list[Expected] = []
    inherited: datetime | None = None
    for stay in stays:
        is_micro = (
            stay.ended is not None and (stay.ended - stay.began).total_seconds() < MICRO_SECONDS
        )
        if is_micro:
            inherited = inherited or stay.began
            continue
        sessions.append(Expected(stay.channel_id, inherited or stay.began, stay.ended))
        inherited = None
    return sessions


def visits_of(stays: list[Stay]) -> list[list[Stay]]:
    """Groups one member's stays: a visit's stays join without a gap."""
    visits: list[list[Stay]] = []
    for stay in sorted(stays, key=lambda stay: stay.began):
        if visits and visits[-1][-1].ended == stay.began:
            visits[-1].append(stay)
        else:
            visits.append([stay])
    return visits


async def act(community: Community, who: int, rng: random.Random, start: float) -> None:
    """Joins, moves 20 times in 2 s, and does one of several things at the end."""
    loop = asyncio.get_running_loop()

    async def at(seconds: float) -> None:
        await asyncio.sleep(start + seconds - loop.time())

    channel = rng.randrange(len(community.voice))
    if who % 3 == 0:
        # A visit of under a second, before.
        await at(rng.uniform(0, 0.1))
        community.join(who, channel)
        await at(rng.uniform(0.2, 0.4))
        community.leave(who)
    await at(0.45)
    community.join(who, channel)
    if who % 2:
        # Long enough in the first channel to be kept.
        await at(3.9)
    offset = 4.0 if who % 2 else 0.5
    between = MOVING_SECONDS / MOVES
    for number in range(MOVES):
        # One in each part: no stay between two of them comes near to what is kept.
        await at(offset + between * (number + rng.random()))
        channel = rng.choice([other for other in range(len(community.voice)) if other != channel])
        community.move(who, channel)
    if who % 5 == 0:
        community.leave(who)
    elif who % 5 == 1:
        await at(offset + MOVING_SECONDS + 3.6)
        community.leave(who)


async def test_every_visit_and_session_of_a_flood_is_right() -> None:
    rng = random.Random(11)
    async with serving(members=MEMBERS + 20) as community:
        await stored(
            lambda: GuildRow.objects.create(
                id=community.guild.id, name="A guild", micro_session_seconds=MICRO_SECONDS
            )
        )
        async with running(community) as bot:
            # Their own guild is small: no member is asked for while they move.
            start = asyncio.get_running_loop().time() + 0.2
            await asyncio.gather(*(act(community, who, rng, start) for who in range(MEMBERS)))
            await asyncio.sleep(0.3)
            await settled(bot)

            sessions: dict[int, list[VoiceSession]] = defaultdict(list)
            for row in await stored(
                lambda: list(VoiceSession.objects.order_by("started_at", "id"))
            ):
                sessions[row.user_id].append(row)
            visits = {visit.pk: visit for visit in await stored(lambda: list(Visit.objects.all()))}

    truth: dict[int, dict[datetime, Stay]] = defaultdict(dict)
    for stay in community.stays:
        # The end of a stay is told after its beginning, and replaces it.
        truth[stay.user_id][stay.began] = stay
    compared = 0
    used: set[object] = set()
    for user_id in community.people[:MEMBERS]:
        remaining = iter(sessions[user_id])
        for stays in visits_of(list(truth[user_id].values())):
            expected = expected_sessions(stays)
            found = [next(remaining) for _ in expected]
            assert len({row.visit_id for row in found}) == (1 if expected else 0)
            for row, wanted in zip(found, expected, strict=True):
                assert row.channel_id == wanted.channel_id
                assert off(row.started_at, wanted.started_at) <= 0
                assert (row.ended_at is None) == (wanted.ended_at is None)
                if row.ended_at is not None and wanted.ended_at is not None:
                    assert off(row.ended_at, wanted.ended_at) <= 0
                assert row.start_uncertainty == row.end_uncertainty == 0
                compared += 1
            if expected:
                visit = visits[found[0].visit_id]
                used.add(visit.pk)
                assert visit.first_channel_id == expected[0].channel_id
                assert visit.last_channel_id == expected[-1].channel_id
                assert (visit.ended_at is None) == (stays[-1].ended is None)
        assert next(remaining, None) is None
    assert used == set(visits)
    assert compared > MEMBERS
