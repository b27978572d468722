"""The small Discord that the benchmark of rooms plays on, in this process, and what it saw.

All instants are those of this machine's clock, taken where something reaches the small
Discord or leaves it: seconds since 1970.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from benchmarks.stage import TOKEN, BenchmarkError
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.server import Sandbox
from botrunner.sandbox.world import build_world
from community.domain.sharding import shard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.records import NotedRequest

PATIENCE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.01
VOICE_STATE: Final = "GATEWAY VOICE_STATE"
DELETE: Final = "DELETE /channels/{channel}"
# discord.py sends 110 in a minute, and then waits: a room is two, in and out.
MOST_SENDS: Final = 96
SENDS_SECONDS: Final = 60.0
SENDS_OF_ROOM: Final = 2


class Town:
    """Guilds whose members ask for rooms. An async context manager: within, it listens.

    Attributes:
        made: when a member's newest room was there, with the channel's id, by guild and member.
        seated: when the bot was first in a channel.
        deleted: when the first request to delete a channel came.
        refused: how many requests were answered with 429.
    """

    def __init__(self, *, guilds: int, members: int, shards: int, seed: int = 1) -> None:
        """Founds the guilds; nothing listens yet."""
        self.world = build_world(
            seed=seed, guilds=guilds, members=members, clock=lambda: datetime.now(UTC)
        )
        self.shards = shards
        self.sandbox = Sandbox(
            self.world,
            token=TOKEN,
            shards=shards,
            options=GatewayOptions(identify_interval=0.05, members_interval=0.05),
        )
        self.guilds = list(self.world.guilds.values())
        self.before = {guild.id: set(guild.channels) for guild in self.guilds}
        self.made: dict[tuple[int, int], tuple[int, float]] = {}
        self.seated: dict[int, float] = {}
        self.deleted: dict[int, float] = {}
        self._sends: defaultdict[int, deque[float]] = defaultdict(deque)
        self._open: Counter[int] = Counter()
        self._text = {guild.id: _first_text_channel(guild) for guild in self.guilds}
        self._next_person = dict.fromkeys(self._text, 0)
        self._people = {guild.id: _people(guild) for guild in self.guilds}
        self.world.on_dispatch.append(self._see)
        self.sandbox.requests.on_note.append(self._hear)

    async def __aenter__(self) -> Self:
        """Begins to listen."""
        await self.sandbox.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops listening."""
        await self.sandbox.__aexit__(None, None, None)

    # What is seen -----------------------------------------------------------------------

    def _see(self, guild_id: int, event: str, payload: dict[str, Any]) -> None:
        if event == "VOICE_STATE_UPDATE" and payload["user_id"] == str(self.world.bot.id):
            if payload["channel_id"] is not None:
                self.seated.setdefault(int(payload["channel_id"]), time.time())
        elif event == "CHANNEL_CREATE":
            for overwrite in payload["permission_overwrites"]:
                if overwrite["type"] == 1 and overwrite["id"] != str(self.world.bot.id):
                    owner = guild_id, int(overwrite["id"])
                    self.made[owner] = int(payload["id"]), time.time()

    def _hear(self, noted: NotedRequest) -> None:
        if noted.route == DELETE:
            self.deleted.setdefault(int(noted.path.rpartition("/")[2]), noted.at)
        elif noted.route == VOICE_STATE:
            guild_id = int(noted.path.partition("/")[0])
            self._sends[shard_of(guild_id, self.shards)].append(noted.at)

    @property
    def refused(self) -> int:
        """How many requests were too many for Discord, of the latest 20,000."""
        refused = HTTPStatus.TOO_MANY_REQUESTS
        return sum(noted.status == refused for noted in self.sandbox.requests.noted)

    def left_over(self) -> int:
        """Counts the channels that were not there at the start."""
        return sum(len(set(guild.channels) - self.before[guild.id]) for guild in self.guilds)

    # What members do ---------------------------------------------------------------------

    def may_sit(self, guild_id: int) -> bool:
        """Tells whether the bot may go in and out of one more room of a guild by now.

        Discord takes 120 messages a minute on a connection. Whoever waits for that measures
        nothing, so it is waited for here, before a room is asked for.
        """
        shard_id = shard_of(guild_id, self.shards)
        sends = self._sends[shard_id]
        now = time.time()
        while sends and sends[0] < now - SENDS_SECONDS:
            sends.popleft()
        return len(sends) + SENDS_OF_ROOM * (self._open[shard_id] + 1) <= MOST_SENDS

    @contextlib.contextmanager
    def sitting(self, guild_id: int) -> Iterator[None]:
        """Counts the messages of a room while they are to come."""
        shard_id = shard_of(guild_id, self.shards)
        self._open[shard_id] += 1
        try:
            yield
        finally:
            self._open[shard_id] -= 1

    def person(self, guild_id: int) -> int:
        """Gives the next of a guild's people."""
        people = self._people[guild_id]
        number = self._next_person[guild_id]
        self._next_person[guild_id] = (number + 1) % len(people)
        return people[number]

    def use(self, guild_id: int, user_id: int, command: str) -> float:
        """Has a member use a command; gives when."""
        at = time.time()
        self.world.use_command(guild_id, user_id, self._text[guild_id], command)
        return at

    def is_known(self, command: str) -> bool:
        """Tells whether the bot has told Discord of a command."""
        return any(each["name"] == command for each in self.world.commands.get(None, {}).values())

    def said_to(self, user_id: int) -> str:
        """Gives what a member reads in the answer to their latest command."""
        mine = [each for each in self.world.interactions.values() if each.user_id == user_id]
        if not mine or mine[-1].original is None:
            return "nothing"
        return str(mine[-1].original.fields.get("content", ""))


async def until(
    condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS
) -> None:
    """Waits until something holds.

    Raises:
        BenchmarkError: if it does not come to.
    """
    patience = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > patience:
            raise BenchmarkError(f"Not within {seconds:.0f} s: {what}.")
        await asyncio.sleep(LOOK_SECONDS)


def _first_text_channel(guild: Guild) -> int:
    return next(each.id for each in guild.channels.values() if each.type == ChannelType.TEXT)


def _people(guild: Guild) -> list[int]:
    return [
        user_id
        for user_id, member in guild.members.items()
        if not member.user.bot and user_id != guild.owner_id
    ]
