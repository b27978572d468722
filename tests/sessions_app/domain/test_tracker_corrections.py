"""The tracker's rows under staff's corrections, gaps, sweeps, caps and micro-sessions at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import (
    LONGEST_SESSION_SECONDS,
    ChannelDeleted,
    GuildRules,
    LeaveExplained,
    SessionEndSet,
    SessionVoided,
    TimePassed,
    VoiceChanged,
    VoiceSnapshot,
)
from tests.sessions_app.domain.table import Table, after
from tests.sessions_app.domain.truth import Truth

if TYPE_CHECKING:
    from sessions_app.domain.tracker import Tracker

GUILD = 1 << 22
USERS = st.integers(1, 3)
CHANNELS = st.integers(10, 12)
WAITS = st.sampled_from([0, 1, 400, 999, 1000, 30_000, 600_000, 86_399_000, 90_000_000])


class CorrectedStory(RuleBasedStateMachine):
    """Whatever is done to the rows from outside, they stay whole, and what staff set stands."""

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth()
        self.table = Table()
        self.set_by_staff: dict[object, tuple[object, ...]] = {}
        self.blind_since: int | None = None
        self.tracker = self.start()
        self.tracker.apply(VoiceSnapshot(GUILD, {}, None, after(0)))

    def start(self) -> Tracker:
        tracker = self.table.restore(new_id)
        tracker.apply(GuildRules(GUILD, None, 1.0, tracks_bots=False, at=after(self.truth.now)))
        return tracker

    def write(self) -> None:
        batch = self.tracker.take()
        self.table.write(batch)
        self.table.write(batch)
        self.table.check()
        for id_, stated in self.set_by_staff.items():
            row = next(row for row in self.table.sessions.values() if row.id == id_)
            assert (row.status, row.ended_at) == stated

    def tell(self, user_id: int, *, uncertainty: float = 0.0) -> None:
        if self.blind_since is None:
            presence = self.truth.presence(user_id)
            self.tracker.apply(VoiceChanged(GUILD, presence, after(self.truth.now), uncertainty))

    @rule(user_id=USERS, channel_id=CHANNELS, wait=WAITS)
    def goes(self, user_id: int, channel_id: int, wait: int) -> None:
        self.truth.pass_time(wait)
        stay = self.truth.where.get(user_id)
        if stay is None or stay.channel_id != channel_id:
            self.truth.go(user_id, channel_id)
        self.tell(user_id)

    @rule(user_id=USERS, wait=WAITS, reason=st.sampled_from([None, "kicked", "disconnected"]))
    def leaves(self, user_id: int, wait: int, reason: str | None) -> None:
        self.truth.pass_time(wait)
        self.truth.go(user_id, None)
        self.tell(user_id)
        if reason and self.blind_since is None:
            who = user_id if reason == "kicked" else None
            self.tracker.apply(LeaveExplained(GUILD, who, reason, after(self.truth.now)))

    @rule(channel_id=CHANNELS)
    def channel_goes(self, channel_id: int) -> None:
        if self.blind_since is None:
            self.tracker.apply(ChannelDeleted(GUILD, channel_id, after(self.truth.now)))
            for user_id, stay in list(self.truth.where.items()):
                if stay.channel_id == channel_id:
                    self.truth.go(user_id, None)
                    self.tell(user_id)

    @precondition(lambda self: self.blind_since is None)
    @rule(data=st.data(), is_void=st.booleans(), wait=WAITS)
    def staff_correct(self, data: st.DataObject, is_void: bool, wait: int) -> None:
        self.truth.pass_time(wait)
        self.write()
        live = [row for row in self.table.sessions.values() if row.status == words.ACTIVE]
        if not live:
            return
        row = data.draw(st.sampled_from(live))
        now = after(self.truth.now)
        if is_void:
            self.tracker.apply(SessionVoided(GUILD, row.id, now))
        else:
            span = int((now - row.started_at).total_seconds() * 1000)
            ended_at = row.started_at + timedelta(milliseconds=data.draw(st.integers(0, span)))
            self.tracker.apply(SessionEndSet(GUILD, row.id, ended_at, now))
        self.write()
        row = self.table.sessions[row.id]
        assert row.end_reason == words.CORRECTED
        self.set_by_staff[row.id] = (row.status, row.ended_at)

    @precondition(lambda self: self.blind_since is None)
    @rule(killed=st.booleans(), wait=WAITS)
    def goes_blind(self, killed: bool, wait: int) -> None:
        self.truth.pass_time(wait)
        self.blind_since = self.truth.now
        self.write()
        if killed:
            self.tracker = self.start()

    @precondition(lambda self: self.blind_since is not None)
    @rule(grace=st.sampled_from([0, 500, 120_000]))
    def is_swept(self, grace: int) -> None:
        assert self.blind_since is not None
        self.table.sweep(after(self.blind_since), after(self.truth.now), grace)
        self.tracker = self.start()

    @precondition(lambda self: self.blind_since is not None)
    @rule(wait=WAITS, user_id=USERS)
    def sees_again(self, wait: int, user_id: int) -> None:
        """At times a member's own fact comes before the guild's snapshot."""
        self.truth.pass_time(wait)
        since = self.blind_since
        assert since is not None
        self.blind_since = None
        gap = (self.truth.now - since) / 1000
        if user_id != 1:
            self.tell(user_id, uncertainty=gap)
        present = {each: self.truth.presence(each) for each in self.truth.where}
        self.tracker.apply(VoiceSnapshot(GUILD, present, after(since), after(self.truth.now)))
        self.write()

    @rule()
    def time_passes(self) -> None:
        if self.blind_since is None:
            self.tracker.apply(TimePassed(after(self.truth.now)))
            self.tracker.restate()
            self.write()
            for row in self.table.sessions.values():
                if row.status == words.ACTIVE:
                    age = after(self.truth.now) - row.started_at
                    assert age < timedelta(seconds=LONGEST_SESSION_SECONDS)

    def teardown(self) -> None:
        if self.blind_since is not None:
            self.sees_again(1000, 2)
        self.write()
        seated = set(self.truth.where)
        assert {user_id for _, user_id in self.table.states} == seated
        by_visit: dict[tuple[int, str], set[object]] = {}
        for visit in self.table.visits.values():
            by_visit.setdefault((visit.user_id, visit.voice_session_id), set()).add(visit.id)
        assert all(len(ids) == 1 for ids in by_visit.values()), "one visit for each id"
        truth = {user_id: stay.channel_id for user_id, stay in self.truth.where.items()}
        told = {user_id: state.channel_id for (_, user_id), state in self.table.states.items()}
        assert told == truth


TestCorrectedStory = CorrectedStory.TestCase
TestCorrectedStory.settings = settings(
    max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
