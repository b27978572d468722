"""Rooms that come and go, over REST that fails: the truth file stays true."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botrunner.sandbox.truth import TruthWriter
from tests.botrunner.sandbox.controlling import DELETE, MAKE, lay
from tests.botrunner.sandbox.test_truth import rows

if TYPE_CHECKING:
    from pathlib import Path

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest

MOVE = "PATCH /guilds/{guild}/members/{user}"


async def test_hub_room_and_deletion_are_three_stays_at_most_and_none_is_left_open(
    rest: Rest,
    sandbox: Sandbox,
    world: World,
    guild: Guild,
    people: list[int],
    rooms: list[int],
    tmp_path: Path,
) -> None:
    path = tmp_path / "truth.jsonl"
    writer = TruthWriter(path, world)
    hub, made = rooms[0], []
    await lay(sandbox, route=MAKE, way="answer", skip=1, after_effect=True)
    await lay(sandbox, route=MOVE, way="answer", skip=2, after_effect=True)
    await lay(sandbox, route=DELETE, way="answer", skip=0, after_effect=False)
    await lay(sandbox, route=DELETE, way="answer", skip=1, after_effect=True)

    for user_id in people[:5]:
        world.join(guild.id, user_id, hub)
        before = set(guild.channels)
        await rest("POST", f"/guilds/{guild.id}/channels", {"name": "room", "type": 2})
        (room,) = set(guild.channels) - before
        made.append(room)
        move = {"channel_id": str(room)}
        await rest("PATCH", f"/guilds/{guild.id}/members/{user_id}", move)
    for room in made:
        while room in guild.channels:
            await rest("DELETE", f"/channels/{room}")
    writer.close(at=datetime.now(UTC))

    stays = rows(path)
    assert [(int(stay["user_id"]), int(stay["channel_id"])) for stay in stays] == [
        where
        for user_id, room in zip(people[:5], made, strict=True)
        for where in ((user_id, hub), (user_id, room))
    ]
    assert all(stay["from"] <= stay["to"] for stay in stays)
    assert not guild.voice_states
    struck = [fault.struck for fault in sandbox.route_faults.laid.values()]
    assert struck == [1, 1, 1, 1]
