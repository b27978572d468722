"""What the benchmark plays on: a database of its own, a sandbox, and processes to measure."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from psycopg import sql

from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parent.parent
TOKEN = "sandbox"  # noqa: S105 - the sandbox's, which opens nothing else
DATABASE = "rollcall_bench"
# Names a database with all tables and no rows, for runs that would rather copy than migrate.
TEMPLATE_VARIABLE = "BENCHMARK_TEMPLATE"
PATIENCE_SECONDS = 90.0

JSON = dict[str, Any]


class BenchmarkError(Exception):
    """Something that is measured did not do what it has to."""


@contextlib.contextmanager
def database(data_dir: Path) -> Iterator[str]:
    """Makes a database with Rollcall's tables for the run, and drops it afterwards.

    It lies in the server of ``DATABASE_URL``, or in one of its own.

    Yields:
        Its address.
    """
    url = os.environ.get("DATABASE_URL", "")
    if url:
        with _laid_database(url) as made:
            yield made
        return
    lock = hold(data_dir)
    guard = Guard(lock=lock)
    server = EmbeddedPostgres(data_dir, guard=guard)
    try:
        server.start()
        with _laid_database(server.url("postgres")) as made:
            yield made
    finally:
        server.stop()
        guard.release()
        os.close(lock)


@contextlib.contextmanager
def _laid_database(url: str) -> Iterator[str]:
    name = f"{DATABASE}_{os.getpid()}"
    template = os.environ.get(TEMPLATE_VARIABLE, "")
    base, question, query = url.partition("?")
    made = base.rpartition("/")[0] + "/" + name + question + query
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template1")
            )
        )
        try:
            if not template:
                run(["manage.py", "migrate", "--verbosity", "0"], url=made)
            yield made
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Process:
    """A child that tells how it is by lines on its standard output."""

    def __init__(self, arguments: list[str], *, environment: dict[str, str]) -> None:
        self._child = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Waits for its next line.

        Raises:
            BenchmarkError: if it ended instead.
        """
        output = self._child.stdout
        line = output.readline() if output is not None else ""
        if not line:
            raise BenchmarkError(f"A process ended early, with status {self._child.wait()}.")
        return line.rstrip("\n")

    def end(self) -> None:
        """Ends it and waits for it."""
        self._child.terminate()
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


class Sandbox:
    """The small Discord, in a process of its own, seen through its control interface."""

    def __init__(self, *, guilds: int, members: int) -> None:
        """Starts it and waits until it listens."""
        arguments = ["manage.py", "sandbox", "--port", "0", "--no-actors", "--no-rest-limits"]
        arguments += ["--guilds", str(guilds), "--members", str(members)]
        arguments += ["--identify-interval", "0.05", "--members-interval", "0.05"]
        self._process = Process(arguments, environment=settings_of(""))
        self.api_url = self._process.line().partition("DISCORD_API_URL=")[2]
        base = self.api_url.removesuffix("/api/v10") + "/_sandbox"
        self._control = httpx.Client(base_url=base, timeout=PATIENCE_SECONDS)

    def world(self) -> JSON:
        """Tells who and what is there."""
        return self._answer(self._control.get("/world"))

    def flood(self, moves: int, *, rate: float | None = None, seed: int = 0) -> JSON:
        """Has members move, and waits until every client has read of it."""
        asked = {"moves": moves, "rate": rate, "seed": seed, "log": True}
        return self._answer(self._control.post("/flood", json=asked))

    @staticmethod
    def _answer(response: httpx.Response) -> JSON:
        response.raise_for_status()
        answer: JSON = response.json()
        return answer

    def close(self) -> None:
        """Stops it."""
        self._control.close()
        self._process.end()


@contextlib.contextmanager
def measured(part: str, sandbox: Sandbox, *, moves: int, url: str) -> Iterator[Process]:
    """Runs a bot until it has taken in so many moves.

    Args:
        part: which of :mod:`benchmarks.bots`.
        sandbox: where it connects to.
        moves: after how many it tells what it did.
        url: the database's address.
    """
    bot = Process(
        ["-m", "benchmarks.child", part, "--moves", str(moves)],
        environment=settings_of(url) | {"DISCORD_API_URL": sandbox.api_url, "DISCORD_TOKEN": TOKEN},
    )
    try:
        if json.loads(bot.line()) != "ready":
            raise BenchmarkError(f"The bot {part!r} did not say that it is ready.")
        yield bot
    finally:
        bot.end()


def run(arguments: list[str], *, url: str) -> str:
    """Runs a process to its end and gives its output."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=os.environ | settings_of(url),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def settings_of(url: str) -> dict[str, str]:
    """What Rollcall is told: its defaults, whatever the environment says."""
    return {
        "DJANGO_SETTINGS_MODULE": "community.settings",
        "DATABASE_URL": url,
        "SECRET_KEY": "only-for-the-benchmark",
        "DEBUG": "",
        "LOG_LEVEL": "WARNING",
    }
