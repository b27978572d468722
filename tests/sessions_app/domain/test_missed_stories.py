"""Events that never come: what a comparison makes of them is off by no more than stated."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import (
    GapReplayed,
    GuildRules,
    PresenceChecked,
    VoiceChanged,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from tests.sessions_app.domain.oracle import Oracle
from tests.sessions_app.domain.table import START, Table, after, ms
from tests.sessions_app.domain.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions_app.domain.changes import GapRow
    from sessions_app.domain.facts import VoicePresence
    from tests.sessions_app.domain.oracle import Span
    from tests.sessions_app.domain.truth import TrueStay

Move = tuple[int, int | None, int]

GUILD = 1 << 22
USERS = (1, 2, 3)
HUB = 12
HUBS = frozenset({HUB})
# In voice all the time, so that no comparison rests.
HOST = 9
SECOND_LOOK = 1500
WAITS = st.sampled_from([0, 1, 400, 999, 1000, 30_000])
MOVE = st.tuples(st.sampled_from(USERS), st.sampled_from([None, 10, 11, HUB]), WAITS)
MOVES = st.lists(MOVE, min_size=1, max_size=4)
FEW_MOVES = st.lists(MOVE, max_size=2)


class MissedStory(RuleBasedStateMachine):
    """The bot believes that it hears all; comparisons find out what it did not hear."""

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth()
        self.table = Table()
        self.micro = 0
        self.tracker = Tracker(new_id=new_id)
        # Up to when each member was surely where the tracker thinks.
        self.known = dict.fromkeys((*USERS, HOST), 0)
        self.heard = dict.fromkeys((*USERS, HOST), 0)
        # What happened since and was not told, by member.
        self.lost: defaultdict[int, list[int]] = defaultdict(list)
        # Of whom an event was told after one that was not: nobody can know better.
        self.misled: set[int] = set()
        self.hidden: defaultdict[int, list[Span]] = defaultdict(list)
        self.seen: list[TrueStay] = []

    @initialize(micro=st.sampled_from([0, 1000]))
    def begin(self, micro: int) -> None:
        self.micro = micro
        rules = GuildRules(
            GUILD, None, micro / 1000, tracks_bots=False, at=after(0), hub_channel_ids=HUBS
        )
        self.tracker.apply(rules)
        self.tracker.apply(VoiceSnapshot(GUILD, {}, None, after(0)))
        come = [(user_id, 10, 1) for user_id in (*USERS, HOST)]
        leave = [(user_id, None, 2000) for user_id in USERS]
        self.is_watched(come + leave)

    # What happens --------------------------------------------------------------------------

    def play(self, moves: list[Move]) -> Iterator[int]:
        """Lets members come, go and change their device, one after another."""
        for user_id, channel_id, wait in moves:
            self.truth.pass_time(wait)
            stay = self.truth.where.get(user_id)
            if stay is not None and stay.channel_id == channel_id:
                self.truth.go(user_id, None)
            self.truth.go(user_id, channel_id)
            yield user_id

    def tell(self, presence: VoicePresence, *, since: int | None = None) -> None:
        """Tells an event; since the beginning of a gap, where it is told afterwards."""
        now, user_id = self.truth.now, presence.user_id
        uncertainty = 0.0 if since is None else (now - since) / 1000
        self.tracker.apply(VoiceChanged(GUILD, presence, after(now), uncertainty))
        self.known[user_id] = max(self.known[user_id], now if since is None else since)
        self.heard[user_id] = now
        if user_id in self.truth.where:
            self.seen.append(self.truth.where[user_id])

    def happen(self, moves: list[Move]) -> list[VoicePresence]:
        """Gives what is to be told of moves; who has lost an event loses all that follow."""
        to_tell = []
        for user_id in self.play(moves):
            if self.lost[user_id]:
                self.lost[user_id].append(self.truth.now)
            else:
                to_tell.append(self.truth.presence(user_id))
        return to_tell

    @rule(moves=MOVES)
    def is_watched(self, moves: list[Move]) -> None:
        """Who has lost an event loses all that follow."""
        for user_id in self.play(moves):
            if self.lost[user_id]:
                self.lost[user_id].append(self.truth.now)
            else:
                self.tell(self.truth.presence(user_id))

    @rule(moves=MOVES)
    def is_not_told(self, moves: list[Move]) -> None:
        for user_id in self.play(moves):
            self.lost[user_id].append(self.truth.now)

    @rule(move=MOVE)
    def is_told_again(self, move: Move) -> None:
        """An event comes after one that did not."""
        for user_id in self.play([move]):
            if self.lost[user_id]:
                self.misled.add(user_id)
            self.lost[user_id].clear()
            self.tell(self.truth.presence(user_id))

    @rule(moves=MOVES, wait=WAITS)
    def is_cut_off(self, moves: list[Move], wait: int) -> None:
        """What happens while the connection is away is told afterwards."""
        self.write()
        since = self.truth.now
        delayed = self.happen(moves)
        self.truth.pass_time(wait)
        self.replay(delayed, since)

    def replay(self, presences: list[VoicePresence], since: int) -> None:
        for presence in presences:
            self.tell(presence, since=since)
        self.tracker.apply(GapReplayed(after(since), after(self.truth.now)))
        assert all(gap.is_replayed for gap in self.write())

    @rule(moves=FEW_MOVES, wait=st.integers(1, 30_000))
    def is_blind(self, moves: list[Move], wait: int) -> None:
        """A gap hides that something was lost before it."""
        self.write()
        since = self.truth.now
        self.misled |= {user_id for user_id, instants in self.lost.items() if instants}
        for _ in self.play(moves):
            pass
        self.truth.pass_time(wait)
        self.state(since)
        assert [gap.user_id for gap in self.write()] == [None]

    @rule(wait=WAITS)
    def is_stated(self, wait: int) -> None:
        """A guild is stated that was seen all along: what differs was never told."""
        self.write()
        self.truth.pass_time(wait)
        before = dict(self.known)
        self.state(self.truth.now)
        self.settle_missed(before, self.truth.now)

    def state(self, since: int) -> None:
        now = self.truth.now
        present = {user_id: self.truth.presence(user_id) for user_id in self.truth.where}
        self.tracker.apply(VoiceSnapshot(GUILD, present, after(since), after(now)))
        self.known = dict.fromkeys(self.known, now)
        self.heard = dict.fromkeys(self.heard, now)
        self.seen += self.truth.where.values()
        if since < now:
            self.lost.clear()

    # Comparisons ---------------------------------------------------------------------------

    @rule(
        wait=WAITS,
        unheard=FEW_MOVES,
        between=FEW_MOVES,
        are_told=st.booleans(),
        late=FEW_MOVES,
    )
    def is_compared(
        self,
        wait: int,
        unheard: list[Move],
        between: list[Move],
        are_told: bool,
        late: list[Move],
    ) -> None:
        """A round: all are asked about, those who differ twice, and events come meanwhile.

        Args:
            unheard: what happens just before, and is told afterwards, between the looks.
            between: what happens between the looks, told or not.
            late: what happens after them, and is told before their answers are taken in.
        """
        self.write()
        since = self.truth.now
        delayed = self.happen(unheard)
        self.truth.pass_time(wait)
        first = self.look(self.to_check())
        doubted = {drift.user_id for drift in self.tracker.drift(list(first.values()))}
        self.replay(delayed, since)
        self.truth.pass_time(SECOND_LOOK if doubted else 0)
        (self.is_watched if are_told else self.is_not_told)(between)
        second = self.look(doubted)
        self.is_watched(late)
        before = dict(self.known)
        for user_id, said in (first | second).items():
            if is_same_place(first[user_id].presence, said.presence):
                asked_at = first[user_id].asked_at
                self.take(PresenceChecked(GUILD, said.presence, asked_at, said.at))
        self.settle_missed(before, None)

    def to_check(self) -> list[int]:
        """All are in voice or left lately; those come first who were seen longest ago."""
        assert self.tracker.guilds_in_use() == [GUILD]
        user_ids = self.tracker.to_check(GUILD, left_since=START)
        assert sorted(user_ids) == sorted(self.known)
        seen = [self.known[user_id] for user_id in user_ids]
        assert seen == sorted(seen)
        return user_ids

    def look(self, user_ids: set[int] | list[int]) -> dict[int, PresenceChecked]:
        """Asks about members; nothing happens at that very instant."""
        self.truth.pass_time(1)
        now = after(self.truth.now)
        self.truth.pass_time(1)
        return {
            user_id: PresenceChecked(GUILD, self.truth.presence(user_id), now, now)
            for user_id in user_ids
        }

    def take(self, check: PresenceChecked) -> None:
        """Has an answer settled; then what Discord said holds, unless an event is newer."""
        user_id, asked_at = check.presence.user_id, ms(check.asked_at)
        is_older = self.heard[user_id] >= asked_at
        drift = self.tracker.drift([check])
        assert not (drift and is_older)
        self.tracker.apply(check)
        if is_older:
            return
        assert self.tracker.drift([check]) == []
        until = ms(check.at) if drift else asked_at
        if not drift:
            self.note_hidden(user_id, until)
        self.known[user_id] = max(self.known[user_id], until)
        self.heard[user_id] = max(self.heard[user_id], until)
        self.lost[user_id] = [at for at in self.lost[user_id] if at > until]

    def note_hidden(self, user_id: int, until: int) -> None:
        """Whoever is back where they were leaves no sign of what was lost meanwhile."""
        instants = [at for at in self.lost[user_id] if at <= until]
        if instants:
            self.hidden[user_id].append((min(instants), max(instants)))

    def settle_missed(self, before: dict[int, int], at: int | None) -> list[int]:
        """Gives those of whom a gap was noted: each began when they were last seen."""
        gaps = self.write()
        for gap in gaps:
            assert gap.user_id is not None
            assert (gap.cause, gap.is_replayed) == (words.EVENT_MISSED, False)
            assert ms(gap.began_at) == before[gap.user_id]
            assert at in {None, ms(gap.ended_at)}
        mended = [gap.user_id for gap in gaps if gap.user_id is not None]
        if at is not None:
            for user_id in USERS:
                if user_id not in mended:
                    self.note_hidden(user_id, at)
            self.lost.clear()
        return mended

    def write(self) -> list[GapRow]:
        batch = self.tracker.take()
        self.table.write(batch)
        self.table.check()
        return batch.gaps

    def teardown(self) -> None:
        self.is_compared(30_000, [], [], False, [])
        where = {key[1]: state.channel_id for key, state in self.table.states.items()}
        assert where == {user_id: stay.channel_id for user_id, stay in self.truth.where.items()}
        for user_id in {*self.known} - self.misled:
            oracle = Oracle(
                self.truth,
                self.table,
                user_id,
                micro=self.micro,
                hidden=self.hidden[user_id],
                hubs=HUBS,
            )
            oracle.check()
            for stay in self.seen:
                if stay.user_id == user_id:
                    oracle.check_kept(stay)


def is_same_place(first: VoicePresence, second: VoicePresence) -> bool:
    return (first.channel_id, first.voice_session_id) == (
        second.channel_id,
        second.voice_session_id,
    )


TestMissedStory = MissedStory.TestCase
TestMissedStory.settings = settings(
    max_examples=200, stateful_step_count=12, suppress_health_check=list(HealthCheck)
)
