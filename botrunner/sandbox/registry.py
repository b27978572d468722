"""What the small Discord holds, who listens to it, and where its ids come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.entities import EPOCH_MS, Channel, Guild, Member, Role, Stay, User
from botrunner.sandbox.errors import UnknownThingError

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.message import Message

#: (guild_id, event's name, payload); the payload is shared between listeners: never alter it.
DispatchListener = Callable[[int, str, dict[str, Any]], None]
StayListener = Callable[[Stay], None]

#: Discord keeps 45 days of audit log; here so many entries of each guild.
AUDIT_LOG_LENGTH = 10_000


class Registry:
    """Guilds and accounts by id, and the two kinds of listeners.

    Attributes:
        guilds: each guild by id.
        users: each account by id.
        bot: our bot's account.
        commands: our application's commands by guild (None: those of all guilds) and id.
        chats: messages by channel and id, in the order in which they were written.
        interactions: what actors did to our bot, by id; `tokens` has the ids by token.
        on_dispatch: called with every event that our bot could hear of.
        on_stay: called when a stay begins (``ended`` is None) and when it ends.
    """

    def __init__(self, *, bot: User, clock: Callable[[], datetime]) -> None:
        """Begins with our bot and no guild.

        Args:
            bot: our bot's account.
            clock: gives the time, aware and in UTC.
        """
        self.bot = bot
        self.clock = clock
        self.guilds: dict[int, Guild] = {}
        self.users: dict[int, User] = {bot.id: bot}
        self.commands: dict[int | None, dict[int, dict[str, Any]]] = {}
        self.chats: dict[int, dict[int, Message]] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, int] = {}
        self.on_dispatch: list[DispatchListener] = []
        self.on_stay: list[StayListener] = []
        self._ids_made = 0

    # Looking up ---------------------------------------------------------------------------

    def guild(self, guild_id: int) -> Guild:
        """Finds a guild.

        Raises:
            UnknownThingError: if there is none with this id; so the other finders.
        """
        try:
            return self.guilds[guild_id]
        except KeyError:
            raise UnknownThingError(kind="guild", id=guild_id) from None

    def member(self, guild_id: int, user_id: int) -> Member:
        """Finds a member of a guild."""
        try:
            return self.guild(guild_id).members[user_id]
        except KeyError:
            raise UnknownThingError(kind="member", id=user_id) from None

    def role(self, guild_id: int, role_id: int) -> Role:
        """Finds a role of a guild."""
        try:
            return self.guild(guild_id).roles[role_id]
        except KeyError:
            raise UnknownThingError(kind="role", id=role_id) from None

    def channel(self, guild_id: int, channel_id: int) -> Channel:
        """Finds a channel of a guild."""
        try:
            return self.guild(guild_id).channels[channel_id]
        except KeyError:
            raise UnknownThingError(kind="channel", id=channel_id) from None

    def permissions(self, guild_id: int, user_id: int, channel_id: int | None = None) -> int:
        """Says what a member may do in a guild, or effectively in one of its channels."""
        self.member(guild_id, user_id)
        channel = None if channel_id is None else self.channel(guild_id, channel_id)
        return self.guild(guild_id).permissions_of(user_id, channel, now=self.clock())

    # Making and telling -------------------------------------------------------------------

    def new_id(self) -> int:
        """Makes a snowflake of now that no other has."""
        milliseconds = int(self.clock().timestamp() * 1000) - EPOCH_MS
        self._ids_made += 1
        return milliseconds << 22 | self._ids_made & 0x3FFFFF

    def dispatch(self, guild: Guild, event: str, payload: dict[str, Any]) -> None:
        """Tells the listeners, unless our bot can hear nothing of this guild."""
        if guild.available and guild.bot_present:
            for listener in self.on_dispatch:
                listener(guild.id, event, payload)

    def tell_stay(self, stay: Stay) -> None:
        """Tells the observers of a stay's beginning or end, outage or not."""
        for listener in self.on_stay:
            listener(stay)

    def record(
        self,
        guild: Guild,
        action: int,
        *,
        by: int | None,
        target_id: int | None = None,
        reason: str | None = None,
        options: dict[str, str] | None = None,
        changes: list[dict[str, Any]] | None = None,
    ) -> None:
        """Writes an audit log entry and dispatches it.

        Without an actor (``by``) there is none: the member themself or Discord did it.
        """
        if by is None:
            return
        entry: dict[str, Any] = {
            "id": str(self.new_id()),
            "user_id": str(by),
            "target_id": None if target_id is None else str(target_id),
            "action_type": int(action),
            "changes": changes or [],
        }
        if options is not None:
            entry["options"] = options
        if reason is not None:
            entry["reason"] = reason
        guild.audit_log.append(entry)
        del guild.audit_log[:-AUDIT_LOG_LENGTH]
        self.dispatch(guild, "GUILD_AUDIT_LOG_ENTRY_CREATE", entry | {"guild_id": str(guild.id)})
