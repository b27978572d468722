"""What one scenario plays on: a database of its own, a small Discord, and the four processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx
import psycopg
from honcho.environ import parse_procfile

from benchmarks.faults.books import Books
from benchmarks.faults.cutting_proxy import CuttingProxy
from benchmarks.faults.discord import Discord, Town
from benchmarks.faults.false_clock import FalseClock
from benchmarks.faults.keeper import Keeper
from benchmarks.stage import PROJECT, TOKEN, BenchmarkError
from community.embedded.demo import free_port
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.faults.discord import Places
    from benchmarks.faults.servers import Servers

PROCESSES = ("bot", "worker", "beat", "web")
FIRST_PORT = 18400
LIVE_SECONDS = 90.0
FEWEST_IN_VOICE = 6
#: Between two looks at Discord: who was in one place in both is to be there in the books.
SETTLED_SECONDS = 0.3


@dataclass(frozen=True)
class Setting:
    """How a stage is set.

    Attributes:
        town: who lives in the small Discord.
        hurried: every how many seconds the jobs run that run each minute; None: each minute.
        environment: settings of Rollcall's, beside its defaults.
        cuts_commits: whether a proxy stands between the bot and PostgreSQL.
        has_false_clock: whether the processes' wall clock can be set.
    """

    town: Town = field(default_factory=Town)
    hurried: int | None = 5
    environment: Mapping[str, str] = field(default_factory=dict)
    cuts_commits: bool = False
    has_false_clock: bool = False


class Stage:
    """One scenario's stage. A context manager: within, all runs, and after it nothing does.

    Attributes:
        environment: settings of its processes, the database's address among them.
        discord: the small Discord.
        keeper: the four processes.
        books: the database.
        proxy: between the bot and PostgreSQL, where the setting wants one.
        clock: the processes' wall clock, where the setting wants one that can be set.
    """

    def __init__(self, name: str, setting: Setting, *, servers: Servers, seed: int) -> None:
        """Makes the database; nothing is started.

        Args:
            name: names the database and the folder of logs.
            setting: how it is set.
            servers: what it stands on.
            seed: decides what the small Discord's members do.
        """
        self.servers = servers
        self.setting = setting
        self.folder = servers.data_dir / name
        self.folder.mkdir()
        database = f"chaos_{name.replace('-', '_')}"
        servers.make_database(database)
        own = {"DATA_DIR": str(self.folder / "data")}
        self.environment = servers.environment(database) | own | dict(setting.environment)
        self.books = Books(self.environment["DATABASE_URL"])
        self.keeper = Keeper(guard=servers.guard, log_dir=self.folder)
        self.discord = Discord(
            setting.town,
            seed=seed,
            folder=self.folder,
            environment=self.environment,
            guard=servers.guard,
        )
        self.proxy: CuttingProxy | None = None
        self.clock = FalseClock(self.folder) if setting.has_false_clock else None
        self._port = free_port("127.0.0.1", FIRST_PORT) or FIRST_PORT

    def __enter__(self) -> Self:
        """Starts all, and waits until the bot sees members in voice."""
        try:
            self._start()
            self._wait_until_live()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all of it."""
        self.close()

    def close(self) -> None:
        """Ends all of it; safe to repeat."""
        self.books.close()
        self.keeper.stop()
        self.discord.stop()
        if self.proxy is not None:
            self.proxy.close()

    def _start(self) -> None:
        if self.setting.hurried is not None:
            self.books.hurry(self.setting.hurried)
        self.discord.start()
        self._keep("worker", "beat", "web", environment={"WEB_PORT": str(self._port)})
        told = {"DISCORD_API_URL": self.discord.wait_until_ready(), "DISCORD_TOKEN": TOKEN}
        if self.setting.cuts_commits:
            self.proxy = CuttingProxy(self.servers.socket)
            told["DATABASE_URL"] = self.proxy.url_like(self.environment["DATABASE_URL"])
        self._keep("bot", environment=told)

    def _keep(self, *names: str, environment: Mapping[str, str]) -> None:
        commands = parse_procfile((PROJECT / "Procfile").read_text()).processes
        for name in names:
            false_clock = {} if self.clock is None else self.clock.environment(name)
            self.keeper.start(
                name, commands[name], self.environment | dict(environment) | false_clock
            )

    def _wait_until_live(self) -> None:
        def lives() -> bool:
            return self.is_watching() and len(self.books.active()) >= FEWEST_IN_VOICE

        if not wait_until(lives, LIVE_SECONDS):
            raise BenchmarkError(f"The bot sees nobody: its log is in {self.folder}.")
        if not wait_until(self.web_answers, LIVE_SECONDS):
            raise BenchmarkError(f"The web site does not answer: its log is in {self.folder}.")

    # How it is ----------------------------------------------------------------------

    def is_watching(self) -> bool:
        """Tells whether the bot is connected, by Discord's word and by its own."""
        try:
            return self.discord.is_watched() and self.books.last_frame() is not None
        except (psycopg.OperationalError, httpx.HTTPError):
            return False

    def books_agree(self) -> bool:
        """Tells whether the active sessions are those who are in voice.

        Who changes at this very moment is left out; all others have to be right.
        """
        try:
            before = self.discord.places()
            time.sleep(SETTLED_SECONDS)
            after = self.discord.places()
            active = self.books.active()
        except (psycopg.OperationalError, httpx.HTTPError):
            return False
        if before is None or after is None:
            return False
        return not differences(before, after, active)

    def web_answers(self) -> bool:
        """Tells whether the web site says that it lives and reaches the database."""
        try:
            address = f"http://127.0.0.1:{self._port}/api/health"
            return httpx.get(address, timeout=5, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def differences(before: Places, after: Places, active: Places) -> list[tuple[int, int]]:
    """Lists the members who stayed where they were and are elsewhere in the books."""
    return [
        member
        for member in before.keys() | after.keys() | active.keys()
        if before.get(member) == after.get(member) != active.get(member)
    ]
