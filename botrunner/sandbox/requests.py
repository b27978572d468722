"""What a client asks for over the gateway: a guild's members, and our bot's own voice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.errors import UnknownThingError
from botrunner.sandbox.snowflakes import read_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World

CHUNK = 1_000
MOST_FOUND = 100
MOST_NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class MembersRequest:
    """Op 8: all members (an empty query without a limit), some by name, or some by id."""

    guild_id: int
    query: str | None
    limit: int
    user_ids: tuple[int, ...]
    nonce: str | None
    presences: bool

    @property
    def wants_all(self) -> bool:
        """Whether it asks for the whole list."""
        return self.query == "" and self.limit == 0


def read_members_request(data: dict[str, Any]) -> MembersRequest | None:
    """Reads op 8; None if it is none."""
    guild_id = read_id(data.get("guild_id"))
    query, limit, nonce = data.get("query"), data.get("limit", 0), data.get("nonce")
    listed = data.get("user_ids")
    ids = [] if listed is None else listed if isinstance(listed, list) else [listed]
    user_ids = tuple(read_id(value) for value in ids)
    if (
        guild_id is None
        or (query is None and not ids)
        or not isinstance(query, str | None)
        or type(limit) is not int
        or not isinstance(nonce, str | None)
        or len(user_ids) > MOST_FOUND
    ):
        return None
    known = tuple(user_id for user_id in user_ids if user_id is not None)
    if len(known) != len(user_ids):
        return None
    if nonce is not None and len(nonce.encode()) > MOST_NONCE_BYTES:
        nonce = None  # as Discord: the answer comes without it
    return MembersRequest(
        guild_id, query, limit, known, nonce, presences=data.get("presences") is True
    )


def members_chunks(guild: Guild, request: MembersRequest) -> Iterator[dict[str, Any]]:
    """Answers op 8 with the payloads of GUILD_MEMBERS_CHUNK."""
    not_found: list[str] = []
    if request.user_ids:
        found = [guild.members[i] for i in request.user_ids if i in guild.members]
        not_found = [str(i) for i in request.user_ids if i not in guild.members]
    elif request.wants_all:
        found = list(guild.members.values())
    else:
        start = (request.query or "").casefold()
        limit = min(request.limit or MOST_FOUND, MOST_FOUND)
        found = [
            member
            for member in guild.members.values()
            if member.user.username.casefold().startswith(start)
            or (member.nick or "").casefold().startswith(start)
        ][:limit]
    count = max(1, -(-len(found) // CHUNK))
    for index in range(count):
        chunk: dict[str, Any] = {
            "guild_id": str(guild.id),
            "members": [m.payload() for m in found[index * CHUNK : (index + 1) * CHUNK]],
            "chunk_index": index,
            "chunk_count": count,
        }
        if not_found:
            chunk["not_found"] = not_found
        if request.presences:
            chunk["presences"] = []
        if request.nonce is not None:
            chunk["nonce"] = request.nonce
        yield chunk


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """Op 4: where in a guild our bot wants to be connected, if anywhere."""

    guild_id: int
    channel_id: int | None
    self_mute: bool
    self_deaf: bool

    @classmethod
    def read(cls, data: dict[str, Any]) -> VoiceRequest | None:
        """Reads it; None if it is none."""
        guild_id = read_id(data.get("guild_id"))
        channel = data.get("channel_id")
        channel_id = None if channel is None else read_id(channel)
        mute, deaf = data.get("self_mute", False), data.get("self_deaf", False)
        if guild_id is None or (channel is not None and channel_id is None):
            return None
        if not isinstance(mute, bool) or not isinstance(deaf, bool):
            return None
        return cls(guild_id, channel_id, mute, deaf)

    def apply(self, world: World) -> None:
        """Does it, unless our bot may not: then, as on Discord, nothing happens."""
        bot = world.bot.id
        try:
            guild = world.guild(self.guild_id)
            world.member(self.guild_id, bot)
            if self.channel_id is None:
                if bot in guild.voice_states:
                    world.leave(self.guild_id, bot)
                return
            state = guild.voice_states.get(bot)
            elsewhere = state is None or state.channel_id != self.channel_id
            if elsewhere and not world.may_join(self.guild_id, bot, self.channel_id):
                return
        except UnknownThingError:
            return
        flags: dict[str, Any] = {"self_mute": self.self_mute, "self_deaf": self.self_deaf}
        if state is None:
            world.join(self.guild_id, bot, self.channel_id, **flags)
        else:
            world.move(self.guild_id, bot, self.channel_id)
            world.set_voice(self.guild_id, bot, **flags)
