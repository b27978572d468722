"""Who the actors are: how often they come, how long they stay, and who their friends are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from botrunner.sandbox.entities import Guild

HOUR = 3600.0
DAY = 24 * HOUR
PEAK_HOUR = 20.5
#: A day's mean of `liveliness`, by which a daily number of visits becomes a rate at the peak.
MEAN_LIVELINESS = 0.40


@dataclass(frozen=True, slots=True)
class Habit:
    """How a kind of member spends time in voice; times in seconds.

    Attributes:
        share: of a community's members.
        visits: on a usual day.
        median, spread: of a visit's length, which is log-normal.
        restless: mean time between two things that they do while there.
    """

    share: float
    visits: float
    median: float
    spread: float
    restless: float

    @property
    def peak_rate(self) -> float:
        """Visits begun per second at the liveliest hour."""
        return self.visits / (DAY * MEAN_LIVELINESS)

    @property
    def mean(self) -> float:
        """The mean length of a visit."""
        return self.median * math.exp(self.spread**2 / 2)


HABITS = (
    Habit(share=0.2, visits=3.5, median=55 * 60, spread=0.8, restless=7 * 60),
    Habit(share=0.45, visits=1.2, median=25 * 60, spread=0.9, restless=6 * 60),
    Habit(share=0.35, visits=0.2, median=8 * 60, spread=1.1, restless=3 * 60),
)
CIRCLE_SIZES = (1, 1, 2, 2, 3, 3, 4, 5)


@dataclass(slots=True, eq=False)
class Person:
    """A member as an actor.

    Attributes:
        circle: those whom they come and move with, they themself among them.
        turn: counts their plans: a plan of a former turn is void.
        leaves_at: when their visit is to end, on the show's clock.
    """

    guild_id: int
    user_id: int
    habit: Habit
    circle: list[Person] = field(default_factory=list)
    turn: int = 0
    leaves_at: float = 0.0


def liveliness(hour: float) -> float:
    """Says how much goes on at an hour of the guild's day: 1 in the evening, little at dawn."""
    angle = (hour - PEAK_HOUR) / 24 * 2 * math.pi
    return 0.04 + 0.96 * ((1 + math.cos(angle)) / 2) ** 2


def people_of(guild: Guild, rng: random.Random) -> list[Person]:
    """Makes an actor of each member who is not a bot, and friends of those who are alike."""
    shares = [habit.share for habit in HABITS]
    people = [
        Person(guild.id, user_id, rng.choices(HABITS, shares)[0])
        for user_id, member in guild.members.items()
        if not member.user.bot
    ]
    alike = sorted(people, key=lambda person: (-person.habit.visits, rng.random()))
    while alike:
        size = rng.choice(CIRCLE_SIZES)
        circle, alike = alike[:size], alike[size:]
        for person in circle:
            person.circle = circle
    return people
