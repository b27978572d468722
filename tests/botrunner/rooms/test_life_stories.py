"""Every interleaving of people, time, staff, Discord's moods and crashes ends well.

The machine has the row alone for its memory; whoever works on it may die between any two
steps. Discord may do what it does not answer, answer late, or refuse. In the end, once Discord
behaves and nobody asks for anything more, the room is over and none of its channels is left,
or it stands in quarantine, where staff see it. Only where the guild removed the bot may a
channel be left: nobody could delete it, and the room says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from botrunner.domain.rooms.happenings import (
    Admitted,
    Adopted,
    ChannelGone,
    ChannelMade,
    CloseAsked,
    Counted,
    CreationAsked,
    CreationNotSent,
    CreationRefused,
    CreationUnanswered,
    DeletionFailed,
    Denied,
    Extended,
    GuildLost,
    Happening,
    LetGo,
    MarkNotFound,
    MarkNotToBeHad,
    Queued,
    TimeIsUp,
)
from botrunner.domain.rooms.life import Effect, next_effect, step, wakes_at
from botrunner.domain.rooms.room import HOLDS_SLOT, OPEN, Kind, Reason, Room, State, Timing

START = datetime(2026, 3, 1, 20, tzinfo=UTC)
MANY_STEPS = 500
TO_COME = {State.REQUESTED, State.QUEUED}

creating = st.sampled_from(
    ["made", "refused", "made unheard", "not made unheard", "made late", "not sent", "crash"]
)
deleting = st.sampled_from(["done", "refused", "done unheard", "not done unheard", "crash"])
looking = st.sampled_from(["answered", "forbidden", "crash"])


class Stories(RuleBasedStateMachine):
    """One room, its guild's channels, and who is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.timing = Timing(grace=timedelta(seconds=20))
        self.room = Room(id=UUID(int=7), guild_id=1, owner_id=2, kind=Kind.PRIVATE)
        self.channels: set[int] = set()
        self.late: list[tuple[datetime, int]] = []
        self.kept: set[int] = set()
        self.inside = 0
        self.first_channel = self.next_channel = 100

    # The row ---------------------------------------------------------------------------

    def tell(self, happening: Happening) -> None:
        before = self.room
        self.room = step(before, happening, at=self.now, timing=self.timing)
        if before.is_over:
            assert self.room is before
        if before.state in OPEN and self.room.state is State.CLOSING:
            assert_may_close(before, happening, at=self.now)

    def make_channel(self) -> int:
        self.next_channel += 1
        self.channels.add(self.next_channel)
        return self.next_channel

    # What staff, people and the clock do ----------------------------------------------------

    @precondition(lambda self: self.room.state in TO_COME)
    @rule(happening=st.sampled_from([Queued(), *[Admitted()] * 8, Denied("room.preflight")]))
    def decide(self, happening: Happening) -> None:
        self.tell(happening)

    @precondition(lambda self: self.room.state not in TO_COME)
    @rule(happening=st.sampled_from([Queued(), Admitted(), Denied("room.preflight")]))
    def decide_too_late(self, happening: Happening) -> None:
        self.tell(happening)

    @precondition(lambda self: self.room.is_over and self.is_clean())
    @rule()
    def begin_anew(self) -> None:
        """Another room, so that a story that ended early is not over."""
        self.room = Room(id=UUID(int=7), guild_id=1, owner_id=2, kind=Kind.PRIVATE)
        self.channels, self.kept, self.inside = set(), set(), 0
        self.first_channel = self.next_channel

    @rule(seconds=st.sampled_from([0.5, 5, 30, 61]))
    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for due, channel in list(self.late):
            if due <= self.now:
                self.late.remove((due, channel))
                self.channels.add(channel)

    @rule()
    def look_at_the_clock(self) -> None:
        self.tell(TimeIsUp())

    @precondition(lambda self: self.room.channel_id in self.channels)
    @rule(inside=st.integers(min_value=0, max_value=2))
    def come_and_go(self, inside: int) -> None:
        self.inside = inside
        self.tell(Counted(inside))

    @rule()
    def count_again(self) -> None:
        self.tell(Counted(self.inside))

    @precondition(lambda self: self.room.state not in TO_COME or self.now > START)
    @rule(reason=st.sampled_from([Reason.ASKED, Reason.STAFF, Reason.SHUTDOWN]))
    def ask_to_close(self, reason: Reason) -> None:
        self.tell(CloseAsked(reason))

    @rule()
    def extend(self) -> None:
        self.tell(Extended(timedelta(seconds=30)))

    @precondition(lambda self: self.room.channel_id in self.channels)
    @rule(is_heard=st.booleans())
    def somebody_deletes_it(self, *, is_heard: bool) -> None:
        assert self.room.channel_id is not None
        self.channels.discard(self.room.channel_id)
        self.inside = 0
        if is_heard:
            self.tell(ChannelGone(self.room.channel_id))

    @precondition(lambda self: self.room.state is State.QUARANTINED)
    @rule(adopts=st.booleans())
    def staff_decide(self, *, adopts: bool) -> None:
        ours = sorted(self.channels)
        if adopts and ours:
            self.tell(Adopted(self.room.channel_id or ours[0]))
        elif not adopts:
            self.kept = set(self.channels) | {channel for _, channel in self.late}
            self.tell(LetGo())

    @precondition(lambda self: self.room.creations and not self.room.is_over)
    @rule(chance=st.integers(min_value=0, max_value=5))
    def bot_is_removed(self, chance: int) -> None:
        """Now and then: it ends the story."""
        if chance == 0:
            self.kept = set(self.channels) | {channel for _, channel in self.late}
            self.tell(GuildLost())
            assert self.room.reason == Reason.BOT_REMOVED
            assert self.room.is_over

    # Who works on it ------------------------------------------------------------------------

    @precondition(lambda self: self.is_due(Effect.CREATE))
    @rule(mood=creating)
    def create(self, mood: str) -> None:
        self.tell(CreationAsked())
        if mood == "made":
            self.tell(ChannelMade(self.make_channel()))
        elif mood == "refused":
            self.tell(CreationRefused("30013"))
        elif mood == "not sent":
            self.tell(CreationNotSent())
        elif mood == "made late":
            self.next_channel += 1
            self.late.append((self.now + timedelta(seconds=25), self.next_channel))
        elif mood == "made unheard":
            self.make_channel()
        if mood in {"made unheard", "not made unheard", "made late"}:
            self.tell(CreationUnanswered())

    @precondition(lambda self: self.is_due(Effect.FIND))
    @rule(mood=looking)
    def find(self, mood: str) -> None:
        if mood == "answered":
            found = sorted(self.channels)
            self.tell(ChannelMade(found[0]) if found else MarkNotFound())
        elif mood == "forbidden":
            self.tell(MarkNotToBeHad())

    @precondition(lambda self: self.is_due(Effect.DELETE))
    @rule(mood=deleting)
    def delete(self, mood: str) -> None:
        channel = self.room.channel_id
        assert channel is not None
        if mood in {"done", "done unheard"}:
            self.channels.discard(channel)
            self.inside = 0
        if mood == "done":
            self.tell(ChannelGone(channel))
        elif mood == "refused":
            self.tell(DeletionFailed("50013", is_refusal=True))
        elif mood != "crash":
            self.tell(DeletionFailed("room.no_answer", is_refusal=False))

    @rule()
    def sweep(self) -> None:
        """Deletes twins: marked channels that the row does not name, as the orphan sweep does.

        A channel that has no twin is the machine's own to find.
        """
        if self.room.asked_at is None and self.next_channel > self.first_channel + 1:
            self.channels &= {self.room.channel_id} | self.kept

    def is_due(self, effect: Effect) -> bool:
        due = self.room.next_try_at
        return next_effect(self.room) is effect and (due is None or due <= self.now)

    # What always holds ----------------------------------------------------------------------

    @invariant()
    def the_row_makes_sense(self) -> None:
        room = self.room
        assert room.creations >= 0
        assert room.channel_id is None or room.asked_at is None
        assert (room.due_at is not None) == (room.state in {State.WAITING, State.GRACE})
        if room.state in HOLDS_SLOT - {State.CREATING, State.CLOSING}:
            assert room.channel_id is not None
        if room.is_over:
            assert (next_effect(room), wakes_at(room)) == (None, None)
            assert room.reason or room.error
        if room.state is State.CLOSING:
            assert room.reason

    def teardown(self) -> None:
        """Lets Discord behave and everybody go home, and sees it end."""
        self.inside = 0
        for _ in range(MANY_STEPS):
            if self.room.is_over and not self.late:
                break
            self.pass_time(5)
            self.tell(Counted(0))
            self.tell(TimeIsUp())
            if self.room.state in {State.REQUESTED, State.QUEUED}:
                self.tell(Admitted())
            elif self.room.state is State.QUARANTINED:
                self.tell(CloseAsked(Reason.STAFF))
            if self.is_due(Effect.CREATE):
                self.create("made")
            if self.is_due(Effect.FIND):
                self.find("answered")
            if self.is_due(Effect.DELETE):
                self.delete("done")
        assert self.room.is_over
        self.sweep()
        assert self.is_clean()

    def is_clean(self) -> bool:
        return not self.late and self.channels <= self.kept


def assert_may_close(before: Room, happening: Happening, *, at: datetime) -> None:
    """Asserts that an open room has a reason to close."""
    if isinstance(happening, TimeIsUp):
        assert before.due_at is not None
        assert before.due_at <= at
    else:
        assert isinstance(happening, CloseAsked | Counted)
        if isinstance(happening, Counted):
            assert happening.inside == 0
            assert before.state is State.OCCUPIED


TestStories = Stories.TestCase
TestStories.settings = settings(max_examples=300, stateful_step_count=40)
