"""Roles that change while nobody tells, against what is found when a member passes by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import event, given
from hypothesis import strategies as st

from botrunner.gateway.seen_members import SeenMembers
from community.domain.directory import MemberChanged
from community.domain.mirror import Mirror
from community.domain.role_spans import RoleSpans
from tests.community.directory_records import GUILD, NOON, member, role, sighted

if TYPE_CHECKING:
    from datetime import datetime

    from community.domain.directory import DirectoryEvent
    from community.domain.role_spans import Span

USER, ROLES = 1, (11, 12)
SECOND = 1.0


@dataclass
class Story:
    """What really happens to a member's roles, and what is seen of it without the intent.

    Attributes:
        gained, lost: when each role was given and taken, the latest at the end.
        reads_back: whether each sight is told to a mirror that was read from the database.
    """

    reads_back: bool
    now: datetime = NOON
    held: set[int] = field(default_factory=set)
    gained: dict[int, list[datetime]] = field(default_factory=lambda: {each: [] for each in ROLES})
    lost: dict[int, list[datetime]] = field(default_factory=lambda: {each: [] for each in ROLES})
    seen: SeenMembers = field(default_factory=SeenMembers)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.new_id = lambda: UUID(int=next(numbers))
        self.mirror = Mirror(spans=RoleSpans((), new_id=self.new_id))
        self.mirror.apply(sighted(roles=tuple(map(role, ROLES)), at=self.now))

    def toggle(self, role_id: int) -> None:
        times = self.lost if role_id in self.held else self.gained
        times[role_id].append(self.now)
        self.held ^= {role_id}

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def restart(self) -> None:
        self.seen = SeenMembers()

    def state(self) -> None:
        """A statement of the guild after a gap of a second: the member is in voice."""
        record = member(USER, *self.held)
        before = self.spans()
        self.seen.stated(record, at=self.now)
        self.tell(
            sighted(
                record,
                roles=tuple(map(role, ROLES)),
                has_all_members=False,
                watches_members=False,
                blind_since=self.now - timedelta(seconds=SECOND),
                at=self.now,
            )
        )
        self.check(before)

    def go_by(self) -> None:
        """A voice state of the member's."""
        raw = {
            "user": {"id": str(USER), "username": f"user{USER}"},
            "roles": [str(role_id) for role_id in sorted(self.held)],
            "joined_at": (NOON - timedelta(days=30)).isoformat(),
        }
        before = self.spans()
        passed = self.seen.passing(raw, guild_id=GUILD, user_id=USER, at=self.now)
        if passed is not None:
            self.tell(
                MemberChanged(passed.member, self.now, is_in_passing=True, seen_at=passed.seen_at)
            )
        self.check(before)

    def tell(self, what: DirectoryEvent) -> None:
        if self.reads_back:
            held = [span for span in self.mirror.spans.by_id.values() if span.ended_at is None]
            self.mirror = Mirror(
                spans=RoleSpans(held, new_id=self.new_id),
                guilds=self.mirror.guilds,
                roles=self.mirror.roles,
                members=self.mirror.members,
            )
        self.mirror.apply(what)

    def spans(self) -> dict[UUID, Span]:
        return dict(self.mirror.spans.by_id)

    def check(self, before: dict[UUID, Span]) -> None:
        """Asserts that what was found covers what happened."""
        assert self.mirror.spans.held(GUILD, USER) == self.held
        for id_, span in self.mirror.spans.by_id.items():
            former = before.get(id_)
            if former is None and span.is_start_known:
                event("a role that was found to be given")
                given_at = self.gained[span.role_id][-1]
                reach = timedelta(seconds=span.start_uncertainty)
                assert span.started_at - reach <= given_at <= span.started_at
            if span.ended_at is not None and (former is None or former.ended_at is None):
                event("a role that was found to be taken")
                taken_at = self.lost[span.role_id][-1]
                reach = timedelta(seconds=span.end_uncertainty)
                assert abs(taken_at - span.ended_at) <= reach


deeds = st.lists(
    st.one_of(
        st.sampled_from(ROLES).map(lambda role_id: ("toggle", role_id)),
        st.integers(1, 90).map(lambda minutes: ("wait", minutes)),
        st.sampled_from([("go_by",), ("go_by",), ("go_by",), ("state",), ("restart",)]),
    ),
    max_size=40,
)


@given(deeds, st.booleans())
def test_a_change_that_is_found_lies_within_its_uncertainty(
    story: list[tuple[object, ...]], reads_back: bool
) -> None:
    member_story = Story(reads_back)
    for name, *given_with in story:
        getattr(member_story, str(name))(*given_with)
        member_story.wait(1)

    row = member_story.mirror.members.get((GUILD, USER))
    assert row is None or row.roles_known_since is not None
