"""What the minute's rollup leaves is what a full rebuild gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community.models import Member, RoleSpan
from community.registry import RolesChanged
from events_app.models import Change, Credit, Event, EventState, Participation
from events_app.services import linking
from events_app.services.changes import note_event
from events_app.services.rollup import LOCK, Rollup, rebuild, roll_up
from sessions_app.domain.changes import Batch
from sessions_app.models import BlindGap, VoiceSession
from sessions_app.registry import Gap
from sessions_app.services.ingest import write_batch
from tests.events_app.stories import FIRST, LAST, LOUNGE, ROLES, STAGE, Story, at, lay, stories
from tests.factories import make_guild, make_member, make_session_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

NOTHING = (0, 0, 0, 0)


def done(rollup: Rollup) -> tuple[int, int, int, int]:
    return rollup.written, rollup.removed, rollup.linked, rollup.unlinked


class Town:
    """A story that goes on: each change is made and told as the floors below do it."""

    def __init__(self, story: Story) -> None:
        self.event, self.members = lay(story)
        self.now = story.now
        self.story = story

    def a_session_ends_otherwise(self, dice: Callable[[int], int]) -> None:
        sessions = list(VoiceSession.objects.filter(guild_id=self.event.guild_id).order_by("id"))
        if sessions:
            session = sessions[dice(len(sessions))]
            session.ended_at = max(session.started_at, at(min(FIRST + dice(50), self.now)))
            session.status = ("completed", "stale", "cancelled")[dice(3)]
            session.end_reason = "left"
            session.save()
            linking.sessions_written(began=[], changed=[session.pk], gaps=[])

    def a_session_is_dropped(self, dice: Callable[[int], int]) -> None:
        sessions = VoiceSession.objects.filter(guild_id=self.event.guild_id).order_by("id")
        counted = list(sessions.exclude(status="cancelled"))
        if counted:
            session = counted[dice(len(counted))]
            # The tracker drops what goes on, or what has ended by estimate.
            sessions.filter(pk=session.pk, status="completed").update(status="stale")
            write_batch(Batch(dropped_sessions=[session.pk], dropped_visits=[session.visit_id]))

    def a_member_comes(self, dice: Callable[[int], int]) -> None:
        member = self.members[dice(len(self.members))]
        mine = VoiceSession.objects.filter(guild_id=member.guild_id, user_id=member.user_id)
        if mine.filter(status="active").exists():
            return
        latest = max((each.ended_at or at(self.now) for each in mine), default=at(FIRST))
        if latest < at(self.now):
            session = make_session_of(
                member.user_id,
                guild_id=member.guild_id,
                channel_id=(LOUNGE, STAGE)[dice(2)],
                started_at=latest,
                ended_at=None,
            )
            linking.sessions_written(began=[session.pk], changed=[], gaps=[])

    def a_role_changes(self, dice: Callable[[int], int]) -> None:
        member = self.members[dice(len(self.members))]
        role_id = ROLES[dice(len(ROLES))]
        held = RoleSpan.objects.filter(user_id=member.user_id, role_id=role_id, ended_at=None)
        span = held.first()
        when = at(min(FIRST + dice(50), self.now))
        if span is None:
            RoleSpan.objects.create(
                guild_id=member.guild_id, role_id=role_id, user_id=member.user_id, started_at=when
            )
        else:
            when = max(when, span.started_at)
            held.update(ended_at=when)
        linking.roles_written([RolesChanged(member.guild_id, [member.user_id], when)])

    def a_member_is_seen(self, dice: Callable[[int], int]) -> None:
        member = self.members[dice(len(self.members))]
        Member.objects.filter(pk=member.pk).update(
            joined_at=at(FIRST + dice(50)), roles_known_since=at(FIRST + dice(50))
        )
        linking.roles_written([RolesChanged(member.guild_id, [member.user_id], None)])

    def nobody_watches(self, dice: Callable[[int], int]) -> None:
        began = FIRST + dice(45)
        gap = BlindGap.objects.create(
            guild_id=self.event.guild_id,
            began_at=at(began),
            ended_at=at(began + dice(6)),
            cause="bot_down",
        )
        note = Gap(gap.guild_id, gap.began_at, gap.ended_at)
        linking.sessions_written(began=[], changed=[], gaps=[note])

    def staff_credit(self, dice: Callable[[int], int]) -> None:
        member = self.members[dice(len(self.members))]
        Credit.objects.create(
            event=self.event,
            guild_id=member.guild_id,
            user_id=member.user_id,
            seconds=dice(9),
            verdict=("", "qualified", "refused")[dice(3)],
            created_at=at(self.now),
        )
        note_event(self.event.pk, now=at(self.now))

    def the_plan_changes(self, dice: Callable[[int], int]) -> None:
        starts = dice(20)
        changed: dict[str, Any] = {
            "starts_at": at(starts),
            "ends_at": at(starts + 1 + dice(20)),
            "counted_channel_ids": (None, [LOUNGE], [STAGE], [])[dice(4)],
            "capacity": (None, 1, 2)[dice(3)],
            "gap_policy": ("exclude", "credit")[dice(2)],
            "state": (EventState.ENDED, EventState.CANCELLED, EventState.DRAFT)[dice(3)],
        }
        Event.objects.filter(pk=self.event.pk).update(**changed)
        note_event(self.event.pk, now=at(self.now))

    def time_goes_on(self, dice: Callable[[int], int]) -> None:
        self.now = min(self.now + dice(9), LAST)
        event = Event.objects.get(pk=self.event.pk)
        if event.is_on:
            ended = event.ends_at <= at(self.now)
            started = event.starts_at <= at(self.now)
            event.state = "ended" if ended else "live" if started else "scheduled"
            event.save()
            note_event(event.pk, now=at(self.now))


CHANGES = [name for name in vars(Town) if not name.startswith("_")]


@pytest.mark.django_db
@settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    story=stories(),
    steps=st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(CHANGES), st.randoms()), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_rollups_leave_what_a_rebuild_gives(story: Story, steps: list[Any]) -> None:
    Event.objects.all().delete()  # what an example left that failed
    town = Town(story)
    rebuild(now=at(town.now))

    for (changes,) in steps:
        for name, chance in changes:
            getattr(town, name)(chance.randrange)
        roll_up(now=at(town.now))
        assert not Change.objects.exists()
        assert done(rebuild(now=at(town.now))) == NOTHING, changes


@pytest.mark.django_db
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories(), chance=st.randoms())
def test_rollups_of_dropped_sessions_leave_what_a_rebuild_gives(
    story: Story, chance: random.Random
) -> None:
    Event.objects.all().delete()
    town = Town(story)
    rebuild(now=at(town.now))

    for _ in range(4):
        town.a_session_is_dropped(chance.randrange)
        roll_up(now=at(town.now))
        assert done(rebuild(now=at(town.now))) == NOTHING


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("gap", "told", "corrected"),
    [
        ((-60, 60), (-300, -200), (-300, -60)),
        ((540, 660), (700, 900), (660, 900)),
    ],
)
def test_a_session_beside_a_gap_over_the_windows_edge_is_credited_at_once(
    gap: tuple[int, int], told: tuple[int, int], corrected: tuple[int, int]
) -> None:
    guild = make_guild(first_seen_at=at(-900))
    event = Event.objects.create(
        guild=guild,
        title="Watered",
        time_zone="UTC",
        starts_at=at(0),
        ends_at=at(600),
        state=EventState.ENDED,
        gap_policy="credit",
        created_at=at(-900),
    )
    BlindGap.objects.create(guild=guild, began_at=at(gap[0]), ended_at=at(gap[1]), cause="bot_down")
    session = make_session_of(
        make_member(guild).user_id,
        guild_id=guild.pk,
        channel_id=LOUNGE,
        started_at=at(told[0]),
        ended_at=at(told[1]),
    )
    rebuild(now=at(1000))

    session.started_at, session.ended_at = at(corrected[0]), at(corrected[1])
    session.save()
    linking.sessions_written(began=[], changed=[session.pk], gaps=[])
    roll_up(now=at(1000))

    assert Participation.objects.get(event=event).seconds == 60
    assert done(rebuild(now=at(1000))) == NOTHING


@pytest.mark.django_db
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories())
def test_a_rebuild_twice_writes_nothing(story: Story) -> None:
    Event.objects.all().delete()
    lay(story)
    rebuild(now=at(story.now))

    again = rebuild(now=at(story.now))

    assert done(again) == NOTHING
    assert again.events == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollup_is_left_to_the_one_that_is_under_way() -> None:
    Change.objects.create(kind=Change.Kind.SESSIONS, noted_at=at(0))

    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with psycopg.connect(**parameters) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        meanwhile = roll_up(now=at(0))
    afterwards = roll_up(now=at(0))

    assert (meanwhile.changes, afterwards.changes) == (0, 1)
