"""One REST request: who asks, about what, whether they may, and how it is answered."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from botrunner.sandbox.rest.errors import ApiError, AwayError
from botrunner.sandbox.rest.form import Form
from botrunner.sandbox.snowflakes import read_id
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from aiohttp import web

    from botrunner.sandbox.entities import Channel, Guild, Member
    from botrunner.sandbox.rest.limits import Limit
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World

#: What a handler gives: a JSON value, or None for 204 without a body.
Answer = Any
Handler = Callable[["Call"], Awaitable[Answer]]

MOST_REASON = 512
WHOLE = re.compile("-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of our bot's, with the finders that answer as Discord does."""

    request: web.Request
    sandbox: Sandbox

    @property
    def world(self) -> World:
        """The world that it is about."""
        return self.sandbox.world

    @property
    def major(self) -> str:
        """What its rate limit is under: a guild, a channel or a token; empty where of none."""
        found = self.request.match_info
        return found.get("guild") or found.get("channel") or found.get("token") or ""

    def take(self, route: str, major: str, limit: Limit | None = None) -> None:
        """Counts it against a rate limit; refuses it where none is left."""
        self.sandbox.limits.take(route, major, limit)

    @property
    def bot_id(self) -> int:
        """Our bot's id."""
        return self.world.bot.id

    @property
    def reason(self) -> str | None:
        """Why, for the audit log: ``X-Audit-Log-Reason``, percent-encoded."""
        text = self.request.headers.get("X-Audit-Log-Reason")
        if text is None:
            return None
        reason = unquote(text)
        if len(reason) > MOST_REASON:
            form = Form({})
            form.complain(
                "X-Audit-Log-Reason",
                "BASE_TYPE_MAX_LENGTH",
                f"Must be {MOST_REASON} or fewer in length.",
            )
            form.check()
        return reason

    async def form(self) -> Form:
        """Reads the body.

        Raises:
            ApiError: if it is no JSON (50109) or no object (50035).
        """
        return Form(await self.json())

    async def json(self) -> Any:
        """Reads the body, whatever it is; an empty one is an empty object.

        Raises:
            ApiError: if it is no JSON (50109).
        """
        try:
            return orjson.loads(await self.request.read() or b"{}")
        except orjson.JSONDecodeError:
            raise ApiError(50109) from None

    def id(self, name: str, unknown: int) -> int:
        """Reads an id from the path.

        Args:
            name: the part of the path.
            unknown: the code for what does not exist.
        """
        number = read_id(self.request.match_info[name])
        if number is None:
            form = Form({})
            form.id_of(self.request.match_info[name], f"{name}_id")
            form.check()
            raise ApiError(unknown)
        return number

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """Reads a whole number from the query."""
        text = self.request.query.get(name)
        if text is None:
            return default
        form = Form({name: int(text) if WHOLE.fullmatch(text) else text})
        number = form.whole(name, least=least, most=most)
        form.check()
        return default if number is None else number

    def snowflake(self, name: str) -> int | None:
        """Reads an id from the query, if it is there."""
        form = Form(dict(self.request.query))
        number = form.snowflake(name)
        form.check()
        return number

    # Finding ------------------------------------------------------------------------------

    def guild(self) -> Guild:
        """Finds the path's guild, which our bot has to be in, and which has no outage."""
        guild = self.world.guilds.get(self.id("guild", 10004))
        if guild is None:
            raise ApiError(10004)
        self._reach(guild)
        return guild

    def channel(self, *, needs: int = 0) -> tuple[Guild, Channel]:
        """Finds the path's channel, which our bot has to see, and its guild.

        Args:
            needs: permissions there, without which it is refused (50013).
        """
        channel_id = self.id("channel", 10003)
        for guild in self.world.guilds.values():
            channel = guild.channels.get(channel_id)
            if channel is None:
                continue
            self._reach(guild)
            self.need(guild, needs | Permission.VIEW_CHANNEL, channel)
            return guild, channel
        raise ApiError(10003)

    @staticmethod
    def _reach(guild: Guild) -> None:
        if not guild.bot_present:
            raise ApiError(50001)
        # A 404 would say that it is gone for good, which an outage never says.
        if not guild.available:
            raise AwayError

    def member(self, guild: Guild) -> Member:
        """Finds the path's member; ``@me`` is our bot."""
        me = self.request.match_info["user"] == "@me"
        member = guild.members.get(self.bot_id if me else self.id("user", 10007))
        if member is None:
            raise ApiError(10007)
        return member

    # Whether it may -----------------------------------------------------------------------

    def need(self, guild: Guild, permissions: int, channel: Channel | None = None) -> None:
        """Refuses what our bot lacks a permission for."""
        held = guild.permissions_of(self.bot_id, channel, now=self.world.clock())
        if channel is not None and not held & Permission.VIEW_CHANNEL:
            raise ApiError(50001)
        if permissions & ~held:
            raise ApiError(50013)

    def need_above(self, guild: Guild, *, position: int) -> None:
        """Refuses what needs a role higher than ``position``; the owner is above all."""
        if guild.owner_id != self.bot_id and top_position(guild, self.bot_id) <= position:
            raise ApiError(50013)

    def need_above_member(self, guild: Guild, member: Member) -> None:
        """Refuses what may be done to lower members only; nobody is above the owner."""
        if member.user.id == self.bot_id:
            return
        if member.user.id == guild.owner_id:
            raise ApiError(50013)
        self.need_above(guild, position=top_position(guild, member.user.id))


def top_position(guild: Guild, user_id: int) -> int:
    """Finds the position of a member's highest role."""
    held = guild.members[user_id].roles
    return max((guild.roles[i].position for i in held if i in guild.roles), default=0)
