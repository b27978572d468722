"""What is particular about each of the eight weeks, and how they are played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.botrunner.season.story import AFTER, BEFORE, MINUTE, Season, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID


@dataclass
class Week:
    """One week as it is played.

    Attributes:
        starts, ends: its event's window when the evening begins.
    """

    season: Season
    event_id: UUID
    index: int
    starts: datetime
    ends: datetime

    def some(self, least: float = 0.15, most: float = 0.8) -> datetime:
        """An instant within the window, between these shares of it."""
        share = self.season.rng.uniform(least, most)
        return self.starts + timedelta(
            seconds=int((self.ends - self.starts).total_seconds() * share)
        )

    def dark(
        self,
        *minutes: float,
        begin: Callable[[], Awaitable[object]],
        end: Callable[[], Awaitable[object]],
    ) -> list[Step]:
        """Has the bot be blind for some minutes, of which there are the least and the most."""
        at = self.some(0.1, 0.7)
        until = at + timedelta(seconds=self.season.rng.uniform(*minutes) * 60)
        meanwhile = self.season.crowd.meanwhile(at, until, self.season.roles)
        return [Step(at, begin), *self.season.steps_of(meanwhile), Step(until, end)]

    def stopped(self, *minutes: float) -> list[Step]:
        stage = self.season.stage
        return self.dark(*minutes, begin=stage.stop, end=stage.start)

    def cut(self, *minutes: float, resumes: bool) -> list[Step]:
        stage = self.season.stage

        async def cut() -> None:
            if resumes:
                # Who was silent for a minute and a half in all is taken for lost by the bot.
                await stage.minute(has_jobs=False)
            stage.cut()

        return self.dark(*minutes, begin=cut, end=lambda: stage.let_in(resumes=resumes))


async def nothing(_: Week) -> None:
    """Nothing is particular."""


def no_steps(_: Week) -> list[Step]:
    return []


# Each week: before, during, after ---------------------------------------------------------------


async def extend(week: Week) -> None:
    """The window is extended after the end."""
    await week.season.change(week.event_id, ends_at=week.ends + timedelta(minutes=10))


async def move_ahead(week: Week) -> None:
    """The window is moved, a day before."""
    later = timedelta(minutes=20)
    await week.season.change(
        week.event_id, starts_at=week.starts + later, ends_at=week.ends + later
    )


async def move_back(week: Week) -> None:
    """The window is moved once more, after the end."""
    earlier = timedelta(minutes=7)
    await week.season.change(
        week.event_id, starts_at=week.starts - earlier, ends_at=week.ends - earlier
    )


async def edit_apart(week: Week) -> None:
    """This one credits blind gaps, and forbids a role."""
    season = week.season
    await season.change(
        week.event_id, gap_policy="credit", no_role_ids=frozenset({season.newcomer})
    )


def another_room(week: Week) -> list[Step]:
    return [
        *week.cut(0.3, 1.4, resumes=True),
        Step(week.some(), week.season.make_room),
        Step(week.some(), week.season.welcome),
        Step(week.some(), week.season.part),
    ]


async def change_all(week: Week) -> None:
    """From here on the series asks for other roles, another share, and has few places."""
    season = week.season
    await season.change_all_from(
        week.index,
        minimum_share=0.4,
        all_role_ids=frozenset({season.regular}),
        any_role_ids=frozenset({season.regular, season.crew}),
        counts_muted=False,
        capacity=4,
    )


def shorter_and_void(week: Week) -> list[Step]:
    season = week.season
    return [
        *week.stopped(9, 14),
        Step(week.some(0.0, 0.08), season.void_somebody),
        Step(week.some(0.85, 0.95), season.void_somebody),
        Step(week.some(), lambda: season.change(week.event_id, minimum_seconds=900, capacity=None)),
    ]


async def cancel(week: Week) -> None:
    await week.season.cancel(week.event_id)


async def plan_afterwards(week: Week) -> None:
    """In place of the one that was cancelled another is made, for the whole guild."""
    season = week.season
    plan = replace(
        season.wishes[week.event_id].plan,
        title="Night watch after all",
        starts_at=week.starts - timedelta(minutes=5),
        channel_ids=frozenset(),
        any_role_ids=frozenset(),
        all_role_ids=frozenset(),
        no_role_ids=frozenset({season.newcomer}),
        gap_policy="credit",
        counts_alone=True,
        capacity=None,
    )
    made = await season.make_afterwards(plan)
    await season.stage.minute()
    await season.look(made)


def ask_for_others_and_take_it_back(week: Week) -> list[Step]:
    season = week.season
    kept = season.wishes[week.event_id].plan
    at = week.some(0.2, 0.5)

    async def change() -> None:
        roles = {"any_role_ids": frozenset({season.newcomer}), "all_role_ids": frozenset()}
        await season.change(week.event_id, **roles)

    return [
        Step(at, change),
        Step(at + 9 * MINUTE, lambda: season.take_back(week.event_id, kept)),
        *week.cut(3, 7, resumes=False),
    ]


async def decide(week: Week) -> None:
    """Staff credit some members, and refuse one; an event that was cancelled is on again."""
    season = week.season
    for verdict in ("", "qualified", "refused"):
        user_id = season.rng.choice(season.crowd.people)
        await season.credit(week.event_id, user_id, season.rng.choice([0.5, 300, 90_000]), verdict)
    cancelled = season.events[week.index - 1]
    await season.take_back(cancelled, season.wishes[cancelled].plan)


WEEKLY = (
    (nothing, no_steps, extend),
    (move_ahead, lambda week: week.cut(3, 7, resumes=False), move_back),
    (edit_apart, lambda week: week.stopped(2, 4), nothing),
    (nothing, another_room, nothing),
    (change_all, no_steps, nothing),
    (nothing, shorter_and_void, nothing),
    (cancel, lambda week: week.cut(0.3, 1.4, resumes=True), plan_afterwards),
    (nothing, ask_for_others_and_take_it_back, decide),
)
"""For each week what is done a day before, in its night, and after the end."""


async def play_season(season: Season) -> None:
    """Plays all eight weeks, and judges each, and all of them in the end."""
    stage = season.stage
    await stage.start()
    await stage.minute()
    await season.plan()
    for index in range(len(WEEKLY)):
        await play_week(season, index)
    await season.rest(stage.now() + timedelta(days=1))
    await season.look(*season.wishes)

    def check() -> None:
        season.judge.all_is_as_rebuilt(now=stage.now())
        season.judge.gaps_cover_the_dark()

    await stage.work(check)


async def play_week(season: Season, index: int) -> None:
    """Plays one week, and judges it."""
    before, during, after = WEEKLY[index]
    event_id = season.events[index]
    stage, crowd = season.stage, season.crowd
    week = week_of(season, index)
    await season.rest(week.starts - timedelta(days=1))
    await before(week)
    week = week_of(season, index)
    await season.rest(week.starts - BEFORE)
    plan = season.wishes[event_id].plan
    deeds = [
        *crowd.evening(
            week.starts,
            week.ends,
            late_grace=plan.late_grace_seconds,
            rejoin_grace=plan.rejoin_grace_seconds,
        ),
        *crowd.role_changes(week.starts, week.ends, season.roles, count=8),
        *crowd.all_gone(week.ends + AFTER - MINUTE),
    ]
    live = Step(week.some(0.05, 0.95), lambda: look_live(season, event_id))
    steps = [*season.steps_of(deeds), *during(week), live]
    await season.play(steps, until=week.ends + AFTER)
    await after(week)
    await stage.minute()
    await season.look(event_id)


def week_of(season: Season, index: int) -> Week:
    plan = season.wishes[season.events[index]].plan
    return Week(season, season.events[index], index, plan.starts_at, plan.ends_at)


async def look_live(season: Season, event_id: UUID) -> None:
    """Judges an event that is on, unless nobody can know."""
    if season.stage.blind is None and season.stage.has_intent:
        await season.stage.minute()
        await season.look(event_id)
