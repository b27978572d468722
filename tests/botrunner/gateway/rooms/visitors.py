from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import ChannelType
from tests.botrunner.gateway.conftest import running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.gateway.supervisor import Supervisor
    from botrunner.models import Room
    from botrunner.sandbox.entities import Channel
    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.message import Message
    from tests.botrunner.gateway.rooms.conftest import Rooms

CALLBACK = "POST /interactions/{interaction}/{token}/callback"
EDIT = "PATCH /webhooks/{application}/{token}/messages/{message}"
EDIT_OWN = "PATCH /channels/{channel}/messages/{message}"
WRITE = "POST /channels/{channel}/messages"
CHANGE = "PATCH /channels/{channel}"
LET_IN = "PUT /channels/{channel}/permissions/{target}"
COMMANDS = "PUT /applications/{application}/commands"
GET_COMMANDS = "GET /applications/{application}/commands"


class Visitors:
    """Members who use what the bot offers, and what they see."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.world = rooms.world
        self.guild = rooms.guild
        self.text = next(
            channel.id
            for channel in self.guild.channels.values()
            if channel.type == ChannelType.TEXT
        )

    def use(
        self, who: int, command: str, *, channel_id: int | None = None, **options: Any
    ) -> Interaction:
        return self.world.use_command(
            self.guild.id,
            self.rooms.people(who),
            channel_id or self.text,
            command,
            options=options,
        )

    def shown(self, used: Interaction) -> str:
        """What the actor reads in the answer now; empty while the bot thinks."""
        return "" if used.original is None else used.original.fields.get("content", "")

    async def reads(self, used: Interaction, *parts: str, seconds: float = 30.0) -> str:
        """Waits until the actor reads all of these in the answer."""

        def does() -> bool:
            return all(part in self.shown(used) for part in parts)

        try:
            await until(does, seconds=seconds)
        except AssertionError:
            raise AssertionError(
                f"{parts} not in {self.shown(used)!r} ({used.state(self.world.clock())})"
            ) from None
        return self.shown(used)

    async def answered(self, used: Interaction, *, seconds: float = 30.0) -> str:
        """Waits until the actor reads any answer."""
        await until(lambda: self.shown(used), seconds=seconds)
        return self.shown(used)

    async def acts(self, who: int, command: str, **options: Any) -> str:
        """Has a member use a command, and gives what they read at last."""
        return await self.answered(self.use(who, command, **options))

    async def has_room(self, who: int = 0, *, joins: bool = True) -> tuple[Room, Channel]:
        """Has a member ask for a room by command and get it."""
        known = {channel.id for channel in self.rooms.made()}
        used = self.use(who, "voice")
        await self.reads(used, "Your room is ready")
        [channel] = [each for each in self.rooms.made() if each.id not in known]
        room = next(row for row in await self.rooms.rows() if row.channel_id == channel.id)
        if joins:
            self.rooms.enter(who, channel.id)
            await self.rooms.until(room, "occupied")
        return await self.rooms.row(room), channel

    def chat(self, channel_id: int) -> list[Message]:
        return list(self.world.chats.get(channel_id, {}).values())

    async def panel(self, room: Room) -> Message:
        """Waits for the message with a room's buttons."""
        assert room.channel_id is not None
        channel_id = room.channel_id

        def there() -> list[Message]:
            return [each for each in self.chat(channel_id) if each.fields.get("components")]

        await until(there)
        return there()[0]

    def press(self, who: int, panel: Message, room: Room, verb: str) -> Interaction:
        return self.world.press(
            self.guild.id, self.rooms.people(who), panel.id, f"room:{room.pk}:{verb}"
        )

    def choose(self, who: int, panel: Message, room: Room, verb: str, whom: int) -> Interaction:
        return self.world.choose(
            self.guild.id,
            self.rooms.people(who),
            panel.id,
            f"room:{room.pk}:{verb}",
            [self.rooms.people(whom)],
        )

    def overwrite(self, channel: Channel, target_id: int) -> tuple[int, int]:
        for each in channel.overwrites:
            if each.target_id == target_id:
                return each.allow, each.deny
        return 0, 0


@contextlib.asynccontextmanager
async def visited(rooms: Rooms, **settings: Any) -> AsyncIterator[tuple[Visitors, Supervisor]]:
    """Runs the bot until members can use its commands."""
    async with running(rooms.community, **settings) as supervisor:
        await until(lambda: rooms.world.commands.get(None))
        yield Visitors(rooms), supervisor
