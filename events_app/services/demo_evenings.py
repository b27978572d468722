"""Evenings for the demo: a live event and a weekly series with a past, by the real services.

The members are the sandbox's, who come and go by themselves from the demo's first minute on.
Of the weeks before it nobody knows anything: who was there then is brought in, as rows of an
older system are.
"""

from __future__ import annotations

import random
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q

from community.models import Channel, ChannelKind, Guild, Member
from events_app.domain.local_times import resolve, wall_of
from events_app.domain.plan import Plan
from events_app.models import Event
from events_app.services.planning import create_event
from events_app.services.rollup import rebuild
from events_app.services.series import create_series
from sessions_app.domain.import_rows import ImportedSession, row_id
from sessions_app.services import imports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

SATURDAY: Final = 5
BEGINS: Final = time(20)
LENGTH: Final = timedelta(hours=2)
PAST_WEEKS: Final = 3
RULE: Final = "FREQ=WEEKLY;COUNT=10"
LIVE_SINCE, LIVE_FOR = timedelta(minutes=40), timedelta(hours=6)
#: Whoever is in voice now came in the last minutes: what is brought in ends before.
LEFT_ALONE: Final = timedelta(minutes=7)
MOST_MEMBERS: Final = 80
#: Shares of the members, and of those who come.
COME, STAY_TO_THE_END, CHANGE_ROOMS = 0.45, 0.4, 0.3


def make_demo_events(now: datetime) -> None:
    """Makes the demo's events in each guild; once there is one, it does nothing.

    Args:
        now: when; the guilds, their channels and members are mirrored by now.
    """
    if Event.objects.filter(is_from_discord=False).exists():
        return
    # The demo's account: what nobody does is Discord's in the trail.
    actor = User.objects.filter(is_superuser=True).order_by("pk").first()
    made: list[UUID] = []
    for guild in Guild.objects.filter(gone_at=None).order_by("pk"):
        category = _lounge(guild)
        if category is None:
            continue
        past, live = _saturday(guild, category, now=now), _open_house(guild, category, now=now)
        _bring_in(guild, category, [*_evenings(past, now=now), live], now=now)
        with transaction.atomic():
            series = create_series(past, RULE, guild_id=guild.pk, actor=actor, now=now)
            event = create_event(live, guild_id=guild.pk, actor=actor, now=now)
        made += [event.pk, *series.events.values_list("pk", flat=True)]
    # At once, and not within the minute: whoever opens the demo looks now.
    rebuild(made, now=now)


def _lounge(guild: Guild) -> Channel | None:
    """Finds the category in which most of a guild's voice channels stand."""
    voice = Count("children", filter=_VOICE)
    rows = guild.channels.filter(kind=ChannelKind.CATEGORY, gone_at=None).annotate(rooms=voice)
    return rows.filter(rooms__gt=0).order_by("-rooms", "pk").first()


def _saturday(guild: Guild, category: Channel, *, now: datetime) -> Plan:
    """Plans the first of the Saturdays, some weeks ago."""
    zone = ZoneInfo(guild.time_zone)
    today = wall_of(now, zone).date()
    last = today - timedelta(days=(today.weekday() - SATURDAY) % 7)
    if resolve(datetime.combine(last, BEGINS) + LENGTH, zone) > now:
        last -= timedelta(weeks=1)
    first = last - timedelta(weeks=PAST_WEEKS - 1)
    starts_at = resolve(datetime.combine(first, BEGINS), zone)
    return Plan(
        title="Saturday game night",
        description="Bring a friend. Whoever stays for half an hour is on the list.",
        time_zone=guild.time_zone,
        starts_at=starts_at,
        ends_at=starts_at + LENGTH,
        channel_ids=frozenset({category.pk}),
        minimum_seconds=1800,
        late_grace_seconds=600,
        rejoin_grace_seconds=300,
    )


def _open_house(guild: Guild, category: Channel, *, now: datetime) -> Plan:
    """Plans an event that is on now."""
    starts_at = (now - LIVE_SINCE).replace(second=0, microsecond=0)
    return Plan(
        title="Open house",
        description="It goes on now: its live board refreshes by itself.",
        time_zone=guild.time_zone,
        starts_at=starts_at,
        ends_at=starts_at + LIVE_FOR,
        channel_ids=frozenset({category.pk}),
        minimum_seconds=300,
        rejoin_grace_seconds=300,
    )


def _evenings(first: Plan, *, now: datetime) -> Iterator[Plan]:
    zone = ZoneInfo(first.time_zone)
    for week in range(PAST_WEEKS):
        wall = wall_of(first.starts_at, zone) + timedelta(weeks=week)
        starts_at = resolve(wall, zone)
        if starts_at + LENGTH <= now:
            yield _at(first, starts_at)


def _at(plan: Plan, starts_at: datetime) -> Plan:
    return Plan(
        title=plan.title, time_zone=plan.time_zone, starts_at=starts_at, ends_at=starts_at + LENGTH
    )


def _bring_in(guild: Guild, category: Channel, evenings: list[Plan], *, now: datetime) -> None:
    """Brings in who was there, as rows of an older system."""
    # The same guild has the same evenings, whenever the demo is started.
    dice = random.Random(guild.pk)  # noqa: S311 (a scene, and no secret)
    rooms = list(
        Channel.objects.filter(_ROOM, parent=category).order_by("pk").values_list("pk", flat=True)
    )
    people = list(
        Member.objects.filter(guild=guild, is_bot=False, gone_at=None)
        .order_by("user_id")
        .values_list("user_id", flat=True)[:MOST_MEMBERS]
    )
    rows = [
        row
        for plan in evenings
        for user_id in people
        if dice.random() < COME
        for row in _stays(guild.pk, user_id, rooms, plan, dice, until=now - LEFT_ALONE)
    ]
    numbered = [row._replace(line=line) for line, row in enumerate(rows, start=1)]
    with imports.alone():
        imports.import_sessions(numbered, now=now, visit_gap=timedelta(0))


def _stays(
    guild_id: int,
    user_id: int,
    rooms: list[int],
    plan: Plan,
    dice: random.Random,
    *,
    until: datetime,
) -> Iterator[ImportedSession]:
    """Gives one member's evening: early or late, in one room or in two, to the end or not."""
    last = min(plan.ends_at + timedelta(minutes=10), until)
    minutes = (last - plan.starts_at) / timedelta(minutes=1)
    began = plan.starts_at + timedelta(minutes=dice.triangular(-8, minutes * 0.4, 2))
    ended = (
        last if dice.random() < STAY_TO_THE_END else began + (last - began) * dice.uniform(0.2, 1)
    )
    parts = [began, began + (ended - began) * dice.uniform(0.3, 0.7), ended]
    if dice.random() >= CHANGE_ROOMS:
        del parts[1]
    for start, end in pairwise(parts):
        room = dice.choice(rooms)
        yield ImportedSession(
            id=row_id(guild_id, user_id, f"{room}/{start.isoformat()}"),
            line=0,
            guild_id=guild_id,
            user_id=user_id,
            channel_id=room,
            started_at=start,
            ended_at=end,
            is_ended=True,
            voice_session_id="",
        )


_ROOM: Final = Q(kind=ChannelKind.VOICE, gone_at=None)
_VOICE: Final = Q(children__kind=ChannelKind.VOICE, children__gone_at=None)
