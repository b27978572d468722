"""Whose turn it is: first come, first served, within the limits of simultaneous rooms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """A room on demand that waits for its turn.

    Attributes:
        room_id: its id.
        guild_id: its guild's.
    """

    room_id: UUID
    guild_id: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rooms on demand there may be at once.

    Attributes:
        of_guilds: by guild id, 1 or more; guilds that are not named have :attr:`usual`.
        usual: for the others.
        of_all: for the whole installation; None for no limit.
    """

    of_guilds: Mapping[int, int]
    usual: int = 1
    of_all: int | None = None

    def of(self, guild_id: int) -> int:
        """Gives a guild's."""
        return self.of_guilds.get(guild_id, self.usual)


def admitted(
    waiting: Iterable[Waiting], *, taken: Mapping[int, int], limits: Limits
) -> list[Waiting]:
    """Tells whose turn has come.

    A guild that is full holds up its own members alone; an installation that is full, all.

    Args:
        waiting: who waits, who asked first in front.
        taken: by guild id, how many rooms hold a slot now.
        limits: how many may.
    """
    slots = Counter(taken)
    turns = []
    for room in waiting:
        if limits.of_all is not None and slots.total() >= limits.of_all:
            break
        if slots[room.guild_id] < limits.of(room.guild_id):
            slots[room.guild_id] += 1
            turns.append(room)
    return turns
