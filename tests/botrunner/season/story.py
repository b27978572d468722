"""A season: a weekly series for eight weeks over the end of summer time, and all that happens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from botrunner.sandbox.entities import ChannelType, User
from events_app.domain.plan import Plan
from events_app.models import Event
from events_app.services.credits import give_credit
from events_app.services.planning import cancel_event, change_event, create_event, undo
from events_app.services.series import change_from_here, create_series, rule_from_here
from sessions_app.models import VoiceSession
from sessions_app.services.corrections import void_session
from tests.botrunner.season.deeds import Crowd, Deed, role_named
from tests.botrunner.season.judge import Judge
from tests.botrunner.season.oracle import Wish
from tests.factories import make_user

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from tests.botrunner.season.stage import Stage

BERLIN = ZoneInfo("Europe/Berlin")
WEEKS = 8
# A quarter to two on Sundays: on the fourth Sunday of October two o'clock comes twice.
FIRST = datetime(2026, 9, 27, 1, 45, tzinfo=BERLIN)
LENGTH = timedelta(minutes=75)
MINUTE = timedelta(minutes=1)
JOBS_EACH = 3
BEFORE, AFTER = timedelta(minutes=14), timedelta(minutes=14)


@dataclass(frozen=True)
class Step:
    """What is done at an instant."""

    at: datetime
    act: Callable[[], Awaitable[object]]


def windows() -> list[tuple[datetime, datetime]]:
    """When the events take place, by the clock on the wall."""
    utc = ZoneInfo("UTC")
    found = []
    for week in range(WEEKS):
        start = FIRST + timedelta(weeks=week)
        end = start + LENGTH
        found.append((start.astimezone(utc), end.astimezone(utc)))
    return found


@dataclass
class Season:
    """The story's own memory: what it wanted, and what it did."""

    stage: Stage
    rng: random.Random
    wishes: dict[UUID, Wish] = field(default_factory=dict)
    events: list[UUID] = field(default_factory=list)
    made: list[tuple[datetime, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        stage = self.stage
        self.crowd = Crowd(stage.world, stage.guild, self.rng, speaks_of_roles=not stage.has_intent)
        self.judge = Judge(stage.truth, stage.dark, watches_members=stage.has_intent)
        guild = self.stage.guild
        self.regular, self.newcomer, self.crew = (
            role_named(guild, name) for name in ("Regular", "Newcomer", "Event crew")
        )
        self.roles = [self.regular, self.newcomer, self.crew]
        self.minutes = 0

    # Time ---------------------------------------------------------------------------------

    async def play(self, steps: list[Step], *, until: datetime) -> None:
        """Does all at its instant, and each minute what happens each minute."""
        last = Step(until, self.stage.written)
        for step in sorted([*steps, last], key=lambda step: step.at):
            now = self.stage.now()
            minute = now.replace(second=0, microsecond=0) + MINUTE
            while minute <= step.at:
                await self.stage.go_to(minute)
                self.minutes += 1
                await self.stage.minute(has_jobs=self.minutes % JOBS_EACH == 0)
                minute += MINUTE
            await self.stage.go_to(step.at)
            await step.act()

    async def rest(self, until: datetime) -> None:
        """Lets days pass in which nobody is there."""
        while self.stage.now() + timedelta(days=1) < until:
            await self.stage.go_to(self.stage.now() + timedelta(days=1))
            await self.stage.minute()
        await self.stage.go_to(until)
        await self.stage.minute()

    def steps_of(self, deeds: list[Deed]) -> list[Step]:
        return [Step(deed.at, partial(self.stage.do, deed.what)) for deed in deeds]

    # Organizers ---------------------------------------------------------------------------

    async def plan(self) -> None:
        """Plans the series, and remembers what is wanted."""
        places = self.crowd.places
        times = windows()
        plan = Plan(
            title="Night watch",
            time_zone="Europe/Berlin",
            starts_at=times[0][0],
            ends_at=times[0][1],
            channel_ids=frozenset({places.category, places.stage}),
            any_role_ids=frozenset({self.regular}),
            minimum_seconds=600,
            minimum_share=0.25,
            late_grace_seconds=600,
            early_grace_seconds=600,
            rejoin_grace_seconds=180,
            counts_deafened=False,
            counts_alone=False,
        )
        self.actor = await self.stage.work(lambda: make_user("alex"))
        series = await self.stage.work(
            lambda: create_series(
                plan,
                f"FREQ=WEEKLY;COUNT={WEEKS}",
                guild_id=self.stage.guild.id,
                actor=self.actor,
                now=self.stage.now(),
            )
        )
        ids = await self.stage.work(
            lambda: list(
                Event.objects.filter(series=series)
                .order_by("starts_at")
                .values_list("pk", flat=True)
            )
        )
        assert len(ids) == WEEKS
        self.events = ids
        for event_id, (starts, ends) in zip(ids, times, strict=True):
            self.wishes[event_id] = Wish(replace(plan, starts_at=starts, ends_at=ends), None)

    async def change(self, event_id: UUID, **fields: Any) -> None:
        wish = self.wishes[event_id]
        wish.plan = replace(wish.plan, **fields)
        await self.stage.work(
            lambda: change_event(
                event_id, wish.plan, actor=self.actor, reason="agreed", now=self.stage.now()
            )
        )

    async def change_all_from(self, index: int, **fields: Any) -> None:
        event_id = self.events[index]
        for later in self.events[index:]:
            self.wishes[later].plan = replace(self.wishes[later].plan, **fields)

        def work() -> None:
            event = Event.objects.select_related("series").get(pk=event_id)
            change_from_here(
                event_id,
                self.wishes[event_id].plan,
                rule_from_here(event),
                actor=self.actor,
                reason="from now on",
                now=self.stage.now(),
            )

        await self.stage.work(work)

    async def cancel(self, event_id: UUID) -> None:
        self.wishes[event_id].is_cancelled = True
        await self.stage.work(
            lambda: cancel_event(event_id, actor=self.actor, reason="off", now=self.stage.now())
        )

    async def take_back(self, event_id: UUID, plan: Plan) -> None:
        """Undoes the latest change, after which the event is as this plan says."""
        wish = self.wishes[event_id]
        wish.plan, wish.is_cancelled = plan, False
        await self.stage.work(
            lambda: undo(
                event_id,
                version=Event.objects.get(pk=event_id).version - 1,
                actor=self.actor,
                reason="no, as it was",
                now=self.stage.now(),
            )
        )

    async def make_afterwards(self, plan: Plan) -> UUID:
        """Plans an event whose time has passed."""
        event = await self.stage.work(
            lambda: create_event(
                plan, guild_id=self.stage.guild.id, actor=self.actor, now=self.stage.now()
            )
        )
        self.wishes[event.pk] = Wish(plan, None)
        return event.pk

    async def credit(self, event_id: UUID, user_id: int, seconds: float, verdict: str) -> None:
        self.wishes[event_id].credits.setdefault(user_id, []).append((seconds, verdict))
        await self.stage.work(
            lambda: give_credit(
                event_id,
                user_id,
                seconds=seconds,
                verdict=verdict,
                reason="was at the door",
                actor=self.actor,
                now=self.stage.now(),
            )
        )

    async def void_somebody(self) -> None:
        """Has staff void the session of somebody who is there."""
        there = [u for u in self.crowd.people if self.stage.truth.counts_somewhere(u)]
        if self.stage.blind is not None or not there:
            return
        user_id = self.rng.choice(sorted(there))
        self.stage.truth.void(user_id)
        await self.stage.work(
            lambda: void_session(
                VoiceSession.objects.get(user_id=user_id, status="active").pk,
                actor=self.actor,
                reason="a second account",
                now=self.stage.now(),
            )
        )
        await self.stage.written()

    # The guild ----------------------------------------------------------------------------

    async def make_room(self) -> None:
        """Makes another channel in the category that counts."""

        def deed() -> None:
            category = self.crowd.places.category
            channel = self.stage.world.create_channel(
                self.stage.guild.id, type=ChannelType.VOICE, name="Another", parent_id=category
            )
            self.made.append((self.stage.now(), channel.id))
            self.crowd.places.rooms.insert(0, channel.id)

        await self.stage.do(deed)

    async def welcome(self) -> None:
        """Lets somebody new into the guild, who forgets to leave voice for a week."""
        user = User(id=self.stage.world.new_id(), username="new.one")
        guild_id = self.stage.guild.id
        await self.stage.do(lambda: self.stage.world.add_member(guild_id, user))
        await self.stage.do(lambda: self.crowd.go(user.id, self.crowd.places.rooms[0]))

    async def part(self) -> None:
        """Has a member leave the guild, out of voice if need be."""
        user_id = self.rng.choice(self.crowd.people[1:])
        await self.stage.do(lambda: self.stage.world.remove_member(self.stage.guild.id, user_id))

    # Judging ------------------------------------------------------------------------------

    def channels_of(self, plan: Plan) -> frozenset[int] | None:
        """What counts in an event: what it names, and what stood in its category by its end."""
        if not plan.channel_ids:
            return None
        category = self.crowd.places.category
        made = {channel_id: at for at, channel_id in self.made}
        standing = {
            room
            for room in self.crowd.places.rooms
            if category in plan.channel_ids and (room not in made or made[room] < plan.ends_at)
        }
        return frozenset(plan.channel_ids - {category} | standing)

    async def look(self, *event_ids: UUID) -> None:
        """Compares events with the truth, as of now."""

        def work() -> None:
            for event_id in event_ids:
                wish = self.wishes[event_id]
                wish.channels = self.channels_of(wish.plan)
                self.judge.judge(event_id, wish, now=self.stage.now())

        await self.stage.work(work)
