"""What a chaos run stands on: a PostgreSQL and a Redis of its own, and what befalls them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import psycopg
import redis
from psycopg import sql

from benchmarks.stage import PROJECT, BenchmarkError
from community.embedded.broker import EmbeddedBroker
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from pathlib import Path

MIGRATED = "migrated"
KILL_SECONDS = 20.0
MIGRATE_SECONDS = 180.0


class Servers:
    """One PostgreSQL, durable as in production, and one Redis. A context manager.

    Attributes:
        guard: ends what is left if this process is killed.
    """

    def __init__(self, data_dir: Path) -> None:
        """Names the places.

        Args:
            data_dir: the run's folder, which nobody else uses.
        """
        self.data_dir = data_dir
        self._lock = hold(data_dir)
        self.guard = Guard(lock=self._lock)
        self._postgres = EmbeddedPostgres(data_dir, guard=self.guard, durable=True)
        self._broker = EmbeddedBroker(data_dir, guard=self.guard)

    def __enter__(self) -> Self:
        """Starts both, and lays the tables once, in a database that each scenario copies."""
        try:
            self._postgres.start()
            self._broker.start()
            self._postgres.ensure_database(MIGRATED)
            self._migrate()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stops both."""
        self.close()

    def close(self) -> None:
        """Stops both and lets the folder go; safe to repeat."""
        if self._lock < 0:
            return
        self._broker.stop()
        self._postgres.stop()
        self.guard.release()
        os.close(self._lock)
        self._lock = -1

    def _migrate(self) -> None:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(  # noqa: S603 - our own code
            command,
            cwd=PROJECT,
            env=self.environment(MIGRATED),
            check=True,
            timeout=MIGRATE_SECONDS,
        )

    def environment(self, database: str) -> dict[str, str]:
        """Gives a process's whole environment: Rollcall's own defaults on these servers.

        Neither ``.env`` nor what the developer's shell says is taken in.
        """
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)  # noqa: PTH120 - the path as it is told, links and all
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG") if name in os.environ}
        return kept | {
            "PATH": path,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "community.settings",
            "ENV_FILE": os.devnull,
            "DATA_DIR": str(self.data_dir),
            "DATABASE_URL": self._postgres.url(database),
            "CELERY_BROKER_URL": self._broker.url,
            "SECRET_KEY": "only-for-chaos",
        }

    # Databases ------------------------------------------------------------------------------

    @property
    def socket(self) -> Path:
        """The socket that PostgreSQL listens on."""
        return self._postgres.sockets / ".s.PGSQL.5432"

    def make_database(self, name: str) -> None:
        """Makes a database with Rollcall's tables and nothing in them."""
        with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as server:
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(MIGRATED)
                )
            )

    # What befalls them ----------------------------------------------------------------------

    def stop_postgres_immediately(self) -> bool:
        """Does what ``pg_ctl stop -m immediate`` does: no farewells, recovery at the next start.

        Returns:
            Whether it is gone.
        """
        pid_file = self._postgres.folder / "postmaster.pid"
        os.kill(int(pid_file.read_text().split("\n", 1)[0]), signal.SIGQUIT)
        return wait_until(lambda: not self._postgres.is_running(), KILL_SECONDS)

    def start_postgres(self) -> None:
        """Starts PostgreSQL again, unless it runs."""
        if not self._postgres.is_running():
            self._postgres.start()

    def flush_redis(self) -> bool:
        """Empties Redis, and tells whether there was anything in it."""
        with self._redis() as server:
            had_keys = bool(server.dbsize())
            server.flushall()
        return had_keys

    def kill_redis(self) -> bool:
        """Kills Redis, and tells whether it is gone."""
        with self._redis() as server:
            pid = int(server.info("server")["process_id"])
        os.kill(pid, signal.SIGKILL)
        gone = wait_until(lambda: not self._broker.is_running(), KILL_SECONDS)
        self.guard.forget(pid)
        return gone

    def start_redis(self) -> None:
        """Starts Redis again, unless it runs."""
        if not self._broker.is_running():
            self._broker.start()

    def _redis(self) -> redis.Redis:
        if not self._broker.url.startswith("redis"):
            raise BenchmarkError("There is no Redis on this machine: the broker is a folder.")
        return redis.Redis(unix_socket_path=str(self._broker.socket), socket_timeout=5)
