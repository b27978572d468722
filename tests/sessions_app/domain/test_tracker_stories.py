"""The tracker against the oracle: any story that Hypothesis can think of comes out right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.facts import GuildRules, VoiceChanged, VoiceFlags, VoiceSnapshot
from sessions_app.domain.stretches import total_seconds
from sessions_app.domain.tracker import Tracker
from tests.sessions_app.domain.table import Table, after
from tests.sessions_app.domain.truth import AFK_CHANNEL, Truth

if TYPE_CHECKING:
    from sessions_app.domain.changes import SessionRow

GUILD = 1 << 22
USERS = st.integers(1, 4)
HUBS = frozenset({AFK_CHANNEL + 3})
CHANNELS = st.integers(AFK_CHANNEL, AFK_CHANNEL + 3)
FLAGS = st.sampled_from(
    [
        0,
        VoiceFlags.SELF_MUTE,
        VoiceFlags.MUTE | VoiceFlags.SELF_DEAF,
        VoiceFlags.SELF_STREAM | VoiceFlags.SELF_VIDEO,
    ]
)
WAITS = st.sampled_from([0, 1, 100, 400, 999, 1000, 1001, 29_999, 30_000])
MICRO = 1000


class Story(RuleBasedStateMachine):
    """Members come and go while the bot watches, and batches are written now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth()
        self.table = Table()
        self.tracker = Tracker(new_id=new_id)
        self.last: dict[int, VoiceChanged] = {}
        self.tracker.apply(VoiceSnapshot(GUILD, {}, after(0), after(0)))
        self.rule_guild(self.tracker)

    def rule_guild(self, tracker: Tracker) -> None:
        rules = GuildRules(
            GUILD,
            AFK_CHANNEL,
            MICRO / 1000,
            tracks_bots=False,
            at=after(0),
            hub_channel_ids=HUBS,
        )
        tracker.apply(rules)

    def tell(self, user_id: int) -> None:
        fact = VoiceChanged(GUILD, self.truth.presence(user_id), after(self.truth.now))
        self.last[user_id] = fact
        self.tracker.apply(fact)

    @rule(user_id=USERS, channel_id=CHANNELS, wait=WAITS)
    def goes(self, user_id: int, channel_id: int, wait: int) -> None:
        self.truth.pass_time(wait)
        stay = self.truth.where.get(user_id)
        if stay is None or stay.channel_id != channel_id:
            self.truth.go(user_id, channel_id)
        self.tell(user_id)

    @rule(user_id=USERS, wait=WAITS)
    def leaves(self, user_id: int, wait: int) -> None:
        """A leave without a join tells nothing, and does no harm."""
        self.truth.pass_time(wait)
        self.truth.go(user_id, None)
        self.tell(user_id)

    @rule(user_id=USERS, channel_id=CHANNELS, wait=WAITS)
    def changes_device(self, user_id: int, channel_id: int, wait: int) -> None:
        """A join from another device takes the place of the old visit: no leave is told."""
        self.truth.pass_time(wait)
        self.truth.go(user_id, None)
        self.truth.go(user_id, channel_id)
        self.tell(user_id)

    @rule(user_id=USERS, steps=st.lists(st.tuples(CHANNELS, WAITS), min_size=2, max_size=5))
    def wanders(self, user_id: int, steps: list[tuple[int, int]]) -> None:
        """One who goes from channel to channel, and then out of voice."""
        for channel_id, wait in steps:
            self.goes(user_id, channel_id, wait)
        self.leaves(user_id, steps[0][1])

    @rule(user_id=USERS, flags=FLAGS, wait=WAITS)
    def toggles(self, user_id: int, flags: int, wait: int) -> None:
        self.truth.pass_time(wait)
        if user_id in self.truth.where:
            self.truth.flags[user_id] = flags
            self.tell(user_id)

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def hears_twice(self, data: st.DataObject) -> None:
        """The latest fact of a member comes a second time, later."""
        fact = self.last[data.draw(st.sampled_from(sorted(self.last)))]
        at = after(self.truth.now)
        self.tracker.apply(VoiceChanged(GUILD, fact.presence, at))

    @rule(wait=WAITS)
    def compares(self, wait: int) -> None:
        """A snapshot that comes without any blindness agrees with what is known."""
        self.truth.pass_time(wait)
        present = {user_id: self.truth.presence(user_id) for user_id in self.truth.where}
        now = after(self.truth.now)
        self.tracker.apply(VoiceSnapshot(GUILD, present, now, now))

    @rule(twice=st.booleans())
    def writes(self, twice: bool) -> None:
        batch = self.tracker.take()
        self.table.write(batch)
        if twice:
            self.table.write(batch)
        self.table.check()

    @rule()
    def restarts_without_a_gap(self) -> None:
        """The bot stops in good order and starts again before anything happens."""
        self.table.write(self.tracker.take())
        self.tracker = self.table.restore(new_id)
        self.rule_guild(self.tracker)
        self.compares(0)

    @invariant()
    def remembers_who_is_there(self) -> None:
        assert self.tracker.active_sessions() == len(self.truth.where)

    def teardown(self) -> None:
        self.truth.pass_time(5000)
        self.table.write(self.tracker.take())
        self.table.check()
        for user_id in range(1, 5):
            rows = self.table.of_member(user_id)
            told = [
                (
                    row.channel_id,
                    row.started_at,
                    row.ended_at,
                )
                for row in rows
            ]
            expected = self.truth.expected(user_id, MICRO, HUBS)
            assert told == [
                (channel_id, after(since), None if until is None else after(until))
                for channel_id, since, until in expected
            ]
            for row, (_, since, until) in zip(rows, expected, strict=True):
                self.check_row(row, since, self.truth.now if until is None else until)

    def check_row(self, row: SessionRow, since: int, until: int) -> None:
        assert row.start_kind == words.OBSERVED
        assert (row.start_uncertainty, row.end_uncertainty) == (0, 0)
        for kind, stretches, total in zip(STRETCH_KINDS, row.stretches, row.sums, strict=True):
            seconds = self.truth.seconds(row.user_id, kind, since, until)
            assert total_seconds(stretches, after(since), after(until)) == pytest.approx(seconds)
            assert total == pytest.approx(0 if row.ended_at is None else seconds)


TestStory = Story.TestCase
TestStory.settings = settings(
    max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
