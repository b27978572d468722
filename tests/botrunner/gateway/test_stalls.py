"""A process that stands still hears late what happened meanwhile, notices, and says so."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from botrunner.gateway import stalls
from botrunner.gateway.blindness import Sight
from botrunner.gateway.clock import Clock
from botrunner.gateway.feed import HEARTBEAT_ACK, Feed
from botrunner.gateway.interests import Interests
from botrunner.gateway.members import MemberRequests
from sessions_app.domain.facts import GapReplayed, VoiceChanged
from sessions_app.models import BlindGap
from tests.botrunner.gateway.bot_processes import active, connected, runbot
from tests.botrunner.gateway.conftest import (
    bounded,
    now,
    rows,
    running,
    serving,
    settled,
    stored,
    until_stored,
)

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community

STALL_SECONDS = 1.0
GUILD = "4194304"


# The counting of heartbeats, without a socket -------------------------------------------------


class Heartbeats(RuleBasedStateMachine):
    """A connection whose frames wait in a socket while the process stands still.

    Discord answers heartbeats in order, among its events. A heart of discord.py's own beats
    besides. Whatever the order, a voice state's uncertainty covers what it waited.
    """

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 1_000.0
        clock = Clock(wall=lambda: 1.8e9 + self.elapsed, elapsed=lambda: self.elapsed)
        self.things: list[Any] = []
        self.feed = Feed(
            shard_id=0,
            sight=Sight({}),
            clock=clock,
            put=lambda _, thing: self.things.append(thing),
            requests=MemberRequests(),
            interests=Interests(clock=clock, put=lambda *_: None, connection=lambda: None),
            has_members_intent=False,
        )
        self.feed.opened()
        self.feed.frame(self.elapsed)
        self.feed.event("READY", {"user": {"id": "1"}, "guilds": []})
        self.feed.understood()
        # What waits in the socket: when each voice state was sent, None for an answer.
        self.socket: deque[float | None] = deque()
        # Heartbeats that Discord has not received yet.
        self.underway = 0
        self.ticked = self.elapsed
        self.stalled_since: float | None = None

    def beat(self) -> None:
        self.feed.beat_sent()
        self.underway += 1

    def read(self) -> None:
        sent = self.socket.popleft()
        self.feed.frame(self.elapsed)
        if sent is None:
            self.feed.control(HEARTBEAT_ACK, None)
            self.feed.understood()
            return
        self.feed.event(
            "VOICE_STATE_UPDATE",
            {"guild_id": GUILD, "user_id": "7", "channel_id": "10", "session_id": "v"},
        )
        self.feed.understood()
        fact = self.things[-1]
        assert isinstance(fact, VoiceChanged)
        waited = self.elapsed - sent
        # The clock counts microseconds.
        assert fact.uncertainty >= waited - 1e-5
        longest = 0.0 if self.stalled_since is None else self.elapsed - self.stalled_since
        assert fact.uncertainty <= longest + 1e-5

    @rule()
    def a_voice_state_is_sent(self) -> None:
        self.socket.append(self.elapsed)

    @rule()
    def the_heart_beats(self) -> None:
        self.beat()

    @precondition(lambda self: self.underway)
    @rule()
    def discord_answers(self) -> None:
        self.underway -= 1
        self.socket.append(None)

    @rule(most=st.integers(1, 3))
    def some_frames_are_read(self, most: int) -> None:
        for _ in range(min(most, len(self.socket))):
            self.read()
        self.note_if_caught_up()

    @rule(seconds=st.floats(0.001, 0.25))
    def the_loop_runs(self, seconds: float) -> None:
        """Nothing stays in the socket, and whoever asks for proof has his turn."""
        while self.socket:
            self.read()
        if self.feed.has_stalled.is_set():
            self.proof_is_asked_for()
        self.note_if_caught_up()
        self.elapsed += seconds
        self.feed.tick(self.elapsed)
        self.ticked = self.elapsed

    @rule(
        seconds=st.floats(0.01, 1_000.0),
        meanwhile=st.lists(st.sampled_from(["state", "answer"]), max_size=6),
        is_told_by_a_tick=st.booleans(),
    )
    def the_process_stands_still(
        self, seconds: float, meanwhile: list[str], is_told_by_a_tick: bool
    ) -> None:
        began = self.ticked
        for what in meanwhile:
            self.elapsed += (stalls.STALL_SECONDS + seconds) / (len(meanwhile) + 1)
            if what == "state":
                self.socket.append(self.elapsed)
            elif self.underway:
                self.discord_answers()
        self.elapsed = max(self.elapsed, began) + stalls.STALL_SECONDS + 0.001
        if self.stalled_since is None:
            self.stalled_since = began
        if is_told_by_a_tick or not self.socket:
            self.feed.tick(self.elapsed)
        else:
            self.read()
        self.ticked = self.elapsed
        assert self.feed.sight.is_stalled

    @precondition(lambda self: self.feed.has_stalled.is_set())
    @rule()
    def proof_is_asked_for(self) -> None:
        self.feed.has_stalled.clear()
        self.feed.catching_up()
        self.beat()

    @rule()
    def all_comes_to_rest(self) -> None:
        """Whatever was lost count of, the answer to the last heartbeat is proof."""
        if self.feed.has_stalled.is_set():
            self.proof_is_asked_for()
        while self.underway:
            self.discord_answers()
        while self.socket:
            self.read()
        assert not self.feed.sight.is_stalled
        self.note_if_caught_up()

    def note_if_caught_up(self) -> None:
        if self.stalled_since is not None and not self.feed.sight.is_stalled:
            noted = [thing.since for thing in self.things if type(thing) is GapReplayed]
            since = self.feed._clock.at(self.stalled_since)
            if self.elapsed - self.stalled_since >= stalls.NOTED_SECONDS + 0.001:
                assert since in noted
            elif self.elapsed - self.stalled_since < stalls.NOTED_SECONDS - 0.001:
                assert since not in noted
            self.stalled_since = None

    @invariant()
    def vouches_for_nothing_that_it_may_not_have_read(self) -> None:
        if self.stalled_since is not None and self.feed.sight.is_stalled:
            complete_until = self.feed.sight.complete_until()
            assert complete_until is not None
            assert complete_until <= self.feed._clock.at(self.stalled_since)


Heartbeats.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestHeartbeats = Heartbeats.TestCase


@pytest.mark.parametrize("begins", ["READY", "RESUMED"])
def test_what_follows_the_beginning_of_a_connection_may_have_waited_behind_it(begins: str) -> None:
    story = Heartbeats()
    story.elapsed += 5
    story.feed.frame(story.elapsed)
    story.elapsed += 0.1
    story.feed.tick(story.elapsed)
    story.feed.opened()
    opened = story.elapsed
    story.elapsed += stalls.STALL_SECONDS + 2

    story.feed.frame(story.elapsed)
    if begins == "READY":
        story.feed.event("READY", {"user": {"id": "1"}, "guilds": []})
    else:
        story.feed.event("RESUMED", {})
    story.stalled_since = opened
    story.socket.append(opened + 0.5)
    story.read()

    assert story.feed.has_stalled.is_set()
    complete_until = story.feed.sight.complete_until()
    assert complete_until is not None
    assert complete_until <= story.feed._clock.at(opened)
    story.all_comes_to_rest()


def test_what_a_process_slept_through_before_it_connected_is_behind_it() -> None:
    story = Heartbeats()
    story.elapsed += stalls.STALL_SECONDS + 2
    story.feed.tick(story.elapsed)

    story.feed.opened()
    story.feed.frame(story.elapsed)
    story.feed.event("RESUMED", {})

    assert not story.feed.sight.is_stalled


# The bot --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_what_is_heard_late_carries_the_time_that_the_process_stood_still() -> None:
    # Its own heart beats meanwhile, or is to beat.
    async with serving(heartbeat_interval=4.0) as community, runbot(community) as bot:
        await connected(1)
        for who in range(3):
            community.join(who, 0)
        await active(3)
        await asyncio.sleep(1.1)
        bot.stand_still()
        stopped = now()
        await asyncio.sleep(0.5)
        community.leave(0)
        await asyncio.sleep(1.0)
        community.move(1, 1)
        await asyncio.sleep(1.5)
        went_on = now()
        bot.go_on()
        # On a machine under load it may have stood still before, or do so once more.
        stood = BlindGap.objects.filter(began_at__lte=stopped, ended_at__gte=went_on)
        await until_stored(lambda: stored(stood.exists))
        community.leave(2)
        await until_stored(lambda: rows(user_id=community.people[2], status="completed"))
        stalls = bot.output.count("stood still for")

        left, moved, after = community.ended()
        [gap] = await stored(lambda: list(stood.all()))
        assert (gap.cause, gap.is_replayed, gap.user_id) == ("bot_down", True, None)
        assert (gap.sessions_touched, gap.sessions_mended) == (3, 0)
        for stay in (left, moved):
            [row] = await rows(user_id=stay.user_id, status="completed")
            bounded(row, stay)
            assert row.ended_at is not None
            assert row.ended_at >= went_on
            assert row.end_uncertainty > 1.4
            assert row.end_uncertainty <= gap.length.total_seconds() + 0.001
        [begun] = await rows(user_id=moved.user_id, status="active")
        assert (begun.start_kind, begun.channel_id) == ("inferred", community.voice[1])
        [row] = await rows(user_id=after.user_id)
        bounded(row, after)
        assert row.end_uncertainty == 0 or stalls > 1
        assert row.end_reason == "left"


@pytest.mark.django_db(transaction=True)
async def test_an_ordinary_run_stands_still_no_more_than_its_event_loop_did(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stalls, "STALL_SECONDS", STALL_SECONDS)
    pauses: list[float] = []

    async def measure() -> None:
        """A machine under load starves this process now and then; this says when it did."""
        latest = time.monotonic()
        while True:
            await asyncio.sleep(0.02)
            latest, former = time.monotonic(), latest
            pauses.append(latest - former)

    async with running(community) as bot:
        measuring = asyncio.create_task(measure())
        community.join(0, 0)
        until = time.monotonic() + 4.0
        channel = 0
        while time.monotonic() < until:
            channel = 1 - channel
            community.move(0, channel)
            await asyncio.sleep(0.1)
        await settled(bot)
        measuring.cancel()

    starved = sum(pause > STALL_SECONDS / 2 for pause in pauses)
    assert caplog.text.count("stood still for") <= starved
    if not starved:
        assert not await stored(BlindGap.objects.exists)


def test_whoever_is_patient_stands_still_later() -> None:
    patient = stalls.Stalls(0.0, patience=100.0)

    assert not patient.is_late(stalls.STALL_SECONDS + 1)
    assert patient.is_late(100.5)
