"""Actors who want rooms, with a bot that answers as ours does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botrunner.domain.rooms import demo
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.sandbox.actors import Show
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.world import build_world

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild, Stay

EPOCH = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Lodging:
    """A show with rooms on a clock of its own, and what a bot would do about them."""

    def __init__(self, *, has_commands: bool = True) -> None:
        self.show: Show | None = None
        self.world = build_world(seed=7, guilds=2, members=60, clock=self.clock)
        self.guild: Guild = next(iter(self.world.guilds.values()))
        self.used: list[tuple[str, int]] = []
        self.stays: list[Stay] = []
        self.made: list[int] = []
        self.world.on_stay.append(self.stays.append)
        if has_commands:
            self.world.commands[None] = dict(enumerate(map(_command, ("voice", "close"))))
        self.world.on_dispatch.append(self._hear)
        self.show = Show(self.world, seed=7, speed=20, has_rooms=True)
        self.hub = self.named(demo.HUB)

    def clock(self) -> datetime:
        return EPOCH + timedelta(seconds=self.show.now if self.show else 0)

    def named(self, name: str) -> Channel:
        return next(each for each in self.guild.channels.values() if each.name == name)

    def _hear(self, guild_id: int, name: str, payload: dict[str, Any]) -> None:
        if name != "INTERACTION_CREATE" or guild_id != self.guild.id:
            return
        user_id = int(payload["member"]["user"]["id"])
        self.used.append((payload["data"]["name"], user_id))
        if payload["data"]["name"] == "voice":
            self.made.append(self._make(user_id).id)

    def _make(self, user_id: int) -> Channel:
        bot_id = self.world.bot.id
        return self.world.create_channel(
            self.guild.id,
            by=bot_id,
            type=ChannelType.VOICE,
            name="Room",
            overwrites=overwrites_of(
                Guests(user_id, is_private=True), guild_id=self.guild.id, bot_id=bot_id
            ),
        )

    def play(self, until: float) -> Lodging:
        assert self.show is not None
        while self.show.next_due <= until:
            self.show.play_next()
        return self


def _command(name: str) -> dict[str, Any]:
    return {
        "id": "1",
        "name": name,
        "type": 1,
        "options": [],
        "contexts": None,
        "default_member_permissions": None,
    }


def test_members_ask_for_rooms_come_to_them_and_leave() -> None:
    lodging = Lodging().play(300)

    asked = [user_id for name, user_id in lodging.used if name == "voice"]
    came = {(each.user_id, each.channel_id) for each in lodging.stays}
    assert len(asked) >= 10
    assert sum(pair in came for pair in zip(asked, lodging.made, strict=True)) >= 5
    assert any(name == "close" for name, _ in lodging.used)
    assert any(each.ended and each.channel_id in lodging.made for each in lodging.stays)


def test_who_enters_the_hub_waits_for_a_room_and_gives_up() -> None:
    lodging = Lodging().play(300)

    stays = [each for each in lodging.stays if each.channel_id == lodging.hub.id and each.ended]
    lengths = [(each.ended - each.began).total_seconds() for each in stays if each.ended]
    # Moderators drag others there now and then, who stay as they please.
    assert sum(round(length) == 15 for length in lengths) >= 3


def test_one_channel_in_one_guild_merely_looks_like_a_room() -> None:
    lodging = Lodging()

    [found] = [
        channel
        for guild in lodging.world.guilds.values()
        for channel in guild.channels.values()
        if channel.name == demo.LOOK_ALIKE
    ]
    entry = next(each for each in lodging.guild.audit_log if each["target_id"] == str(found.id))
    assert (entry["user_id"], entry.get("reason")) == (str(lodging.world.bot.id), None)


def test_a_bot_without_commands_is_asked_nothing() -> None:
    lodging = Lodging(has_commands=False).play(100)

    assert lodging.used == []
    assert lodging.made == []
