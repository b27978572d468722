"""The directory in memory, under any events at all, against what the events say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from community.domain.difference import difference
from community.domain.directory import (
    DirectoryEvent,
    GuildGone,
    GuildSighted,
    MemberChanged,
    MemberGone,
    MemberRecord,
    MembersSighted,
    RoleChanged,
    RoleGone,
)
from community.domain.mirror import Mirror
from community.domain.role_spans import RoleSpans, Span
from tests.community.directory_records import GUILD, member, minutes, role, sighted

if TYPE_CHECKING:
    from datetime import datetime

ROLES = (11, 12)
USERS = (1, 2)

instants = st.integers(0, 30).map(minutes)  # in any order: clocks step back
uncertainties = st.sampled_from([0.0, 90.5])
records = st.builds(
    lambda user_id, role_ids, joined_at: member(user_id, GUILD, *role_ids, joined_at=joined_at),
    st.sampled_from(USERS),
    st.sets(st.sampled_from(ROLES)),
    st.none() | instants,
)
rosters = st.lists(records, max_size=2, unique_by=lambda record: record.user_id).map(tuple)
role_lists = st.lists(st.sampled_from(ROLES), unique=True).map(lambda ids: tuple(map(role, ids)))
guild_sights = st.builds(
    lambda members, roles, has_all_members, blind_since, at: sighted(
        *members, roles=roles, has_all_members=has_all_members, blind_since=blind_since, at=at
    ),
    rosters,
    role_lists,
    st.booleans(),
    st.none() | instants,
    instants,
)
events = (
    st.builds(MemberChanged, records, instants, uncertainties)
    | st.builds(MemberGone, st.just(GUILD), st.sampled_from(USERS), instants, uncertainties)
    | st.builds(
        MembersSighted, st.just(GUILD), rosters, st.booleans(), st.none() | instants, instants
    )
    | st.builds(RoleChanged, st.sampled_from(ROLES).map(role), instants)
    | st.builds(RoleGone, st.just(GUILD), st.sampled_from(ROLES), instants, uncertainties)
    | st.builds(GuildGone, st.just(GUILD), instants)
    | guild_sights
)
# The roles are known from the first event on.
histories = st.lists(events, max_size=12).map(
    lambda later: [sighted(roles=tuple(map(role, ROLES)), at=minutes(-10)), *later]
)


@dataclass
class Truth:
    """Who holds what by the events' own words, without any times."""

    held: dict[int, set[int]] = field(default_factory=lambda: {user_id: set() for user_id in USERS})
    roles: set[int] = field(default_factory=lambda: set(ROLES))
    is_guild_gone: bool = False

    def apply(self, event: DirectoryEvent) -> None:
        if isinstance(event, GuildSighted):
            self.is_guild_gone = False
            self.roles = {record.id for record in event.roles}
        if not self.is_guild_gone:
            self.settle(event)
            self.held = {user_id: role_ids & self.roles for user_id, role_ids in self.held.items()}

    def settle(self, event: DirectoryEvent) -> None:
        match event:
            case GuildSighted() | MembersSighted():
                self.sight(event.members, has_all_members=event.has_all_members)
            case MemberChanged():
                self.held[event.member.user_id] = set(event.member.role_ids)
            case MemberGone():
                self.held[event.user_id] = set()
            case RoleChanged():
                self.roles.add(event.role.id)
            case RoleGone():
                self.roles.discard(event.role_id)
            case GuildGone():
                self.is_guild_gone = True
                self.sight((), has_all_members=True)

    def sight(self, members: tuple[MemberRecord, ...], *, has_all_members: bool) -> None:
        if has_all_members:
            self.held = {user_id: set() for user_id in USERS}
        self.held.update({record.user_id: set(record.role_ids) for record in members})


def told(history: list[DirectoryEvent]) -> Mirror:
    numbers = count(1)
    mirror = Mirror(spans=RoleSpans((), new_id=lambda: UUID(int=next(numbers))))
    for event in history:
        mirror.apply(event)
    return mirror


def uncounted(mirror: Mirror) -> dict[object, object]:
    """Everything of a mirror but the counts of members, which the next sighting sets right."""
    guilds = {
        id_: replace(row, record=replace(row.record, member_count=None))
        for id_, row in mirror.guilds.items()
    }
    return {
        **{("guild", key): row for key, row in guilds.items()},
        **{("role", key): row for key, row in mirror.roles.items()},
        **{("member", key): row for key, row in mirror.members.items()},
        **{("span", key): row for key, row in mirror.spans.by_id.items()},
    }


@given(histories)
def test_mirror_holds_what_the_events_say(history: list[DirectoryEvent]) -> None:
    truth = Truth()

    mirror = told(history)

    for event in history:
        truth.apply(event)
    held = {user_id: set(mirror.spans.held(GUILD, user_id)) for user_id in USERS}
    assert held == truth.held


@given(histories)
def test_spans_are_neither_negative_nor_overlapping(history: list[DirectoryEvent]) -> None:
    mirror = told(history)

    by_holder: dict[tuple[int, int], list[Span]] = {}
    for span in mirror.spans.by_id.values():
        assert span.ended_at is None or span.ended_at >= span.started_at
        assert span.start_uncertainty >= 0
        assert span.end_uncertainty >= 0
        assert span.role_id != GUILD
        by_holder.setdefault((span.role_id, span.user_id), []).append(span)
    for spans in by_holder.values():
        spans.sort(key=lambda span: span.started_at)
        for earlier, later in pairwise(spans):
            assert earlier.ended_at is not None
            assert earlier.ended_at < later.started_at


def joins_come_in_order(history: list[DirectoryEvent]) -> bool:
    """Whether nobody's joining is stated as later first and as earlier afterwards."""
    latest: dict[int, datetime] = {}
    for event in history:
        stated = event.members if isinstance(event, GuildSighted | MembersSighted) else ()
        for record in (event.member,) if isinstance(event, MemberChanged) else stated:
            joined_at = record.joined_at
            if joined_at is not None:
                if joined_at < latest.get(record.user_id, joined_at):
                    return False
                latest[record.user_id] = joined_at
    return True


@given(histories)
def test_mirror_told_the_same_again_stays_as_it_is(history: list[DirectoryEvent]) -> None:
    # Told again, the later of two joinings counts as another one after the earlier.
    assume(joins_come_in_order(history))
    mirror = told(history)
    once = uncounted(mirror)

    for event in history:
        mirror.apply(event)

    assert not difference(once, uncounted(mirror))


@given(histories)
def test_spans_read_back_go_on_as_those_in_memory(history: list[DirectoryEvent]) -> None:
    mirror = told(history)
    spans = list(mirror.spans.by_id.values())

    read_back = RoleSpans(spans, new_id=lambda: UUID(int=0))

    for user_id in USERS:
        assert read_back.held(GUILD, user_id) == mirror.spans.held(GUILD, user_id)


@given(histories)
def test_roles_are_known_since_a_sight_of_whoever_is_there(history: list[DirectoryEvent]) -> None:
    mirror = told(history)

    is_gone = mirror.guilds[GUILD].gone_at is not None
    since = max(
        (number for number, event in enumerate(history) if isinstance(event, GuildGone)), default=-1
    )
    times = {event.at for event in history[since + 1 :]}
    times |= {
        event.member.joined_at
        for event in history[since + 1 :]
        if isinstance(event, MemberChanged) and event.member.joined_at is not None
    }
    for row in mirror.members.values():
        if is_gone:
            assert row.roles_known_since is None
        elif row.roles_known_since is not None:
            assert row.roles_known_since in times
