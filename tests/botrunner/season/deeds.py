"""What members do in an evening, from a seed: they come, go, move, mute, and change roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.world import World


@dataclass(frozen=True)
class Deed:
    """Something that happens in the world at an instant."""

    at: datetime
    what: Callable[[], object]


@dataclass(frozen=True)
class Places:
    """The channels of a guild, as the story speaks of them."""

    rooms: list[int]
    stage: int
    elsewhere: int
    afk: int
    category: int

    @classmethod
    def of(cls, guild: Guild) -> Places:
        category = by_name(guild, "Voice").id
        return cls(
            rooms=[c.id for c in guild.channels.values() if c.parent_id == category],
            stage=by_name(guild, "Town hall").id,
            elsewhere=by_name(guild, "Staff room").id,
            afk=by_name(guild, "Away").id,
            category=category,
        )

    def any(self, rng: random.Random) -> int:
        """One of them: mostly a room, often the same ones, so that people meet."""
        others = [self.stage, self.elsewhere, self.afk]
        return rng.choice([*self.rooms[:3] * 4, *self.rooms, *others])


def by_name(guild: Guild, name: str) -> Channel:
    return next(channel for channel in guild.channels.values() if channel.name == name)


def role_named(guild: Guild, name: str) -> int:
    return next(role.id for role in guild.roles.values() if role.name == name)


class Crowd:
    """Members of a guild, and what each may do where it makes sense at that moment."""

    def __init__(
        self, world: World, guild: Guild, rng: random.Random, *, speaks_of_roles: bool
    ) -> None:
        """Looks at a guild.

        Args:
            speaks_of_roles: whether who gets or loses a role does something in voice soon
                after, by which those see it who are not told of members.
        """
        self.world, self.guild, self.rng = world, guild, rng
        self._speaks_of_roles = speaks_of_roles
        self.places = Places.of(guild)

    @property
    def people(self) -> list[int]:
        return [user_id for user_id, each in self.guild.members.items() if not each.user.bot]

    @property
    def bots(self) -> list[int]:
        ours = self.world.bot.id
        return [u for u, each in self.guild.members.items() if each.user.bot and u != ours]

    # One thing ----------------------------------------------------------------------------

    def is_there(self, user_id: int) -> bool:
        return user_id in self.guild.voice_states

    def go(self, user_id: int, channel_id: int) -> None:
        if user_id in self.guild.members:
            self.world.join(self.guild.id, user_id, channel_id)

    def leave(self, user_id: int) -> None:
        if self.is_there(user_id):
            self.world.leave(self.guild.id, user_id)

    def rejoin(self, user_id: int) -> None:
        """Leaves and is back at once, as from another device: another visit."""
        if self.is_there(user_id):
            channel_id = self.guild.voice_states[user_id].channel_id
            self.world.leave(self.guild.id, user_id)
            self.world.join(self.guild.id, user_id, channel_id)

    def switch(self, user_id: int, flag: str) -> None:
        if self.is_there(user_id):
            state, member = self.guild.voice_states[user_id], self.guild.members[user_id]
            is_on = getattr(member if flag in {"mute", "deaf"} else state, flag)
            flags: dict[str, Any] = {flag: not is_on}
            self.world.set_voice(self.guild.id, user_id, **flags)

    def turn(self, user_id: int, role_id: int) -> None:
        """Gives a member a role, or takes it."""
        if user_id in self.guild.members:
            roles = set(self.guild.members[user_id].roles) ^ {role_id}
            self.world.update_member(self.guild.id, user_id, roles=sorted(roles))

    # An evening ---------------------------------------------------------------------------

    def evening(
        self, starts: datetime, ends: datetime, *, late_grace: float, rejoin_grace: float
    ) -> list[Deed]:
        """Makes up what everyone does about a window."""
        deeds: list[Deed] = []
        for user_id in self.people:
            if self.rng.random() < 0.85:
                deeds += self._of_one(user_id, starts, ends, late_grace, rejoin_grace)
        for user_id in self.bots[:2]:
            came = self._some(starts, self.rng.uniform(-10, 20))
            room = self.rng.choice(self.places.rooms[:3])
            deeds.append(Deed(came, partial(self.go, user_id, room)))
            left = self._some(starts, self.rng.uniform(30, 60))
            deeds.append(Deed(left, partial(self.leave, user_id)))
        return sorted(deeds, key=lambda deed: deed.at)

    def role_changes(
        self, starts: datetime, ends: datetime, role_ids: list[int], *, count: int
    ) -> list[Deed]:
        """Gives and takes roles, some of them twice."""
        span = (ends - starts).total_seconds()
        deeds = []
        for _ in range(count):
            user_id, role_id = self.rng.choice(self.people), self.rng.choice(role_ids)
            at = self._some(starts, self.rng.uniform(-5, span / 60))
            deeds += self._turning(at, user_id, role_id)
        return deeds

    def meanwhile(self, began: datetime, ended: datetime, role_ids: list[int]) -> list[Deed]:
        """What happens while nobody watches."""
        deeds = []
        for _ in range(self.rng.randrange(4, 9)):
            at = began + (ended - began) * self.rng.uniform(0.02, 0.98)
            user_id, role_id = self.rng.choice(self.people), self.rng.choice(role_ids)
            flag = self.rng.choice(["self_mute", "self_deaf"])
            deeds += self.rng.choice(
                [
                    self._turning(at, user_id, role_id),
                    [Deed(at, partial(self.leave, user_id))],
                    [Deed(at, partial(self.rejoin, user_id))],
                    [Deed(at, partial(self.switch, user_id, flag))],
                    [Deed(at, self._going(user_id))],
                    [Deed(at, self._going(user_id))],
                ]
            )
        return deeds

    def _turning(self, at: datetime, user_id: int, role_id: int) -> list[Deed]:
        deeds = [Deed(at, lambda: self.turn(user_id, role_id))]
        if self._speaks_of_roles:
            soon = at + timedelta(seconds=self.rng.uniform(1, 60))
            deeds.append(Deed(soon, lambda: self.switch(user_id, "self_stream")))
        return deeds

    def all_gone(self, at: datetime) -> list[Deed]:
        """Has whoever is there still leave, one after the other."""
        return [
            Deed(at + timedelta(seconds=index), partial(self.leave, user_id))
            for index, user_id in enumerate([*self.people, *self.bots])
        ]

    def _some(self, instant: datetime, minutes: float) -> datetime:
        """An instant some minutes later, never on the full second."""
        microseconds = self.rng.randrange(1, 1_000_000)
        return instant + timedelta(seconds=round(minutes * 60), microseconds=microseconds)

    def _of_one(
        self,
        user_id: int,
        starts: datetime,
        ends: datetime,
        late_grace: float,
        rejoin_grace: float,
    ) -> Iterator[Deed]:
        rng, places = self.rng, self.places
        minutes = (ends - starts).total_seconds() / 60
        came = rng.choice(
            [rng.uniform(-13, 0), rng.uniform(0, late_grace / 60), rng.uniform(0, minutes / 2)]
        )
        left = rng.choice([minutes + rng.uniform(0, 12), rng.uniform(came + 2, minutes + 2)])
        yield Deed(self._some(starts, came), self._going(user_id))
        for _ in range(rng.randrange(5)):
            moment = self._some(starts, rng.uniform(came, max(came, left)))
            kind = rng.randrange(8)
            if kind == 0:
                away = rng.choice([rng.uniform(1, rejoin_grace), rng.uniform(1, 3 * rejoin_grace)])
                yield Deed(moment, lambda: self.leave(user_id))
                yield Deed(moment + timedelta(seconds=away), self._going(user_id))
            elif kind == 1:
                yield Deed(moment, lambda: self.rejoin(user_id))
            elif kind == 2:
                # Hops: some shorter than a second, which are not kept.
                for _ in range(rng.randrange(2, 5)):
                    yield Deed(moment, self._going(user_id))
                    moment += timedelta(seconds=rng.choice([0.3, 0.8, 1.5, 4, 20]))
            elif kind == 3:
                yield Deed(moment, lambda: self.go(user_id, places.afk))
                back = moment + timedelta(minutes=rng.uniform(1, 10))
                yield Deed(back, self._going(user_id))
            elif kind in {4, 5}:
                flag = rng.choice(["self_mute", "self_deaf", "mute", "deaf", "self_stream"])
                yield Deed(moment, partial(self.switch, user_id, flag))
                if rng.random() < 0.7:
                    again = moment + timedelta(minutes=rng.uniform(0.5, 15))
                    yield Deed(again, partial(self.switch, user_id, flag))
            else:
                yield Deed(moment, self._going(user_id))
        yield Deed(self._some(starts, left), lambda: self.leave(user_id))

    def _going(self, user_id: int) -> Callable[[], None]:
        channel_id = self.places.any(self.rng)
        return lambda: self.go(user_id, channel_id)
