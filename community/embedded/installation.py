"""One running Rollcall: what it stands on first, its processes next, and all of it down again."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from honcho.environ import parse_procfile

from community.domain.errors import RollcallError
from community.embedded.broker import EmbeddedBroker, make_broker_folder
from community.embedded.demo import (
    ACCOUNT,
    DATABASE,
    Demo,
    free_port,
    furnish,
    members_are_known,
    prepare_account,
    refusal_to_listen,
    refuse_foreign_database,
    voice_is_seen,
)
from community.embedded.errors import PortTakenError, SettingMissingError
from community.embedded.folders import hold, write_private
from community.embedded.guard import Guard
from community.embedded.lifeline import end_with_parent
from community.embedded.postgres import EmbeddedPostgres
from community.embedded.supervisor import Supervisor
from community.embedded.terminal import Terminal
from community.environment import RUNNING, Environment, database_from
from community.static_files import collect_static

if TYPE_CHECKING:
    from collections.abc import Callable

BOT = "bot"
PROCESSES = ("web", "worker", "beat", BOT)
SANDBOX = "sandbox"
# Where a browser on this machine finds what listens on every address.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing is bound here
READY_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.25


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line."""

    demo: bool = False
    only: tuple[str, ...] = PROCESSES
    verbose: bool = False


class Installation:
    """Everything that ``manage.py up`` starts, and stops."""

    def __init__(self, wishes: Wishes) -> None:
        """Reads the settings; nothing is started.

        Args:
            wishes: what was asked for.
        """
        self._wishes = wishes
        self._env = Environment(settings.BASE_DIR)
        self._data_dir: Path = settings.DATA_DIR
        self._stop = threading.Event()
        self._terminal = Terminal(self._data_dir / "log", verbose=wishes.verbose)
        # What the processes get beside what the operator set.
        self._settings: dict[str, str] = {"DATA_DIR": str(self._data_dir)}
        self._servers: list[EmbeddedPostgres | EmbeddedBroker] = []
        self._demo: Demo | None = None
        self._password = ""

    def run(self) -> None:
        """Starts all, waits until it is told to stop, and stops all, PostgreSQL last.

        Raises:
            RollcallError: if something is missing or in the way; nothing is left running.
        """
        self._heed_signals()
        self._check()
        lock = hold(self._data_dir)
        guard = Guard(lock=lock)
        running = self._data_dir / RUNNING
        running.unlink(missing_ok=True)
        guard.watch_file(running)
        try:
            self._start_servers(guard)
            self._plan_demo()
            write_private(running, self._running())
            if not self._stop.is_set():
                self._prepare()
            if not self._stop.is_set():
                self._run_processes(guard)
        finally:
            running.unlink(missing_ok=True)
            for server in reversed(self._servers):
                server.stop()
            self._terminal.close()
            guard.release()
            os.close(lock)
        self._terminal.say("Stopped; nothing is left running.")

    # Before anything is started ---------------------------------------------------------------

    def _heed_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        if "MAKELEVEL" in os.environ:  # a make that is killed takes us with it
            end_with_parent(os.getppid())

    def _check(self) -> None:
        """Names what is missing or in the way while nothing has been started."""
        wishes, host, port = self._wishes, settings.WEB_BIND, settings.WEB_PORT
        if BOT in wishes.only and not wishes.demo and not self._env.given("DISCORD_TOKEN"):
            raise SettingMissingError(
                name="DISCORD_TOKEN", purpose="the bot's token, from Discord's developer portal"
            )
        if "web" not in wishes.only:
            return
        if wishes.demo:
            port = self._env.whole("DEMO_PORT", port, least=1, most=65535)
            free = free_port(host, port)
            if free is None:
                raise PortTakenError(host=host, port=port, reason=refusal_to_listen(host, port))
            port = free
        elif refusal := refusal_to_listen(host, port):
            raise PortTakenError(host=host, port=port, reason=refusal)
        self._settings |= {"WEB_BIND": host, "WEB_PORT": str(port)}
        if wishes.demo or not self._env.given("SITE_URL"):
            self._settings["SITE_URL"] = self._site()

    # What it stands on ------------------------------------------------------------------------

    def _start_servers(self, guard: Guard) -> None:
        self._settings["SECRET_KEY"] = self._env.given("SECRET_KEY") or self._own_secret_key()
        url = self._env.given("DATABASE_URL")
        if not url:
            postgres = EmbeddedPostgres(self._data_dir, guard=guard)
            self._servers.append(postgres)
            postgres.start()
            name = DATABASE if self._wishes.demo else "rollcall"
            postgres.ensure_database(name)
            url = postgres.url(name)
        self._settings["DATABASE_URL"] = url
        # This process read its settings before there was a server, or from a stale note.
        connections.close_all()
        settings.DATABASES["default"].update(database_from(url))
        broker_url = self._env.given("CELERY_BROKER_URL")
        if not broker_url:
            broker = EmbeddedBroker(self._data_dir, guard=guard)
            self._servers.append(broker)
            broker.start()
            broker_url = broker.url
        elif broker_url.startswith("filesystem:"):
            make_broker_folder(self._data_dir)
        self._settings["CELERY_BROKER_URL"] = broker_url

    def _own_secret_key(self) -> str:
        kept = self._data_dir / "secret_key"
        if not kept.exists():
            write_private(kept, secrets.token_urlsafe(48) + "\n")
        return kept.read_text(encoding="utf-8").strip()

    def _plan_demo(self) -> None:
        if not self._wishes.demo:
            return
        any_port = self._env.whole("DEMO_SANDBOX_PORT", 8100, least=1, most=65535)
        self._demo = Demo(
            guilds=self._env.whole("DEMO_GUILDS", 3, least=1, most=100),
            members=self._env.whole("DEMO_MEMBERS", 200, least=1, most=100_000),
            speed=self._env.number("DEMO_SPEED", 20.0, least=0.1, most=10_000),
            token=secrets.token_hex(16),
            port=free_port("127.0.0.1", any_port) or any_port,
            truth=self._data_dir / "demo" / "truth.jsonl",
        )
        self._settings |= {
            "DISCORD_API_URL": self._demo.api_url,
            "DISCORD_TOKEN": self._demo.token,
        }

    def _running(self) -> str:
        names = ["DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY"]
        if self._demo is not None:
            names += ["DISCORD_API_URL", "DISCORD_TOKEN"]
        return "".join(f"{name}={self._settings[name]}\n" for name in names)

    def _prepare(self) -> None:
        self._terminal.say("Laying the tables and the static files")
        collect_static()
        if self._demo is not None:
            refuse_foreign_database()
        call_command("migrate", interactive=False, verbosity=0)
        if self._demo is not None:
            self._password = prepare_account(self._data_dir)

    # The processes ----------------------------------------------------------------------------

    def _run_processes(self, guard: Guard) -> None:
        supervisor = Supervisor(
            guard=guard,
            terminal=self._terminal,
            environment=self._environment(),
            folder=settings.BASE_DIR,
        )
        commands = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
        started = datetime.now(UTC)
        try:
            if self._demo is not None:
                supervisor.start(SANDBOX, self._demo.sandbox_command())
                self._wait("the sandbox", self._demo.sandbox_answers)
            for name in self._wishes.only:
                supervisor.start(name, commands[name])
            if "web" in self._wishes.only:
                self._wait("the web site", self._web_answers)
            if self._demo is not None and BOT in self._wishes.only:
                self._wait("members in voice", lambda: voice_is_seen(started))
                self._furnish(self._demo)
            connections.close_all()
            if not self._stop.is_set():
                self._announce()
            while not self._stop.wait(1):
                self._keep_servers()
            self._terminal.say("Stopping")
        finally:
            # The bot goes before its Discord, which goes at once: for as long as it went on
            # without the bot, its members would be in voice and nobody would see them.
            supervisor.stop(first=BOT)

    def _furnish(self, demo: Demo) -> None:
        """Makes the demo's events and hubs; a demo without them is one all the same."""
        self._wait("the members", lambda: members_are_known(demo))
        try:
            if not self._stop.is_set():
                furnish(datetime.now(UTC))
        except (RollcallError, DatabaseError) as error:
            self._terminal.say(f"The demo has no events, or no hubs: {error}")

    def _environment(self) -> dict[str, str]:
        # The Procfile's "python" is the one that runs this, activated or not.
        path = str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", os.defpath)
        return os.environ | self._settings | {"PATH": path, "PYTHONUNBUFFERED": "1"}

    def _wait(self, what: str, there: Callable[[], bool]) -> None:
        """Waits for a condition, and says so where it does not come; a stop ends the wait."""
        for _ in range(int(READY_SECONDS / LOOK_EVERY_SECONDS)):
            if there() or self._stop.wait(LOOK_EVERY_SECONDS):
                return
        self._terminal.say(f"Still waiting for {what}; the logs are in {self._data_dir / 'log'}")

    def _web_answers(self) -> bool:
        address = f"{self._site()}/admin/login/"
        with contextlib.suppress(httpx.HTTPError):
            # https is asked for by a redirect, which is an answer too.
            return not httpx.get(address, timeout=5, trust_env=False).is_server_error
        return False

    def _keep_servers(self) -> None:
        for server in self._servers:
            if not server.is_running():
                self._terminal.say("A server ended, and starts again")
                server.start()

    def _announce(self) -> None:
        stop = "(Ctrl-C stops it)"
        if self._demo is None:
            site = self._settings.get("SITE_URL", settings.SITE_URL)
            self._terminal.announce([f"Rollcall runs: {site}/admin/ {stop}"])
            return
        login = f"user {ACCOUNT}, password {self._password}"
        self._terminal.announce([f"Rollcall's demo runs: {self._site()}/admin/ {login} {stop}"])

    def _site(self) -> str:
        host = self._settings.get("WEB_BIND", settings.WEB_BIND)
        port = self._settings.get("WEB_PORT", settings.WEB_PORT)
        return f"http://{LOOPBACK.get(host) or (f'[{host}]' if ':' in host else host)}:{port}"
