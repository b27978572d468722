"""The wall clock that a chaos run sets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.faults.false_clock import FalseClock
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0
# Says by how much its wall clock differs from another one's, each time that it is asked.
PROGRAM = """
import os, sys, time
began, elapsed = map(float, sys.argv[1:])
for line in sys.stdin:
    if line == "fork\\n" and os.fork():
        os.wait()
        break
    since = time.clock_gettime(time.CLOCK_BOOTTIME) - elapsed
    print(time.time() - began - since, flush=True)
"""


def test_wall_clock_of_a_process_goes_with_what_is_set_and_its_forks_do(tmp_path: Path) -> None:
    clock = FalseClock(tmp_path)
    process = start(clock)
    assert process.stdin is not None
    assert process.stdout is not None

    def ahead() -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("tell\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    with process:
        as_it_is = ahead()
        clock.set(-HOUR)
        was_obeyed = wait_until(lambda: clock.is_obeyed("one"), 20)
        back = ahead()
        process.stdin.write("fork\n")
        process.stdin.flush()
        in_fork = float(process.stdout.readline())
        clock.set(HOUR)
        # Its parent obeys too, and may be the first.
        is_forward = wait_until(lambda: abs(ahead() - HOUR) < 1, 20)
        process.stdin.close()

    assert was_obeyed
    assert abs(as_it_is) < 1
    assert abs(back + HOUR) < 1
    assert abs(in_fork + HOUR) < 1
    assert is_forward


def start(clock: FalseClock) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [
            sys.executable,
            "-c",
            PROGRAM,
            str(time.time()),
            str(time.clock_gettime(time.CLOCK_BOOTTIME)),
        ],
        env=os.environ | clock.environment("one"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
