"""Made-up histories of an event, second by second, in the database and in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from community.models import Member, RoleSpan
from events_app.domain.counting import Records, Stay, Terms, Why
from events_app.models import Credit, Event
from sessions_app.models import BlindGap
from tests.factories import make_guild, make_member, make_session_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST, LAST = -12, 40
EVER = -10_000
REMOVED_FOR = 3
"""Seconds for which the bot is out of the guild, where it was removed."""
LOUNGE, STAGE, KITCHEN = 501, 502, 503
ROLES = (901, 902, 903)
STATES = ("muted", "deafened", "alone", "afk")


def at(tick: float) -> datetime:
    return NOON + timedelta(seconds=tick)


Ticks = tuple[int, int]


@dataclass
class Told:
    """A session as it is told; ``ended`` is None while it goes on."""

    channel_id: int
    began: int
    ended: int | None
    status: str = "completed"
    states: dict[str, list[Ticks]] = field(default_factory=dict)


@dataclass
class Person:
    """One member's history."""

    sessions: list[Told]
    roles: dict[int, list[tuple[int, int | None]]]
    gaps: list[Ticks]
    known_since: int | None
    joined: int | None
    credits: list[tuple[int, str]]


@dataclass
class Story:
    """An event and its members."""

    starts: int
    ends: int
    now: int
    channel_ids: list[int] | None
    rules: dict[str, Any]
    gaps: list[tuple[int, int, bool]]
    people: list[Person]
    first_seen: int
    removed: int | None

    def unseen(self) -> list[Ticks]:
        """When nobody watched the guild."""
        gaps = [(began, ended) for began, ended, is_replayed in self.gaps if not is_replayed]
        return gaps if self.removed is None else [*gaps, (self.removed, self.removed + REMOVED_FOR)]

    def roles_unknown(self, person: Person) -> list[Ticks]:
        """When nobody can tell which roles somebody held."""
        since = self.first_seen if person.known_since is None else person.known_since
        lost = max(
            (each for each in (person.joined, self.removed) if each is not None), default=EVER
        )
        return [(EVER, min(self.first_seen, since)), (lost, since)]

    @property
    def upto(self) -> int:
        return min(self.ends, self.now)


@st.composite
def runs(draw: st.DrawFn, *, most: int = 4, first: int = FIRST, last: int = LAST) -> list[Ticks]:
    """Stretches in order that do not overlap."""
    edges = sorted(draw(st.sets(st.integers(first, last), max_size=2 * most)))
    return [pair for pair in pairwise(edges) if draw(st.booleans())]


@st.composite
def people(draw: st.DrawFn, now: int) -> Person:
    sessions = []
    for began, ended in draw(runs(most=5, last=now)):
        told = Told(draw(st.sampled_from([LOUNGE, LOUNGE, STAGE, KITCHEN])), began, ended)
        told.status = draw(st.sampled_from(["completed", "completed", "completed", "cancelled"]))
        told.states = {
            state: draw(runs(most=1)) for state in STATES if draw(st.integers(0, 3)) == 0
        }
        sessions.append(told)
    goes_on = draw(st.booleans())
    if goes_on and sessions and sessions[-1].status == "completed":
        sessions[-1].ended, sessions[-1].status = None, "active"
    roles: dict[int, list[tuple[int, int | None]]] = {}
    for role_id in ROLES:
        spans: list[tuple[int, int | None]] = list(draw(runs(most=2)))
        is_held = draw(st.booleans())
        if is_held and spans:
            spans[-1] = (spans[-1][0], None)
        roles[role_id] = spans
    return Person(
        sessions,
        roles,
        draw(st.one_of(st.just([]), runs(most=1))),
        draw(st.one_of(st.none(), st.integers(FIRST, LAST), st.just(FIRST), st.just(FIRST))),
        draw(st.one_of(st.none(), st.integers(FIRST, LAST))),
        draw(
            st.lists(
                st.tuples(
                    st.integers(0, 20), st.sampled_from(["", "", "", "qualified", "refused"])
                ),
                max_size=2,
            )
        ),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    starts = draw(st.integers(0, 15))
    ends = starts + draw(st.integers(1, 20))
    now = draw(st.one_of(st.integers(starts + 1, LAST), st.just(LAST)))
    some = st.lists(st.sampled_from(ROLES), max_size=2, unique=True)
    rules = {
        "any_role_ids": draw(some),
        "all_role_ids": draw(st.one_of(st.just([]), some)),
        "no_role_ids": draw(st.one_of(st.just([]), some)),
        "minimum_seconds": draw(st.one_of(st.none(), st.integers(0, 20))),
        "minimum_share": draw(st.one_of(st.none(), st.sampled_from([0.25, 0.5, 0.75, 1.0]))),
        "late_grace_seconds": draw(st.integers(0, 5)),
        "early_grace_seconds": draw(st.integers(0, 5)),
        "rejoin_grace_seconds": draw(st.integers(0, 4)),
        "capacity": draw(st.one_of(st.none(), st.integers(1, 3))),
        "gap_policy": draw(st.sampled_from(["exclude", "credit"])),
        **{f"counts_{state}": draw(st.booleans()) for state in STATES},
    }
    if draw(st.booleans()):
        rules |= {"any_role_ids": [], "all_role_ids": [], "no_role_ids": []}
    gaps = [(*gap, draw(st.integers(0, 3)) == 0) for gap in draw(runs(most=2))]
    channels = draw(st.sampled_from([None, [LOUNGE], [LOUNGE, STAGE], [LOUNGE, STAGE]]))
    persons = draw(st.lists(people(now), min_size=1, max_size=3))
    first_seen = draw(st.one_of(st.just(LAST), st.integers(FIRST, LAST)))
    removed = draw(st.one_of(st.none(), st.none(), st.integers(FIRST, LAST - 5)))
    return Story(starts, ends, now, channels, rules, gaps, persons, first_seen, removed)


# In the database ------------------------------------------------------------------------------


def lay(story: Story) -> tuple[Event, list[Member]]:
    """Writes a story down."""
    guild = make_guild(first_seen_at=at(story.first_seen))
    event = Event.objects.create(
        guild=guild,
        title="Story",
        time_zone="UTC",
        starts_at=at(story.starts),
        ends_at=at(story.ends),
        state="ended" if story.now >= story.ends else "live",
        channel_ids=story.channel_ids or [],
        counted_channel_ids=story.channel_ids,
        created_at=at(FIRST),
        **story.rules,
    )
    for began, ended, is_replayed in story.gaps:
        BlindGap.objects.create(
            guild=guild,
            began_at=at(began),
            ended_at=at(ended),
            cause="bot_down",
            is_replayed=is_replayed,
        )
    if story.removed is not None:
        BlindGap.objects.create(
            guild=guild,
            began_at=at(story.removed),
            ended_at=at(story.removed + REMOVED_FOR),
            cause="bot_removed",
        )
    return event, [_lay_person(event, person) for person in story.people]


def _lay_person(event: Event, person: Person) -> Member:
    known, joined = person.known_since, person.joined
    member = make_member(
        event.guild,
        roles_known_since=None if known is None else at(known),
        joined_at=None if joined is None else at(joined),
    )
    for told in person.sessions:
        states: dict[str, Any] = {
            state: [(at(began), at(ended)) for began, ended in spans]
            for state, spans in told.states.items()
        }
        make_session_of(
            member.user_id,
            guild_id=event.guild_id,
            channel_id=told.channel_id,
            started_at=at(told.began),
            ended_at=None if told.ended is None else at(told.ended),
            status=told.status,
            **states,
        )
    for role_id, spans in person.roles.items():
        for began, ended_tick in spans:
            RoleSpan.objects.create(
                guild_id=event.guild_id,
                role_id=role_id,
                user_id=member.user_id,
                started_at=at(began),
                ended_at=None if ended_tick is None else at(ended_tick),
            )
    for began, ended in person.gaps:
        BlindGap.objects.create(
            guild_id=event.guild_id,
            user_id=member.user_id,
            began_at=at(began),
            ended_at=at(ended),
            cause="event_missed",
        )
    for index, (seconds, verdict) in enumerate(person.credits):
        Credit.objects.create(
            event=event,
            guild_id=event.guild_id,
            user_id=member.user_id,
            seconds=seconds,
            verdict=verdict,
            reason="was there",
            actor_name="alex",
            created_at=at(index),
        )
    return member


# For the plain arithmetic -----------------------------------------------------------------------


def terms_of(story: Story) -> Terms:
    rules = story.rules
    return Terms(
        starts=at(story.starts),
        upto=at(story.upto),
        any_role_ids=frozenset(rules["any_role_ids"]),
        all_role_ids=frozenset(rules["all_role_ids"]),
        no_role_ids=frozenset(rules["no_role_ids"]),
        idle=frozenset(Why(state) for state in STATES if not rules[f"counts_{state}"]),
        credits_gaps=rules["gap_policy"] == "credit",
    )


def records_of(story: Story, person: Person) -> Records:
    return Records(
        stays=[
            Stay(
                event_id,
                told.channel_id,
                story.channel_ids is None or told.channel_id in story.channel_ids,
                at(told.began),
                at(story.now if told.ended is None else told.ended),
                {
                    Why(state): [(at(began), at(ended)) for began, ended in spans]
                    for state, spans in told.states.items()
                },
            )
            for event_id, told in _numbered(person.sessions)
            if told.status != "cancelled"
        ],
        roles={
            role_id: [(at(began), None if ended is None else at(ended)) for began, ended in spans]
            for role_id, spans in person.roles.items()
        },
        gaps=[(at(began), at(ended)) for began, ended in [*story.unseen(), *person.gaps]],
        roles_unknown=[(at(began), at(ended)) for began, ended in story.roles_unknown(person)],
    )


def _numbered(sessions: list[Told]) -> list[tuple[Any, Told]]:
    return list(enumerate(sessions))
