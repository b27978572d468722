"""What is to be done where the rooms' rows and a guild's channels differ.

Four things and nothing else: forget, bind, delete, quarantine. A channel is deleted only where
a room's row names it, or where our bot's own entry in the audit log has a room's id; not where
it is called like a room or looks like one. What is gone is what answered 404, never what is
merely not in a list. In doubt nothing is done, or staff are shown it.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.overwrites import OURS
from botrunner.domain.rooms.room import Reason, Room, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from uuid import UUID

    from community.domain.permissions import Overwrite

IN_HAND: Final = timedelta(seconds=45)
"""What has changed since then is left to the bot; longer than a creation may be unheard of."""

TWIN: Final = "a twin: its room has another channel"

_MAY_HAVE_UNHEARD: Final = frozenset({State.CREATING, State.CLOSING, State.QUARANTINED})
_NEVER_MADE: Final = frozenset({State.CLOSING, State.QUARANTINED})


class What(enum.StrEnum):
    """What is done."""

    FORGET = "forget"
    """The channel is not there: the row says so from now on. Discord is not touched."""
    BIND = "bind"
    """The channel is the room's: the row says so from now on, and nobody need decide about it.
    Discord is not touched."""
    DELETE = "delete"
    """The channel is deleted on Discord."""
    QUARANTINE = "quarantine"
    """The channel is shown to staff, who decide. Discord is not touched."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        what: of which kind.
        channel_id: the channel; None for a room whose channel was never made.
        room_id: the room whose row or mark it rests on; None where there is none.
        why: in words for staff.
        is_untold: whether a channel is shown to staff only because the audit log does not tell
            who made it; it may tell yet.
    """

    what: What
    channel_id: int | None
    room_id: UUID | None
    why: str
    is_untold: bool = False


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """A channel of the guild, as Discord lists it.

    Attributes:
        is_voice: whether members can talk in it.
        made_at: when, by its id.
    """

    id: int
    name: str
    is_voice: bool
    made_at: datetime
    overwrites: tuple[Overwrite, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownRoom:
    """A room's row.

    Attributes:
        life: what it says.
        touched_at: when the bot had it in hand last, or will.
    """

    life: Room
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class Creation:
    """A channel that our bot made, by the guild's audit log.

    Attributes:
        channel_id: the channel.
        room_id: the room in its reason; None where it names none.
        at: when it was made.
    """

    channel_id: int
    room_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class World:
    """What is known of a guild's rooms and channels; read in this order, the rows last.

    Attributes:
        bot_id: our bot's user id.
        channels: by id, those that Discord lists.
        creations: those by our bot; empty where the audit log may not be read.
        log_since: from when on no creation is missing; None where the log may not be read.
        gone: ids of channels that answered 404 when they were asked about.
        rooms: by id, those that are live, are named by a creation, or name a channel of these.
        occupied: ids of channels with people in them.
        kept: ids of channels that staff have decided to keep, or put to another use.
        in_quarantine: ids of channels that staff are to decide about.
        untold: those of them that are there only because the audit log did not tell who made
            them: what can be proved by now is done, as if nobody had been shown them.
    """

    bot_id: int
    channels: dict[int, SeenChannel]
    creations: tuple[Creation, ...]
    log_since: datetime | None
    gone: frozenset[int]
    rooms: dict[UUID, KnownRoom]
    occupied: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    in_quarantine: frozenset[int] = frozenset()
    untold: frozenset[int] = frozenset()


def missing(
    rooms: Collection[Room], creations: Collection[Creation], listed: Collection[int]
) -> list[int]:
    """Names the channels of live rooms that Discord does not list: to be asked about singly.

    Args:
        rooms: the guild's.
        creations: our bot's; their marks give channels to rooms that name none yet.
        listed: ids of the channels that are listed.
    """
    live = {room.id: room.channel_id for room in rooms if not room.is_over}
    named = {channel_id for channel_id in live.values() if channel_id is not None}
    marked = {
        creation.channel_id
        for creation in creations
        if creation.room_id in live and live[creation.room_id] is None
    }
    return sorted((named | marked) - set(listed))


def looks_like_ours(channel: SeenChannel, bot_id: int) -> bool:
    """Tells whether a channel has what each room has: an overwrite for the bot itself.

    A name proves nothing and is not looked at. A clone of a room has the overwrite too.
    """
    return channel.is_voice and any(
        overwrite.target_id == bot_id and not overwrite.is_role and not OURS & ~overwrite.allow
        for overwrite in channel.overwrites
    )


def plan(world: World, *, at: datetime) -> list[Action]:
    """Tells what to do, in this order; what is done once is not in the next plan.

    Args:
        world: what is known.
        at: when.
    """
    return list(_Planning(world, at).actions())


class _Planning:
    """One look at a world."""

    def __init__(self, world: World, at: datetime) -> None:
        self.world = world
        self.at = at
        self.for_staff = world.in_quarantine - world.untold
        self.live_in: dict[int, KnownRoom] = {}
        self.over_in: dict[int, KnownRoom] = {}
        self.let_go_in: set[int] = set()
        for room in world.rooms.values():
            self._place(room)
        self.made = {creation.channel_id: creation for creation in world.creations}
        self.marked: defaultdict[UUID, list[int]] = defaultdict(list)
        for channel_id in sorted(world.channels.keys() - world.gone):
            creation = self.made.get(channel_id)
            if creation is not None and creation.room_id is not None:
                self.marked[creation.room_id].append(channel_id)

    def _place(self, room: KnownRoom) -> None:
        channel_id = room.life.channel_id
        if channel_id is None:
            return
        if not room.life.is_over:
            self.live_in[channel_id] = room
        elif room.life.reason == Reason.LET_GO:
            self.let_go_in.add(channel_id)
        else:
            self.over_in[channel_id] = room

    def actions(self) -> Iterator[Action]:
        for room in self.world.rooms.values():
            if not self._is_in_hand(room.touched_at):
                yield from self._of_room(room.life)
        for channel_id in sorted(self.world.in_quarantine & self.world.gone):
            yield Action(What.FORGET, channel_id, None, "the channel in quarantine answers 404")
        for channel_id in sorted(self.world.channels.keys() - self.world.gone):
            yield from self._of_channel(self.world.channels[channel_id])

    def _is_in_hand(self, since: datetime) -> bool:
        return since > self.at - IN_HAND

    def _of_room(self, room: Room) -> Iterator[Action]:
        """Says what becomes of a row, and of the channel that it names or is to name."""
        if room.is_over:
            return
        if room.channel_id is not None:
            if room.channel_id in self.world.gone:
                yield Action(What.FORGET, room.channel_id, room.id, "its channel answers 404")
            elif room.channel_id in self.world.channels:
                yield from self._if_asked_about(room, room.channel_id)
                yield from self._if_closing(room, room.channel_id)
            return
        if room.asked_at is None or room.state not in _MAY_HAVE_UNHEARD:
            return
        marked = self.marked.get(room.id, ())
        found = [channel_id for channel_id in marked if not self._is_spoken_for(channel_id)]
        if not self.for_staff.isdisjoint(marked) and not found:
            # Staff may say yet that it is this room's.
            return
        if found:
            yield from self._found(room, found)
        elif (
            room.state in _NEVER_MADE
            and self._log_reaches(room.asked_at)
            and not self._is_unlisted(room)
        ):
            yield Action(
                What.FORGET, None, room.id, "the audit log knows of no channel of its that is there"
            )

    def _found(self, room: Room, channel_ids: list[int]) -> Iterator[Action]:
        channel_id, *twins = channel_ids
        if room.state is State.QUARANTINED and channel_id in self.world.occupied:
            # Bound it would be closed, and whoever is inside with it: staff decide that.
            return
        yield Action(What.BIND, channel_id, room.id, "its creation has the room's mark")
        if room.state is not State.CREATING:
            yield Action(What.DELETE, channel_id, room.id, "the room is to end")
        for twin in twins:
            if not self._is_in_hand(self.world.channels[twin].made_at):
                yield from self._to_go(twin, room.id, TWIN)

    def _if_asked_about(self, room: Room, channel_id: int) -> Iterator[Action]:
        """Settles what staff were asked before the bot heard whose it is."""
        is_open = channel_id in self.world.in_quarantine and channel_id not in self.world.kept
        if is_open and room.state is not State.QUARANTINED:
            yield Action(What.BIND, channel_id, room.id, "its room's row names it")

    def _if_closing(self, room: Room, channel_id: int) -> Iterator[Action]:
        if room.state is State.CLOSING and channel_id not in self.world.kept:
            yield Action(What.DELETE, channel_id, room.id, "the room is to end")

    def _log_reaches(self, instant: datetime) -> bool:
        # A minute for what Discord's clock and ours differ by.
        log_since = self.world.log_since
        return log_since is not None and log_since <= instant - timedelta(minutes=1)

    def _is_unlisted(self, room: Room) -> bool:
        """Tells whether a channel with the room's mark is neither listed nor known to be gone."""
        here = self.world.channels.keys() | self.world.gone
        return any(
            creation.room_id == room.id and creation.channel_id not in here
            for creation in self.world.creations
        )

    def _is_spoken_for(self, channel_id: int) -> bool:
        """Tells whether a channel is somebody's, or for staff to decide about."""
        return (
            channel_id in self.for_staff
            or channel_id in self.live_in
            or channel_id in self.let_go_in
            or channel_id in self.world.kept
        )

    def _of_channel(self, channel: SeenChannel) -> Iterator[Action]:
        """Says what becomes of a channel that no live row names."""
        if self._is_spoken_for(channel.id) or self._is_in_hand(channel.made_at):
            return
        room = self._room_of(channel.id)
        if room is not None:
            yield from self._left_over(channel.id, room)
        else:
            yield from self._unproved(channel)

    def _room_of(self, channel_id: int) -> KnownRoom | None:
        """Finds the room that a mark or a row of the past gives a channel to."""
        creation = self.made.get(channel_id)
        if creation is not None and creation.room_id in self.world.rooms:
            return self.world.rooms[creation.room_id]
        return self.over_in.get(channel_id)

    def _left_over(self, channel_id: int, room: KnownRoom) -> Iterator[Action]:
        life = room.life
        if life.is_over and life.reason == Reason.LET_GO:
            if life.channel_id is not None:
                why = "Has the mark of a room that staff let go, and is a twin of it."
                yield from self._quarantined(channel_id, life.id, why)
        elif life.is_over:
            yield from self._to_go(channel_id, life.id, "its room is over")
        elif life.channel_id is None or self._is_in_hand(room.touched_at):
            return
        elif life.state is not State.QUARANTINED or life.channel_id in self.world.gone:
            # Of one in quarantine staff may still choose the twin.
            yield from self._to_go(channel_id, life.id, TWIN)

    def _to_go(self, channel_id: int, room_id: UUID, why: str) -> Iterator[Action]:
        """Deletes what is provably ours and of no use; not from under people's feet."""
        if channel_id in self.world.occupied:
            words = f"Is ours and to go ({why}), but people are in it."
            yield from self._quarantined(channel_id, room_id, words)
        else:
            yield Action(What.DELETE, channel_id, room_id, why)

    def _unproved(self, channel: SeenChannel) -> Iterator[Action]:
        creation = self.made.get(channel.id)
        if creation is not None and creation.room_id is not None:
            why = f"Our bot made it for a room that is not known here: {creation.room_id}."
        elif creation is not None and channel.is_voice:
            why = "Our bot made it, and the audit log names no room."
        elif creation is None and looks_like_ours(channel, self.world.bot_id):
            log_since = self.world.log_since
            if log_since is not None and channel.made_at > log_since:
                # Our bot's creations since then are known, and it is not among them.
                return
            if channel.id not in self.world.untold:
                why = "Looks like a room, and the audit log does not tell who made it."
                yield Action(What.QUARANTINE, channel.id, None, why, is_untold=True)
            return
        else:
            return
        yield from self._quarantined(channel.id, None, why)

    def _quarantined(self, channel_id: int, room_id: UUID | None, why: str) -> Iterator[Action]:
        yield Action(What.QUARANTINE, channel_id, room_id, why)
