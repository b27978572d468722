"""Members who want a room of their own: they ask for one, or enter the hub.

They have dice of their own. Rooms live by the clock and not by the story, and so does what
their owners do: at any speed they take as long to come as people do.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms import demo
from botrunner.domain.rooms.overwrites import Guests, overwrites_of
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.errors import CannotDoError, NotAllowedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.sandbox.actors import Show
    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.people import Person

#: Seconds of the clock, on average, between those who ask and between those who enter the hub.
BETWEEN_ASKS, BETWEEN_VISITS = 10.0, 25.0
#: Nobody asks where so many wait already, nor enters the hub where it gave so many rooms.
MOST_WAITING, MOST_LODGING = 2, 4
LOOK_SECONDS: Final = 0.5
PATIENCE: Final = 240
LONGEST: Final = 120.0
#: So many looks is somebody patient in the hub.
PATIENCE_IN_HUB: Final = 30
#: Shares of those who got their room.
NEVER_COME, RENAME, INVITE, CLOSE = 0.15, 0.5, 0.4, 0.3
NAMES: Final = ("Study hall", "Late crew", "Board games", "Just us", "Karaoke", "Speedruns")


class Lodgers:
    """Those of a guild who want rooms."""

    def __init__(self, show: Show, guild_id: int, *, seed: int, has_look_alike: bool) -> None:
        """Lays the hub and its category, and plans the first request.

        Args:
            show: whose clock it is.
            guild_id: where.
            seed: gives the same choices each time.
            has_look_alike: whether there is a channel, too, that our bot made for no room.
        """
        self._show = show
        self._guild_id = guild_id
        self._rng = random.Random(f"rooms {seed} {guild_id}")
        # Until when: whom friends call away in between comes back to none of it.
        self._waiting: dict[int, float] = {}
        self._lodging: dict[int, float] = {}
        self._taken: set[int] = set()
        world, owner = show.world, self._guild.owner_id
        category = world.create_channel(
            guild_id, by=owner, type=ChannelType.CATEGORY, name=demo.CATEGORY
        )
        self._hub = world.create_channel(
            guild_id, by=owner, type=ChannelType.VOICE, name=demo.HUB, parent_id=category.id
        )
        show.hubs.add(self._hub.id)
        if has_look_alike:
            made = world.create_channel(
                guild_id,
                by=world.bot.id,
                type=ChannelType.VOICE,
                name=demo.LOOK_ALIKE,
                parent_id=category.id,
                overwrites=overwrites_of(
                    Guests(owner, is_private=True), guild_id=guild_id, bot_id=world.bot.id
                ),
            )
            self._taken.add(made.id)
        if show.people[guild_id]:
            self._every(BETWEEN_ASKS, self._ask)
            self._every(BETWEEN_VISITS, self._visit)

    @property
    def _guild(self) -> Guild:
        return self._show.world.guild(self._guild_id)

    def _every(self, seconds: float, deed: Callable[[], None]) -> None:
        """Does something again and again, whatever becomes of it."""

        def again() -> None:
            self._every(seconds, deed)
            deed()

        self._show.soon(self._rng.expovariate(1 / seconds), again, lambda: None)

    def _somebody(self) -> Person | None:
        """Chooses somebody who is not connected and has nothing to do with rooms."""
        guild = self._guild
        free = [
            person
            for person in self._show.people[guild.id]
            if person.user_id in guild.members
            and person.user_id not in guild.voice_states
            and not self._is_busy(self._waiting, person)
            and not self._is_busy(self._lodging, person)
        ]
        return self._rng.choice(free) if free else None

    def _is_busy(self, among: dict[int, float], person: Person) -> bool:
        return among.get(person.user_id, 0.0) > self._show.now

    def _busy(self, among: dict[int, float]) -> int:
        return sum(until > self._show.now for until in among.values())

    def _use(self, person: Person, channel: Channel, command: str, **options: str) -> bool:
        """Uses a slash command; tells whether it was there to be used."""
        try:
            self._show.world.use_command(
                self._guild_id, person.user_id, channel.id, command, options=options
            )
        except (CannotDoError, NotAllowedError):
            # The bot has not told its commands yet, or they may not be used here.
            return False
        return True

    # On demand ----------------------------------------------------------------------------

    def _ask(self) -> None:
        person = self._somebody()
        chats = [each for each in self._guild.channels.values() if each.type is ChannelType.TEXT]
        if person is None or not chats or self._busy(self._waiting) >= MOST_WAITING:
            return
        if self._use(person, chats[0], "voice"):
            self._waiting[person.user_id] = self._show.now + LONGEST
            self._look(person, PATIENCE)

    def _look(self, person: Person, left: int) -> None:
        """Looks for the room every now and then, until it is there or patience ends."""
        room = self._room_of(person)
        if room is None and left:
            self._show.plan(person, lambda each: self._look(each, left - 1), LOOK_SECONDS)
            return
        self._waiting.pop(person.user_id, None)
        if room is not None:
            self._taken.add(room.id)
        if room is None or self._rng.random() < NEVER_COME:
            self._show.rest(person)
        else:
            wait = self._rng.uniform(1, 6)
            self._show.plan(person, lambda each: self._move_in(each, room), wait)

    def _room_of(self, person: Person) -> Channel | None:
        """Finds the channel that the bot made for somebody, by the overwrite for them."""
        for channel in reversed(self._guild.channels.values()):
            targets = {each.target_id for each in channel.overwrites if not each.is_role}
            is_free = channel.is_voice and channel.id not in self._taken
            if is_free and {person.user_id, self._show.world.bot.id} <= targets:
                return channel
        return None

    def _move_in(self, person: Person, room: Channel) -> None:
        if room.id not in self._guild.channels or person.user_id in self._guild.voice_states:
            self._show.rest(person)
            return
        self._show.world.join(self._guild_id, person.user_id, room.id)
        self._settle(person, room)

    # The hub ------------------------------------------------------------------------------

    def _visit(self) -> None:
        person = self._somebody()
        if person is None or self._busy(self._lodging) >= MOST_LODGING:
            return
        if self._show.world.may_join(self._guild_id, person.user_id, self._hub.id):
            self._lodging[person.user_id] = self._show.now + LONGEST
            self._show.world.join(self._guild_id, person.user_id, self._hub.id)
            self._wait(person, PATIENCE_IN_HUB)

    def _wait(self, person: Person, left: int) -> None:
        """Waits in the hub to be moved."""
        state = self._guild.voice_states.get(person.user_id)
        if state is not None and state.channel_id != self._hub.id:
            self._settle(person, self._guild.channels[state.channel_id])
        elif state is not None and left:
            self._show.plan(person, lambda each: self._wait(each, left - 1), LOOK_SECONDS)
        else:
            self._go(person)

    # In the room --------------------------------------------------------------------------

    def _settle(self, person: Person, room: Channel) -> None:
        """Runs the room for a while."""
        self._lodging[person.user_id] = self._show.now + LONGEST
        rng = self._rng
        if rng.random() < RENAME:
            name = rng.choice(NAMES)
            self._later(rng.uniform(3, 10), lambda: self._rename(person, room, name))
        if rng.random() < INVITE:
            self._later(rng.uniform(5, 15), lambda: self._invite(person, room))
        self._show.plan(person, lambda each: self._move_out(each, room), rng.uniform(25, 90))

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        self._show.soon(seconds, deed, lambda: None)

    def _is_in(self, person: Person, room: Channel) -> bool:
        state = self._guild.voice_states.get(person.user_id)
        return state is not None and state.channel_id == room.id

    def _rename(self, person: Person, room: Channel, name: str) -> None:
        if self._is_in(person, room):
            self._use(person, room, "room rename", name=name)

    def _invite(self, person: Person, room: Channel) -> None:
        """Has a friend come, soon."""
        friend = self._somebody()
        if friend is None or not self._is_in(person, room):
            return
        self._use(person, room, "room invite", member=str(friend.user_id))
        self._show.plan(friend, lambda each: self._drop_in(each, room), self._rng.uniform(2, 6))

    def _drop_in(self, friend: Person, room: Channel) -> None:
        is_there = room.id in self._guild.channels
        if is_there and self._show.world.may_join(self._guild_id, friend.user_id, room.id):
            self._show.world.join(self._guild_id, friend.user_id, room.id)
            self._show.plan(friend, self._go, self._rng.uniform(10, 60))
        else:
            self._show.rest(friend)

    def _move_out(self, person: Person, room: Channel) -> None:
        if self._is_in(person, room) and self._rng.random() < CLOSE:
            self._use(person, room, "close")
        self._go(person)

    def _go(self, person: Person) -> None:
        self._waiting.pop(person.user_id, None)
        self._lodging.pop(person.user_id, None)
        if person.user_id in self._guild.voice_states:
            self._show.world.leave(self._guild_id, person.user_id)
        self._show.rest(person)
