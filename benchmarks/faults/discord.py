"""The small Discord of a scenario: a process of its own with members who come and go."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.stage import PROJECT, BenchmarkError
from community.embedded.stopping import end_group, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from community.embedded.guard import Guard

START_SECONDS = 60.0
STOP_SECONDS = 10.0
ANSWER_SECONDS = 10.0
#: So many members take part in a flood.
FLOODED = 20
READY = "Sandbox ready: DISCORD_API_URL="

Member = tuple[int, int]
Places = dict[Member, int]


@dataclass(frozen=True, slots=True)
class Town:
    """Who lives in the sandbox.

    Attributes:
        guilds: how many communities.
        members: people in each.
        speed: divides what they wait.
    """

    guilds: int = 2
    members: int = 25
    speed: float = 60.0


class Discord:
    """The sandbox, seen through its control interface."""

    def __init__(
        self,
        town: Town,
        *,
        seed: int,
        folder: Path,
        environment: Mapping[str, str],
        guard: Guard,
    ) -> None:
        """Starts nothing yet.

        Args:
            town: who lives there.
            seed: decides what they do.
            folder: gets its truth file and its log.
            environment: its own, whole.
            guard: ends it if this process is killed.
        """
        self.truth = folder / "truth.jsonl"
        self.log = folder / "sandbox.log"
        self._environment = dict(environment)
        self._guard = guard
        self._command = [sys.executable, "manage.py", "sandbox", "--port", "0", "--when-watched"]
        options = {
            "--seed": seed,
            "--truth": self.truth,
            "--guilds": town.guilds,
            "--members": town.members,
            "--speed": town.speed,
        }
        for name, value in options.items():
            self._command += [name, str(value)]
        self._process: subprocess.Popen[bytes] | None = None
        self._control = httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)

    def start(self) -> None:
        """Starts it; its members wait for a bot."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own code
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard.watch_process(self._process.pid)

    def wait_until_ready(self) -> str:
        """Waits until it listens, and gives what ``DISCORD_API_URL`` has to be.

        Raises:
            BenchmarkError: if it does not.
        """
        wait_until(lambda: not self._runs() or READY in self._said(), START_SECONDS)
        _, found, rest = self._said().partition(READY)
        if not found:
            raise BenchmarkError(f"The sandbox did not start: {self._said()[-500:]}")
        api_url = rest.split("\n", 1)[0].strip()
        self._control.base_url = api_url.removesuffix("/api/v10") + "/_sandbox"
        return api_url

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def stop(self) -> None:
        """Ends its world: the truth file's stays end here. Safe to repeat."""
        self._control.close()
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            end_group(process.pid)
            process.wait()
        self._guard.forget(process.pid)

    # What is there ----------------------------------------------------------------------

    def places(self) -> Places | None:
        """Tells who is in which voice channel, bots apart; None while a guild is unavailable."""
        places: Places = {}
        for guild in self._ask("GET", "world")["guilds"]:
            if not guild["available"]:
                return None
            bots = set(guild["bots"])
            for state in guild["voice_states"]:
                if state["user_id"] not in bots:
                    member = int(guild["id"]), int(state["user_id"])
                    places[member] = int(state["channel_id"])
        return places

    def guild_ids(self) -> list[int]:
        """Lists the guilds."""
        return [int(guild["id"]) for guild in self._ask("GET", "world")["guilds"]]

    def is_watched(self) -> bool:
        """Tells whether a bot is connected and has identified."""
        return any(session["connected"] for session in self._ask("GET", "sessions")["sessions"])

    def dispatched(self) -> int:
        """Counts what was dispatched to the session that is connected."""
        sessions = self._ask("GET", "sessions")["sessions"]
        return sum(session["sequence"] for session in sessions if session["connected"])

    # What befalls it ----------------------------------------------------------------------

    def fault(self, name: str, **details: Any) -> None:
        """Has a fault happen now.

        Args:
            name: one of the sandbox's.
            details: its ``length``, ``shard`` or ``guild_id``.

        Raises:
            BenchmarkError: if the sandbox refuses it.
        """
        self._ask("POST", "fault", {"fault": name} | details)

    def rates(self, **rates: float) -> None:
        """Has faults happen by chance from now on, and no others.

        Raises:
            BenchmarkError: if the sandbox refuses one.
        """
        self._ask("POST", "rates", rates)

    def send(self, guild_id: int, user_id: int, channel_id: int | None) -> None:
        """Has a member who is in voice move to a channel, or leave where it is None."""
        asked = {"guild_id": str(guild_id), "user_id": str(user_id)}
        if channel_id is None:
            self._ask("POST", "do", {"verb": "leave"} | asked)
        else:
            self._ask("POST", "do", {"verb": "move", "channel_id": str(channel_id)} | asked)

    def flood(self, moves: int, *, rate: float, seed: int) -> int:
        """Has some members move about, so many times a second, and counts what was sent."""
        asked = {"moves": moves, "rate": rate, "seed": seed, "members": FLOODED}
        return int(self._ask("POST", "flood", asked, seconds=moves / rate + 30)["moves"])

    @contextlib.contextmanager
    def flooded(self, moves: int, *, rate: float, seed: int) -> Iterator[None]:
        """Has some members move about meanwhile, and waits for the last move."""
        with ThreadPoolExecutor(1) as thread:
            flood = thread.submit(self.flood, moves, rate=rate, seed=seed)
            yield
            flood.result()

    def _ask(
        self, method: str, path: str, body: Any = None, *, seconds: float = ANSWER_SECONDS
    ) -> Any:
        answer = self._control.request(method, f"/{path}", json=body, timeout=seconds)
        if answer.is_client_error:
            raise BenchmarkError(f"The sandbox refuses it: {answer.json().get('error')}")
        answer.raise_for_status()
        return answer.json()
