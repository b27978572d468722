from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.actors import Show, run_actors
from botrunner.sandbox.world import World, build_world

if TYPE_CHECKING:
    import pytest

    from botrunner.sandbox.world import Stay

EPOCH = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR = 60.0, 3600.0


class Watched:
    """A show on a clock of its own, and what was seen of it."""

    def __init__(
        self, *, members: int = 200, guilds: int = 1, seed: int = 7, speed: float = 1
    ) -> None:
        self.show: Show | None = None
        self.world = build_world(seed=seed, guilds=guilds, members=members, clock=self.clock)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stays: list[Stay] = []
        self.world.on_dispatch.append(lambda _, name, payload: self.events.append((name, payload)))
        self.world.on_stay.append(lambda stay: self.stays.append(stay) if stay.ended else None)
        self.show = Show(self.world, seed=seed, speed=speed)

    def clock(self) -> datetime:
        return EPOCH + timedelta(seconds=self.show.now if self.show else 0)

    def play(self, until: float) -> Watched:
        assert self.show is not None
        while self.show.next_due <= until:
            self.show.play_next()
        return self

    def connected(self) -> int:
        return sum(len(guild.voice_states) for guild in self.world.guilds.values())

    def story(self) -> list[tuple[int, int, datetime]]:
        return [(stay.user_id, stay.channel_id, stay.began) for stay in self.stays]


def lengths(stays: list[Stay]) -> list[float]:
    return [(stay.ended - stay.began).total_seconds() for stay in stays if stay.ended]


def test_the_channels_fill_within_a_minute_of_the_opening() -> None:
    watched = Watched(members=200)

    early = watched.play(5).connected()
    minute = watched.play(MINUTE).connected()

    assert early >= 3
    assert minute >= 15


def test_even_a_small_community_opens_with_somebody_there() -> None:
    assert Watched(members=10).play(MINUTE).connected() >= 4


def test_the_same_seed_gives_the_same_show() -> None:
    one, same, other = (Watched(seed=seed).play(HOUR).story() for seed in (1, 1, 2))

    assert one == same
    assert len(one) > 50
    assert one != other


def test_evenings_are_lively_and_dawns_are_not() -> None:
    watched = Watched(members=400)
    evening, dawn = [], []
    for hour in range(1, 48):
        connected = watched.play(hour * HOUR).connected()
        of_day = (19.5 + hour) % 24
        if 19 <= of_day <= 22:
            evening.append(connected)
        elif 5 <= of_day <= 8:
            dawn.append(connected)

    assert mean(evening) > 5 * mean(dawn)
    assert min(evening) > 30


def test_every_guild_has_a_day_of_its_own() -> None:
    watched = Watched(guilds=3)
    assert watched.show is not None

    hours = [watched.show.hour(guild_id) for guild_id in watched.world.guilds]

    assert hours[0] == 19.5
    assert len(set(hours)) == 3


def test_most_time_is_spent_in_stays_of_minutes_to_hours() -> None:
    stays = lengths(Watched().play(5 * HOUR).stays)

    assert sum(length for length in stays if length > 5 * MINUTE) > 0.8 * sum(stays)
    assert max(stays) > 40 * MINUTE


def test_speed_shortens_stays_but_not_bounces() -> None:
    slow = sorted(lengths(Watched(seed=3).play(5 * HOUR).stays))
    fast = sorted(lengths(Watched(seed=3, speed=60).play(5 * MINUTE).stays))

    assert sum(fast) < sum(slow) / 30
    assert sum(0.03 < length < 0.99 for length in fast) > 20
    assert sum(0.03 < length < 0.99 for length in slow) > 20


def test_people_bounce_hop_and_go_away() -> None:
    watched = Watched().play(4 * HOUR)
    visits: defaultdict[int, list[Stay]] = defaultdict(list)
    for stay in watched.stays:
        visits[stay.user_id].append(stay)
    starts = [[stay.began for stay in stays] for stays in visits.values()]
    afk = {guild.afk_channel_id for guild in watched.world.guilds.values()}

    hops = max(
        sum(start <= other < start + timedelta(seconds=2) for other in theirs)
        for theirs in starts
        for start in theirs
    )
    bounces = sum(
        length < 1 and (before is None or before.ended != stay.began)
        for stays in visits.values()
        for before, stay in pairwise([None, *stays])
        if stay is not None
        for length in lengths([stay])
    )

    assert 8 <= hops <= 22
    assert bounces > 5
    assert any(stay.channel_id in afk for stay in watched.stays)


def test_friends_come_and_move_together() -> None:
    watched = Watched()
    assert watched.show is not None
    (people,) = watched.show.people.values()
    circle_of = {person.user_id: person.circle for person in people}
    watched.play(3 * HOUR)

    together = sum(
        one.channel_id == other.channel_id
        and one.user_id != other.user_id
        and abs((one.began - other.began).total_seconds()) < 5
        and circle_of[one.user_id] is circle_of[other.user_id]
        for one, other in pairwise(sorted(watched.stays, key=lambda stay: stay.began))
    )

    assert together > 20


def test_members_mute_film_and_stream_and_staff_are_at_work() -> None:
    watched = Watched().play(6 * HOUR)
    seen: Counter[str] = Counter()
    for name, payload in watched.events:
        seen[name] += 1
        if name == "VOICE_STATE_UPDATE":
            flags = ("mute", "self_mute", "self_deaf", "self_video", "self_stream")
            seen.update(flag for flag in flags if payload.get(flag))
        if name == "GUILD_AUDIT_LOG_ENTRY_CREATE":
            seen[f"audit {payload['action_type']}"] += 1

    for what in (
        "mute", "self_mute", "self_deaf", "self_video", "self_stream", "GUILD_MEMBER_UPDATE",
        "audit 25", "audit 26", "audit 27",
    ):  # fmt: skip
        assert seen[what] > 0, what


def test_nobody_enters_where_they_may_not() -> None:
    watched = Watched()
    (guild,) = watched.world.guilds.values()
    duo = next(c for c in guild.channels.values() if c.user_limit == 2)
    most = 0

    def count(_: Stay) -> None:
        nonlocal most
        most = max(most, sum(s.channel_id == duo.id for s in guild.voice_states.values()))

    watched.world.on_stay.append(count)
    watched.play(5 * HOUR)
    movers = 1 + len([m for m in guild.members if watched.world.permissions(guild.id, m) & 1 << 24])

    assert 2 <= most <= 2 + movers


def test_an_actors_failure_is_logged_and_the_show_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(members=1)
    failures = iter(range(3))
    join = World.join

    def fail_at_first(self: World, *args: Any, **flags: Any) -> Any:
        if next(failures, None) is not None:
            raise RuntimeError("the world refuses")
        return join(self, *args, **flags)

    monkeypatch.setattr(World, "join", fail_at_first)
    with caplog.at_level(logging.ERROR):
        watched.play(60 * 24 * HOUR)

    assert [record.message for record in caplog.records] == ["An actor failed and takes a rest"] * 3
    assert watched.stays


def test_members_and_channels_may_vanish_under_the_actors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Watched().play(MINUTE)
    (guild,) = watched.world.guilds.values()
    for user_id in list(guild.voice_states)[:5]:
        watched.world.remove_member(guild.id, user_id)
    popular = Counter(state.channel_id for state in guild.voice_states.values())
    for channel_id, _ in popular.most_common(2):
        watched.world.delete_channel(guild.id, channel_id)

    with caplog.at_level(logging.ERROR):
        watched.play(HOUR)

    assert caplog.records == []
    assert watched.connected() > 5


def test_ten_thousand_members_are_cheap() -> None:
    watched = Watched(members=10_000)
    began = time.process_time()

    watched.play(10 * MINUTE)

    assert watched.connected() > 500
    assert time.process_time() - began < 20


async def test_the_show_runs_on_the_clock_until_cancelled() -> None:
    world = build_world(seed=1, guilds=1, members=50, clock=lambda: datetime.now(UTC))
    stays: list[Stay] = []
    world.on_stay.append(stays.append)

    with suppress(TimeoutError):
        await asyncio.wait_for(run_actors(world, seed=1, speed=60), timeout=1.5)

    begun = len(stays)
    await asyncio.sleep(0.1)
    assert begun > 3
    assert len(stays) == begun
