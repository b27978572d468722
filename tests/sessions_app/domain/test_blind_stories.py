"""Members come and go, at times unseen; what is not seen is off by no more than stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import (
    GapReplayed,
    GuildRules,
    TimePassed,
    VoiceChanged,
    VoiceSnapshot,
)
from tests.sessions_app.domain.oracle import Oracle
from tests.sessions_app.domain.table import Table, after, ms
from tests.sessions_app.domain.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions_app.domain.changes import GapRow
    from sessions_app.domain.facts import VoicePresence
    from sessions_app.domain.tracker import Tracker
    from tests.sessions_app.domain.truth import TrueStay

Move = tuple[int, int | None, int]

GUILD = 1 << 22
USERS = (1, 2, 3)
HUB = 12
HUBS = frozenset({HUB})
WAITS = st.sampled_from([0, 1, 100, 400, 999, 1000, 1001, 29_999, 30_000])
# Who goes where after how long; None is out of voice.
MOVES = st.lists(
    st.tuples(st.sampled_from(USERS), st.sampled_from([None, 10, 11, HUB]), WAITS), max_size=5
)
CAUSES = st.sampled_from([words.BOT_DOWN, words.CONNECTION_LOST, words.GUILD_OUTAGE])


class BlindStory(RuleBasedStateMachine):
    """A blind gap ends with a statement, or with all that happened in it told afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth()
        self.table = Table()
        self.micro = 0
        self.checkpoint = 0
        self.seen: list[TrueStay] = []

    @initialize(micro=st.sampled_from([0, 1000]), checkpoint=st.sampled_from([0, 700, 60_000]))
    def begin(self, micro: int, checkpoint: int) -> None:
        self.micro = micro
        self.checkpoint = checkpoint
        self.tracker = self.start()
        self.tracker.apply(VoiceSnapshot(GUILD, {}, None, after(0)))

    def start(self) -> Tracker:
        tracker = self.table.restore(new_id)
        at = after(self.truth.now)
        rules = GuildRules(
            GUILD, None, self.micro / 1000, tracks_bots=False, at=at, hub_channel_ids=HUBS
        )
        tracker.apply(rules)
        return tracker

    def play(self, moves: list[Move]) -> Iterator[VoicePresence]:
        """Lets members come, go and change their device, and gives what is to be told."""
        for user_id, channel_id, wait in moves:
            self.truth.pass_time(wait)
            stay = self.truth.where.get(user_id)
            if stay is not None and stay.channel_id == channel_id:
                self.truth.go(user_id, None)
            self.truth.go(user_id, channel_id)
            yield self.truth.presence(user_id)

    def write(self) -> list[GapRow]:
        """Writes what changed, twice, and gives the gaps."""
        batch = self.tracker.take()
        self.table.write(batch)
        self.table.write(batch)
        self.table.check()
        return batch.gaps

    @rule(moves=MOVES)
    def is_watched(self, moves: list[Move]) -> None:
        for presence in self.play(moves):
            self.tracker.apply(VoiceChanged(GUILD, presence, after(self.truth.now)))
            self.seen += self.truth.where.values()
        assert self.write() == []
        self.tracker.apply(TimePassed(after(self.truth.now)))

    @rule(
        is_killed=st.booleans(),
        moves=MOVES,
        graces=st.lists(st.sampled_from([0, 500, 120_000]), max_size=2),
        cause=CAUSES,
        wait=st.integers(1, 30_000),
    )
    def is_blind(
        self, is_killed: bool, moves: list[Move], graces: list[int], cause: str, wait: int
    ) -> None:
        """The connection dies, or the bot does, once all that it saw is written."""
        self.write()
        since = self.truth.now
        if is_killed:
            self.tracker = self.start()
        for _ in self.play(moves):
            pass
        for grace in graces:
            # The stale sweep ends by estimate what the bot that is gone does not see.
            self.table.sweep(after(since - self.checkpoint), after(self.truth.now), grace)
            self.tracker = self.start()
        self.truth.pass_time(wait)
        now = self.truth.now
        present = {user_id: self.truth.presence(user_id) for user_id in self.truth.where}
        self.tracker.apply(VoiceSnapshot(GUILD, present, after(since), after(now), cause))
        self.seen += self.truth.where.values()
        [gap] = self.write()
        assert (gap.cause, ms(gap.began_at), ms(gap.ended_at)) == (cause, since, now)
        assert (gap.user_id, gap.is_replayed) == (None, False)

    @rule(moves=MOVES, wait=WAITS, pause=st.sampled_from([0, 1, 40]))
    def is_cut_off(self, moves: list[Move], wait: int, pause: int) -> None:
        """All that was missed comes in order, and then the word that it has."""
        self.write()
        since = self.truth.now
        touched = set(self.truth.where)
        presences = list(self.play(moves))
        self.truth.pass_time(wait)
        for presence in presences:
            self.truth.pass_time(pause)
            touched.add(presence.user_id)
            uncertainty = (self.truth.now - since) / 1000
            now = after(self.truth.now)
            self.tracker.apply(VoiceChanged(GUILD, presence, now, uncertainty))
        self.tracker.apply(GapReplayed(after(since), after(self.truth.now)))
        gaps = self.write()
        if touched and self.truth.now > since:
            [gap] = gaps
            assert (ms(gap.began_at), ms(gap.ended_at)) == (since, self.truth.now)
            assert (gap.is_replayed, gap.sessions_touched) == (True, len(touched))
        else:
            assert gaps == []

    @invariant()
    def remembers_who_is_there(self) -> None:
        where = {key[1]: state.channel_id for key, state in self.table.states.items()}
        assert where == {user_id: stay.channel_id for user_id, stay in self.truth.where.items()}
        assert self.tracker.active_sessions() == len(where)

    def teardown(self) -> None:
        self.truth.pass_time(1000)
        self.write()
        for user_id in USERS:
            oracle = Oracle(
                self.truth,
                self.table,
                user_id,
                micro=self.micro,
                checkpoint=self.checkpoint,
                hubs=HUBS,
            )
            oracle.check()
            for stay in self.seen:
                if stay.user_id == user_id:
                    oracle.check_kept(stay)


TestBlindStory = BlindStory.TestCase
TestBlindStory.settings = settings(
    max_examples=200, stateful_step_count=12, suppress_health_check=list(HealthCheck)
)
