"""The truth of a scenario: who really was where, as the small Discord wrote it down."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.stage import PROJECT, BenchmarkError
from botrunner.domain.truth_file import line_of, moment_of, read_stays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from benchmarks.faults.run import Window
    from botrunner.domain.truth_file import TrueStay

MILLION = 1_000_000
COMPARE_SECONDS = 300.0
#: A session that goes on so long after its member left is orphaned: all is right by then.
ORPHANED_AFTER_SECONDS = 5.0
BEYOND_LIMITS = 1


class BlindTime(NamedTuple):
    """A window's seconds, and how many members changed in it."""

    seconds: float
    changed: int

    @property
    def allows(self) -> float:
        """The most seconds that may be lost in it, and as many phantom."""
        return self.seconds * self.changed


class Truth:
    """A truth file whose world has ended.

    Attributes:
        stays: who was where.
    """

    def __init__(self, path: Path, *, steps: Sequence[tuple[float, float]] = ()) -> None:
        """Reads the file.

        Args:
            path: the file.
            steps: (since, seconds): from when on, by the true clock, times are told by one
                that is so far ahead. The file is written anew, as that clock saw it.
        """
        self._steps = [(since * MILLION, round(seconds * MILLION)) for since, seconds in steps]
        with path.open("rb") as lines:
            self.stays = list(read_stays(lines))
        self._path = path
        if steps:
            self._path = path.with_name("truth-stepped.jsonl")
            self._write_anew()

    def _told(self, micros: int) -> int:
        """Gives an instant as the clock tells it."""
        ahead = [step for since, step in self._steps if micros >= since]
        return micros + (ahead[-1] if ahead else 0)

    def _write_anew(self) -> None:
        def told(micros: int) -> datetime:
            return moment_of(self._told(micros))

        with self._path.open("w", encoding="utf-8") as file:
            for stay in self.stays:
                file.write(
                    line_of(
                        guild_id=stay.guild_id,
                        user_id=stay.user_id,
                        channel_id=stay.channel_id,
                        began=told(stay.began),
                        ended=None if stay.ended is None else told(stay.ended),
                    )
                )
        with self._path.open("rb") as lines:
            self.stays = list(read_stays(lines))

    def blind_times(self, windows: Iterable[Window]) -> list[BlindTime]:
        """Measures windows, and counts the members who came, went or moved in each.

        Args:
            windows: by the true clock. Where the truth is told by another one, a step of
                that clock makes a window that long.
        """
        changes = [
            (instant, (stay.guild_id, stay.user_id))
            for stay in self.stays
            for instant in (stay.began, stay.ended)
            if instant is not None
        ]
        times = []
        for window in windows:
            began, ended = (self._told(round(seconds * MILLION)) for seconds in window)
            members = {member for instant, member in changes if began <= instant <= ended}
            times.append(BlindTime((ended - began) / MILLION, len(members)))
        return times

    def compare(self, environment: Mapping[str, str], *, tolerance: float) -> dict[str, Any]:
        """Has ``manage.py compare_truth`` compare it with a database.

        The instant is just before the world's end: who was there then is under way.

        Args:
            environment: names the database.
            tolerance: seconds by which a boundary may be off.

        Returns:
            Its figures.

        Raises:
            BenchmarkError: if it cannot compare.
        """
        at = moment_of(max(map(_last, self.stays)) - 1_000)
        command = [sys.executable, "manage.py", "compare_truth", str(self._path), "--json"]
        command += ["--at", at.isoformat(), "--tolerance", f"{tolerance:g}"]
        command += ["--orphaned-after", f"{ORPHANED_AFTER_SECONDS:g}"]
        done = subprocess.run(  # noqa: S603 - our own code
            command,
            cwd=PROJECT,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMPARE_SECONDS,
        )
        if done.returncode not in (0, BEYOND_LIMITS):
            raise BenchmarkError(f"compare_truth: {done.stderr.strip()[-500:]}")
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures


def _last(stay: TrueStay) -> int:
    return stay.began if stay.ended is None else stay.ended
