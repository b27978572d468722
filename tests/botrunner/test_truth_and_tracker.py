"""The whole arithmetic at once: actors, their truth, the tracker, and the comparison."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from botrunner.domain.blind_gaps import Gap
from botrunner.domain.comparison import Comparison, Measure
from botrunner.domain.comparison_report import Limits, Verdict, verdicts
from botrunner.domain.tracked_session import TrackedSession
from botrunner.domain.truth_comparison import compare
from botrunner.domain.truth_file import microseconds, read_stays
from botrunner.sandbox.actors import Show
from botrunner.sandbox.truth import TruthWriter
from botrunner.sandbox.world import build_world
from sessions_app.domain.facts import VoiceChanged, VoicePresence, VoiceSnapshot
from sessions_app.domain.tracker import Tracker

if TYPE_CHECKING:
    from pathlib import Path

    from sessions_app.domain.changes import SessionRow

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DELIVERY = timedelta(milliseconds=3)


class Evening:
    """A show whose events reach a tracker 3 ms later, save while it is blind."""

    def __init__(self, truth: Path, *, speed: float, seed: int = 3) -> None:
        self.show: Show | None = None
        self.blind = True
        self.gaps: list[Gap] = []
        self.sights: dict[int, int] = {}
        self.rows: dict[UUID, SessionRow] = {}
        self.tracker = Tracker(new_id=uuid4)
        self.world = build_world(seed=seed, guilds=2, members=150, clock=self.clock)
        self.truth = truth
        self.writer = TruthWriter(truth, self.world)
        self.world.on_dispatch.append(self.hear)
        self.show = Show(self.world, seed=seed, speed=speed)

    def clock(self) -> datetime:
        return NOON + timedelta(seconds=self.show.now if self.show else 0)

    def play(self, seconds: float) -> None:
        assert self.show is not None
        until = self.show.now + seconds
        while self.show.next_due <= until:
            self.show.play_next()
        self.show.now = until

    def hear(self, guild_id: int, name: str, payload: dict[str, Any]) -> None:
        if name == "VOICE_STATE_UPDATE" and not self.blind:
            channel_id = payload["channel_id"]
            presence = VoicePresence(
                int(payload["user_id"]),
                None if channel_id is None else int(channel_id),
                payload["session_id"],
                is_bot=False,
            )
            self.tracker.apply(VoiceChanged(guild_id, presence, self.clock() + DELIVERY))
            self.note()

    def see(self, *, blind_since: datetime | None) -> None:
        """Has the tracker see who is in voice now, and hear from now on."""
        self.blind = False
        at = self.clock() + DELIVERY
        for guild in self.world.guilds.values():
            self.sights.setdefault(guild.id, microseconds(at))
            presences = {
                user_id: VoicePresence(user_id, state.channel_id, state.session_id, is_bot=False)
                for user_id, state in guild.voice_states.items()
            }
            self.tracker.apply(VoiceSnapshot(guild.id, presences, blind_since, at))
            if blind_since is not None:
                span = microseconds(blind_since), microseconds(at)
                self.gaps.append(Gap(guild.id, None, *span, "bot_down"))
        self.note()

    def be_blind(self, seconds: float) -> None:
        """Has the tracker hear nothing for so long, and then see who is there."""
        self.blind, since = True, self.clock()
        self.play(seconds)
        self.see(blind_since=since)

    def note(self) -> None:
        batch = self.tracker.take()
        self.rows |= {row.id: row for row in (*batch.new_sessions, *batch.changed_sessions)}
        for session_id in batch.dropped_sessions:
            self.rows.pop(session_id, None)

    def compared(self, *, with_gaps: bool = True) -> Comparison:
        sessions = [
            TrackedSession(
                str(row.id),
                row.guild_id,
                row.user_id,
                row.channel_id,
                row.status,
                microseconds(row.started_at),
                None if row.ended_at is None else microseconds(row.ended_at),
                row.end_reason,
                math.ceil(row.start_uncertainty * 1e6),
                math.ceil(row.end_uncertainty * 1e6),
                row.start_kind == "first_sight",
            )
            for row in self.rows.values()
        ]
        measure = Measure(
            at=microseconds(self.clock()),
            tolerance=250_000,
            micro=1_000_000,
            orphaned_after=60_000_000,
        )
        with self.truth.open() as lines:
            gaps = self.gaps if with_gaps else []
            return compare(read_stays(lines), sessions, measure, self.sights, gaps)


def over(result: Comparison) -> list[Verdict]:
    return [verdict for verdict in verdicts(result, Limits()) if not verdict.holds]


def test_ten_minutes_at_speed_are_tracked_within_all_limits(tmp_path: Path) -> None:
    evening = Evening(tmp_path / "truth.jsonl", speed=60)
    evening.play(5)
    evening.see(blind_since=None)

    evening.play(595)
    result = evening.compared()

    assert over(result) == []
    assert result.stays > 1000
    assert result.micro_stays > 300
    assert result.boundaries.first_sights > 5


def test_blind_gaps_cost_nothing_beyond_what_the_rows_say(tmp_path: Path) -> None:
    evening = Evening(tmp_path / "truth.jsonl", speed=1)
    evening.play(5)
    evening.see(blind_since=None)

    for _ in range(6):
        evening.play(1200)
        evening.be_blind(10)
    result = evening.compared()

    assert over(result) == []
    assert result.boundaries.inferred_starts
    assert result.boundaries.inferred_ends


@pytest.mark.parametrize(("speed", "length"), [(20, 30), (60, 2)])
def test_what_gaps_cost_is_what_changed_in_them(
    tmp_path: Path, speed: float, length: float
) -> None:
    evening = Evening(tmp_path / "truth.jsonl", speed=speed, seed=5)
    evening.play(5)
    evening.see(blind_since=None)

    for _ in range(12):
        evening.play(60)
        evening.be_blind(length)
    evening.play(5)
    result, ungapped = evening.compared(), evening.compared(with_gaps=False)

    shares = {"lost share", "phantom share"}
    assert {verdict.what for verdict in over(result)} <= shares
    assert {verdict.what for verdict in over(ungapped)} > shares
    assert result.gaps.rows == 24
    assert 0 < result.lost.in_gaps + result.phantom.in_gaps <= 2 * result.gaps.allowed
