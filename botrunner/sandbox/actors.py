"""Members whose days look like a community's: they come, talk, wander, bounce and go.

One heap of what is due drives all of them, so that ten thousand cost no more than what
they do. Every choice comes from one seeded generator, and each next thing is reckoned
from when the last was due rather than from when it was done: the same seed gives the
same show, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from itertools import count
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.hosts import Hosts
from botrunner.sandbox.lodgers import Lodgers
from botrunner.sandbox.people import HOUR, Person, liveliness, people_of
from botrunner.sandbox.staff import Staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.sandbox.entities import Channel, ChannelType, Guild, VoiceState
    from botrunner.sandbox.world import World

logger = logging.getLogger(__name__)

#: The hour at which the first guild's day begins; the others live further east.
OPENING_HOUR = 19.5
HOURS_APART = 5.0
#: Seconds of the clock within which the channels fill at the start, at speed 1.
OPENING = 45.0
OPENING_LEAST = 8
#: The longest that the show is behind before it lets the time pass instead of catching up.
MOST_BEHIND = 5.0

#: What somebody who is connected does next, and how often.
DEEDS = {
    "mute": 40,
    "deafen": 9,
    "camera": 8,
    "stream": 8,
    "wander": 22,
    "hop": 3,
    "reconnect": 4,
    "go_away": 3,
}
BOUNCES = 0.07
FRIENDS_COME = 0.45
FRIENDS_FOLLOW = 0.7
STARTS_MUTED = 0.25


async def run_actors(world: World, *, seed: int, speed: float, has_rooms: bool = False) -> None:
    """Has the members of all guilds live their days, until cancelled.

    Args:
        seed: gives the same choices each time.
        speed: divides the waits between what actors do. Hops and bounces, which are
            quick already, keep their pace.
        has_rooms: whether some of them want rooms of their own.
    """
    show = Show(world, seed=seed, speed=speed, has_rooms=has_rooms)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        behind = loop.time() - began - show.next_due
        if behind < 0:
            await asyncio.sleep(-behind)
            continue
        if behind > MOST_BEHIND:
            began += behind
        show.play_next()
        await asyncio.sleep(0)


class Show:
    """The actors and what is due; its clock counts wall seconds from the beginning."""

    def __init__(self, world: World, *, seed: int, speed: float, has_rooms: bool = False) -> None:
        """Plans the opening: the channels fill within a minute, as on an evening."""
        self.world = world
        self.speed = speed
        self.rng = random.Random(seed)
        self.now = 0.0
        self.people: dict[int, list[Person]] = {}
        self.opening_hours: dict[int, float] = {}
        self.hubs: set[int] = set()
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None], Callable[[], None]]] = []
        for number, guild in enumerate(world.guilds.values()):
            self.opening_hours[guild.id] = OPENING_HOUR + number * HOURS_APART
            self.people[guild.id] = people_of(guild, self.rng)
            self._open(self.people[guild.id])
            Staff(self, guild.id)
            Hosts(self, guild.id, seed=seed)
            if has_rooms:
                Lodgers(self, guild.id, seed=seed, has_look_alike=number == 0)

    # The clock ----------------------------------------------------------------------------

    @property
    def next_due(self) -> float:
        """When the next thing is due; a while from now where there is nobody to do anything."""
        return self._due[0][0] if self._due else self.now + HOUR

    def play_next(self) -> None:
        """Does the thing that is due next, if any, and sees that whoever fails goes on later."""
        if not self._due:
            return
        self.now, _, deed, recover = heapq.heappop(self._due)
        try:
            deed()
        except Exception:
            logger.exception("An actor failed and takes a rest")
            recover()

    def hour(self, guild_id: int, *, after: float = 0.0) -> float:
        """Tells the hour of a guild's day, some story seconds from now."""
        story = self.now * self.speed + after
        return (self.opening_hours[guild_id] + story / HOUR) % 24

    def after(self, story: float, deed: Callable[[], None], recover: Callable[[], None]) -> None:
        """Plans a deed some story seconds from now: at speed 60 a minute takes a second."""
        self.soon(story / self.speed, deed, recover)

    def soon(self, wall: float, deed: Callable[[], None], recover: Callable[[], None]) -> None:
        """Plans a deed some seconds of the clock from now, at any speed."""
        heapq.heappush(self._due, (self.now + wall, next(self._order), deed, recover))

    def _plan(
        self, person: Person, deed: Callable[[Person], None], wait: float, *, quick: bool = False
    ) -> None:
        """Plans what a person does next, in place of whatever they had planned."""
        person.turn += 1
        turn = person.turn

        def act() -> None:
            if person.turn == turn and person.user_id in self._guild(person).members:
                deed(person)

        (self.soon if quick else self.after)(wait, act, lambda: self._rest(person))

    def plan(self, person: Person, deed: Callable[[Person], None], wall: float) -> None:
        """Plans what a person does some seconds of the clock from now, in place of all else."""
        self._plan(person, deed, wall, quick=True)

    def rest(self, person: Person) -> None:
        """Has a person come again some time, in place of whatever they had planned."""
        self._rest(person)

    # Coming and going ---------------------------------------------------------------------

    def _open(self, people: list[Person]) -> None:
        """Has come, soon, about as many as would be there at this hour, and the others later."""
        chosen = {
            person
            for person in people
            if self.rng.random()
            < 1.2
            * person.habit.peak_rate
            * person.habit.mean
            * liveliness(self.hour(person.guild_id))
        }
        regulars = sorted(people, key=lambda person: -person.habit.visits)
        for person in regulars[:OPENING_LEAST]:
            chosen.add(person)
        for person in people:
            if person in chosen:
                wait = 0.5 + OPENING * self.rng.random() ** 2 / min(self.speed, 10.0)
                self._plan(person, self._come, wait, quick=True)
            else:
                self._rest(person)

    def _rest(self, person: Person) -> None:
        """Plans the next visit: the later in the evening it gets, the likelier one is."""
        wait = 0.0
        while True:
            wait += self.rng.expovariate(person.habit.peak_rate)
            if self.rng.random() < liveliness(self.hour(person.guild_id, after=wait)):
                break
        self._plan(person, self._come, wait)

    def _come(self, person: Person) -> None:
        if self._state(person) is not None:
            self._go_on(person)
            return
        channel = self._choose(person)
        if channel is None:
            self._rest(person)
            return
        muted = self.rng.random() < STARTS_MUTED
        self.world.join(person.guild_id, person.user_id, channel.id, self_mute=muted)
        habit = person.habit
        length = min(self.rng.lognormvariate(0, habit.spread) * habit.median, 9 * HOUR)
        person.leaves_at = self.now + length / self.speed
        if self.rng.random() < BOUNCES:
            self._plan(person, self._go, self.rng.uniform(0.1, 0.95), quick=True)
            return
        self._go_on(person)
        for friend in person.circle:
            if self._state(friend) is None and self.rng.random() < FRIENDS_COME:
                self._plan(friend, self._come, self.rng.uniform(2, 90))

    def _go(self, person: Person) -> None:
        if self._state(person) is not None:
            self.world.leave(person.guild_id, person.user_id)
        self._rest(person)

    def _go_on(self, person: Person) -> None:
        """Plans the next deed of somebody who is connected: the last one is to leave."""
        wait = self.rng.expovariate(1 / person.habit.restless)
        left = (person.leaves_at - self.now) * self.speed
        if wait < left:
            self._plan(person, self._act, wait)
        else:
            self._plan(person, self._go, max(left, 0.0))

    # While there --------------------------------------------------------------------------

    def _act(self, person: Person) -> None:
        state = self._state(person)
        if state is None:
            self._rest(person)
            return
        deed = self.rng.choices(list(DEEDS), list(DEEDS.values()))[0]
        if deed == "hop":
            self._hop(person, self.rng.randint(3, 20))
        elif deed == "reconnect":
            self.world.leave(person.guild_id, person.user_id)
            self._plan(person, self._return(state.channel_id), self.rng.uniform(0.2, 4), quick=True)
        else:
            if deed == "wander":
                self._wander(person)
            elif deed == "go_away":
                self._go_away(person)
            else:
                self._toggle(person, state, deed)
            self._go_on(person)

    def _toggle(self, person: Person, state: VoiceState, what: str) -> None:
        flags: dict[str, Any] = {
            "mute": {"self_mute": not state.self_mute},
            "deafen": {"self_deaf": not state.self_deaf, "self_mute": not state.self_deaf},
            "camera": {"self_video": not state.self_video},
            "stream": {"self_stream": not state.self_stream},
        }[what]
        self.world.set_voice(person.guild_id, person.user_id, **flags)

    def _wander(self, person: Person) -> None:
        """Moves to another channel, and takes friends along."""
        state, channel = self._state(person), self._choose(person, elsewhere=True)
        if state is None or channel is None:
            return
        company = [
            friend
            for friend in person.circle
            if friend is not person
            and (other := self._state(friend)) is not None
            and other.channel_id == state.channel_id
        ]
        self.world.move(person.guild_id, person.user_id, channel.id)
        for friend in company:
            if self.rng.random() < FRIENDS_FOLLOW:
                self._plan(friend, self._follow(channel.id), self.rng.uniform(0.3, 4), quick=True)

    def _follow(self, channel_id: int) -> Callable[[Person], None]:
        def follow(person: Person) -> None:
            self._try_move(person, channel_id)
            self._go_on(person)

        return follow

    def _hop(self, person: Person, left: int) -> None:
        """Tries one channel after another, up to twenty within two seconds, and stays in one."""
        channel = self._choose(person, elsewhere=True)
        if left and channel is not None and self._state(person) is not None:
            self._try_move(person, channel.id)
            wait = self.rng.uniform(0.04, 0.1)
            self._plan(person, lambda each: self._hop(each, left - 1), wait, quick=True)
        else:
            self._go_on(person)

    def _return(self, channel_id: int) -> Callable[[Person], None]:
        def come_back(person: Person) -> None:
            if self._state(person) is None and self._may_join(person, channel_id):
                self.world.join(person.guild_id, person.user_id, channel_id)
                self._go_on(person)
            else:
                self._rest(person)

        return come_back

    def _go_away(self, person: Person) -> None:
        afk = self._guild(person).afk_channel_id
        if afk is not None:
            self._try_move(person, afk)

    # Where to -----------------------------------------------------------------------------

    def _guild(self, person: Person) -> Guild:
        return self.world.guild(person.guild_id)

    def _state(self, person: Person) -> VoiceState | None:
        return self._guild(person).voice_states.get(person.user_id)

    def _may_join(self, person: Person, channel_id: int) -> bool:
        return channel_id in self._guild(person).channels and self.world.may_join(
            person.guild_id, person.user_id, channel_id
        )

    def _try_move(self, person: Person, channel_id: int) -> None:
        if self._state(person) is not None and self._may_join(person, channel_id):
            self.world.move(person.guild_id, person.user_id, channel_id)

    def _choose(self, person: Person, *, elsewhere: bool = False) -> Channel | None:
        """Chooses a channel: rather where friends are, then where others are."""
        guild, state = self._guild(person), self._state(person)
        here = state.channel_id if state is not None and elsewhere else None
        appeal = {
            channel.id: self._appeal(channel.type)
            for channel in guild.channels.values()
            if channel.is_voice and channel.id not in {here, guild.afk_channel_id, *self.hubs}
        }
        for other in guild.voice_states.values():
            if other.channel_id in appeal:
                appeal[other.channel_id] += 0.6
        for friend in person.circle:
            theirs = self._state(friend)
            if theirs is not None and theirs.channel_id in appeal and friend is not person:
                appeal[theirs.channel_id] += 12.0
        while appeal:
            (chosen,) = self.rng.choices(list(appeal), list(appeal.values()))
            if self._may_join(person, chosen):
                return guild.channels[chosen]
            del appeal[chosen]
        return None

    @staticmethod
    def _appeal(kind: ChannelType) -> float:
        return 1.0 if kind.name == "VOICE" else 0.3
