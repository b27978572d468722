"""Moves members about as fast as asked, for benchmarks and load tests."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botrunner.sandbox.gateway import Gateway
    from botrunner.sandbox.world import World

#: How long moves are made before the event loop has its turn.
SLICE_SECONDS = 0.002
#: As fast as it goes means as fast as the clients read: with more bytes unread it waits.
MOST_UNREAD = 1 << 20


@dataclass(slots=True)
class Flood:
    """What a flood did.

    Attributes:
        moves: each as (guild_id, user_id, channel_id, Unix time at which it was sent).
        final: the last of each member.
    """

    began: float = 0.0
    ended: float = 0.0
    moves: list[tuple[int, int, int, float]] = field(default_factory=list)

    @property
    def final(self) -> dict[tuple[int, int], tuple[int, int, int, float]]:
        """The last move of each (guild, member)."""
        return {(move[0], move[1]): move for move in self.moves}

    def payload(self, *, with_moves: bool) -> dict[str, Any]:
        """Shows it as JSON, all the moves on demand."""
        shown: dict[str, Any] = {
            "moves": len(self.moves),
            "members": len(self.final),
            "began_at": self.began,
            "ended_at": self.ended,
            "seconds": self.ended - self.began,
            "final": [_shown(move) for move in self.final.values()],
        }
        if with_moves:
            shown["log"] = [_shown(move) for move in self.moves]
        return shown


def _shown(move: tuple[int, int, int, float]) -> dict[str, Any]:
    guild_id, user_id, channel_id, sent_at = move
    return {
        "guild_id": str(guild_id),
        "user_id": str(user_id),
        "channel_id": str(channel_id),
        "sent_at": sent_at,
    }


async def flood(
    world: World,
    gateway: Gateway,
    *,
    moves: int,
    rate: float | None = None,
    seed: int = 0,
    members: int | None = None,
) -> Flood:
    """Has people join and change channels, in turn over all guilds that our bot hears of.

    Args:
        world: where.
        gateway: whose clients read.
        moves: how many dispatches; those who are outside voice join, the others move.
        rate: dispatches per second; as fast as the clients read where None.
        seed: decides who goes where.
        members: how many people take part; all where None.

    Raises:
        ValueError: if nobody is there to move, or nowhere to move to.
    """
    rng = random.Random(seed)
    people, rooms = _cast(world, rng, members)
    done = Flood(began=time.time())
    began = time.perf_counter()
    while len(done.moves) < moves:
        due = moves if rate is None else min(moves, int((time.perf_counter() - began) * rate) + 1)
        until = time.perf_counter() + SLICE_SECONDS
        while len(done.moves) < due and time.perf_counter() < until:
            guild_id, user_id = people[len(done.moves) % len(people)]
            state = world.guilds[guild_id].voice_states.get(user_id)
            channel_id = rng.choice(rooms[guild_id])
            while state is not None and state.channel_id == channel_id:
                channel_id = rng.choice(rooms[guild_id])
            done.moves.append((guild_id, user_id, channel_id, time.time()))
            world.join(guild_id, user_id, channel_id)
        await asyncio.sleep(0 if len(done.moves) < due else 0.001)
        if rate is None:
            await gateway.read_by_all(most=MOST_UNREAD)
    await gateway.read_by_all(most=0)
    done.ended = time.time()
    return done


def _cast(
    world: World, rng: random.Random, members: int | None
) -> tuple[list[tuple[int, int]], dict[int, list[int]]]:
    """Finds who can be moved, shuffled, and each guild's open channels."""
    rooms: dict[int, list[int]] = {}
    people: list[tuple[int, int]] = []
    for guild in world.guilds.values():
        open_rooms = [
            channel.id
            for channel in guild.channels.values()
            if channel.is_voice and not channel.user_limit and not channel.overwrites
        ]
        if len(open_rooms) < 2 or not guild.bot_present or not guild.available:  # noqa: PLR2004 - to move takes two
            continue
        rooms[guild.id] = open_rooms
        people += [(guild.id, i) for i, member in guild.members.items() if not member.user.bot]
    rng.shuffle(people)
    if not people or members == 0:
        raise ValueError("There is nobody whom a flood could move.")
    return people[:members], rooms
