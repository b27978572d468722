"""What people and our bot write in the chats of channels: verbs of the small Discord."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.errors import NotAllowedError, UnknownThingError
from botrunner.sandbox.message import DEFAULT, LOADING, Message
from botrunner.sandbox.registry import Registry
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Channel, Guild, User

#: A channel's messages that are kept; older ones are as if deleted.
MOST_KEPT: Final = 1_000
MOST_CONTENT: Final = 2_000

_MENTION: Final = re.compile("<@!?([0-9]{1,19})>", re.ASCII)


class Chat(Registry):
    """The part of the world in which messages are written."""

    def message(self, message_id: int) -> Message:
        """Finds a message, whatever channel it is in.

        Raises:
            UnknownThingError: if there is none with this id, or none any more.
        """
        for kept in self.chats.values():
            if message_id in kept:
                return kept[message_id]
        raise UnknownThingError(kind="message", id=message_id)

    def say(self, guild_id: int, user_id: int, channel_id: int, content: str) -> Message:
        """Has a member write in a channel's chat; ``<@id>`` mentions somebody.

        Raises:
            NotAllowedError: if the member may not write there.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        channel = self.channel(guild_id, channel_id)
        self._need(guild, user_id, channel, Permission.SEND_MESSAGES)
        if not isinstance(content, str) or not 1 <= len(content) <= MOST_CONTENT:
            raise ValueError(f"a message has from 1 to {MOST_CONTENT} characters")
        named = dict.fromkeys(int(found) for found in _MENTION.findall(content))
        mentions = [guild.members[i].user.payload() for i in named if i in guild.members]
        return self.write(guild, channel, member.user, {"content": content, "mentions": mentions})

    def write(
        self,
        guild: Guild,
        channel: Channel,
        author: User,
        fields: dict[str, Any],
        *,
        only_for: int | None = None,
        kind: int = DEFAULT,
        beside: dict[str, Any] | None = None,
    ) -> Message:
        """Puts a message into a chat; the gateway tells of it unless one member alone sees it."""
        now = self.clock()
        message = Message(
            self.new_id(), guild.id, channel.id, author, now, fields, only_for, kind, beside or {}
        )
        message.note(now)
        kept = self.chats.setdefault(channel.id, {})
        kept[message.id] = message
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
        self._tell(guild, "MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, fields: dict[str, Any]) -> None:
        """Changes what a message shows; the first edit of one that loads is its content."""
        now = self.clock()
        loading = message.fields.get("flags", 0) & LOADING
        flags = fields.get("flags", message.fields.get("flags", 0)) & ~LOADING
        message.fields = message.fields | fields | {"flags": flags}
        if not loading:
            message.edited = now
        message.note(now)
        self._tell(self.guild(message.guild_id), "MESSAGE_UPDATE", message)

    def erase(self, message: Message) -> None:
        """Deletes a message."""
        self.chats.get(message.channel_id, {}).pop(message.id, None)
        if not message.is_ephemeral:
            gone = {
                "id": str(message.id),
                "channel_id": str(message.channel_id),
                "guild_id": str(message.guild_id),
            }
            self.dispatch(self.guild(message.guild_id), "MESSAGE_DELETE", gone)

    def _need(self, guild: Guild, user_id: int, channel: Channel, permission: int) -> None:
        """Refuses what a member may not do in a channel.

        Raises:
            NotAllowedError: if they lack the permission, or don't see the channel.
        """
        held = guild.permissions_of(user_id, channel, now=self.clock())
        missing = (permission | Permission.VIEW_CHANNEL) & ~held
        if missing:
            raise NotAllowedError(user_id=user_id, channel_id=channel.id, missing=int(missing))

    def _tell(self, guild: Guild, event: str, message: Message) -> None:
        if message.is_ephemeral:
            return
        told = message.payload() | {"guild_id": str(guild.id)}
        author = guild.members.get(message.author.id)
        if author is not None:
            told["member"] = {k: v for k, v in author.payload().items() if k != "user"}
        self.dispatch(guild, event, told)
