"""What really happened in a guild, photographed after each deed; the database is not asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from botrunner.sandbox.entities import Guild, Stay
    from botrunner.sandbox.world import World

MICRO = timedelta(seconds=1)
LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """A member in voice, in a photograph."""

    channel_id: int
    is_muted: bool
    is_deafened: bool
    is_alone: bool
    is_afk: bool


@dataclass(frozen=True)
class Photo:
    """The guild from an instant on, until the next photograph."""

    at: datetime
    voice: dict[int, Seen]
    roles: dict[int, frozenset[int]]


@dataclass
class Visit:
    """A member in one channel for as long as they were there; ``ended`` is None while they are.

    Attributes:
        visit_id: Discord's voice session id.
        is_void: whether staff voided the session that it made.
    """

    user_id: int
    channel_id: int
    visit_id: str
    began: datetime
    ended: datetime | None = None
    is_void: bool = False


@dataclass
class Truth:
    """All that was photographed, and all stays as the world told of them.

    Attributes:
        joined: when each joined the guild.
        met: when a bot first saw each in voice.
    """

    world: World
    guild: Guild
    photos: list[Photo] = field(default_factory=list)
    stays: list[Visit] = field(default_factory=list)
    joined: dict[int, datetime] = field(default_factory=dict)
    met: dict[int, datetime] = field(default_factory=dict)
    _going_on: dict[int, Visit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.on_stay.append(self._stayed)
        self.photograph(is_seen=False)

    def _stayed(self, stay: Stay) -> None:
        if stay.ended is None:
            visit_id = self.guild.voice_states[stay.user_id].session_id
            visit = Visit(stay.user_id, stay.channel_id, visit_id, stay.began)
            self._going_on[stay.user_id] = visit
            self.stays.append(visit)
        else:
            self._going_on.pop(stay.user_id).ended = stay.ended

    def photograph(self, *, is_seen: bool) -> None:
        """Takes a picture of how things are now.

        Args:
            is_seen: whether a bot sees it too.
        """
        guild = self.guild
        people: dict[int, int] = {}
        for user_id, state in guild.voice_states.items():
            if not guild.members[user_id].user.bot:
                people[state.channel_id] = people.get(state.channel_id, 0) + 1
        voice = {
            user_id: Seen(
                state.channel_id,
                is_muted=state.self_mute or guild.members[user_id].mute,
                is_deafened=state.self_deaf or guild.members[user_id].deaf,
                is_alone=people.get(state.channel_id, 0) < 2,
                is_afk=state.channel_id == guild.afk_channel_id,
            )
            for user_id, state in guild.voice_states.items()
            if not guild.members[user_id].user.bot
        }
        roles = {user_id: frozenset(member.roles) for user_id, member in guild.members.items()}
        for user_id, member in guild.members.items():
            if not member.user.bot:
                self.joined[user_id] = member.joined_at
                if is_seen and user_id in voice:
                    self.met.setdefault(user_id, self.world.clock())
        self.photos.append(Photo(self.world.clock(), voice, roles))

    def people(self) -> list[int]:
        """All who ever were members, bots apart."""
        return list(self.joined)

    def sessions_of(self, user_id: int, *, now: datetime) -> Iterator[tuple[Visit, datetime]]:
        """A member's stays as sessions are kept, each with its end.

        What was shorter than a second is not kept: its time goes to the next of the visit.
        What is longer than a day is several.
        """
        inherited: datetime | None = None
        stays = [stay for stay in self.stays if stay.user_id == user_id]
        for index, stay in enumerate(stays):
            ended = now if stay.ended is None else stay.ended
            if stay.ended is not None and ended - stay.began < MICRO and not stay.is_void:
                follows = index + 1 < len(stays) and stays[index + 1].visit_id == stay.visit_id
                inherited = (inherited or stay.began) if follows else None
                continue
            began = stay.began if inherited is None else inherited
            inherited = None
            while ended - began > LONGEST:
                yield replace(stay, began=began, ended=began + LONGEST), began + LONGEST
                began += LONGEST
            yield replace(stay, began=began), ended

    def counts_somewhere(self, user_id: int) -> bool:
        """Whether a member is in voice, in a session that was not voided."""
        visit = self._going_on.get(user_id)
        return visit is not None and not visit.is_void

    def void(self, user_id: int) -> None:
        """Notes that the stay that goes on was voided."""
        self._going_on[user_id].is_void = True
