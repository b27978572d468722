from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from community.embedded.demo import (
    Demo,
    free_port,
    members_are_known,
    prepare_account,
    refuse_foreign_database,
)
from community.embedded.errors import NotADemoDatabaseError
from tests.community.leftovers import nothing_is_left_of, processes_of
from tests.factories import make_guild, make_member

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parent.parent.parent


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    port = free_port("127.0.0.1", 18000 + os.getpid() % 1000)
    ours = {"ENV_FILE": os.devnull, "DATA_DIR": str(data_dir), "WEB_PORT": str(port)}
    return {"PATH": os.defpath} | ours | settings


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(PROJECT / "manage.py"), "up", *arguments]


def refused(data_dir: Path, *arguments: str, **settings: str) -> str:
    """Runs an ``up`` that is to end by itself, and gives what it says."""
    done = subprocess.run(  # noqa: S603 - our own program
        command(*arguments),
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@contextmanager
def up(
    data_dir: Path, *arguments: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Runs ``up`` until it has said where to look; gives its process and the site."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        command(*arguments),
        env=environment(data_dir, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if address := re.search(r"http://[\w.:]+", line):
                yield process, address[0]
                break
        else:
            pytest.fail(f"up ended before it was ready: {said}")
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("installation") / "data"


def test_up_serves_the_site_and_leaves_nothing_after_ctrl_c(data_dir: Path) -> None:
    with up(data_dir, "--only", "web,worker,beat") as (process, site):
        page = httpx.get(f"{site}/admin/login/")
        note = data_dir / "running.env"
        mode = stat.S_IMODE(note.stat().st_mode)
        second = refused(data_dir, "--only", "web")

        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=30) == 0
    assert page.status_code == 200
    assert "Rollcall" in page.text
    assert mode == 0o600
    assert f"in use by process {process.pid}" in second
    assert not note.exists()
    assert processes_of(data_dir) == []


def test_up_that_is_killed_leaves_nothing_and_starts_again(data_dir: Path) -> None:
    with up(data_dir, "--only", "web,worker") as (process, _):
        key = (data_dir / "secret_key").read_text()
        process.kill()

        assert nothing_is_left_of(data_dir)
    assert not (data_dir / "running.env").exists()

    with up(data_dir, "--only", "web") as (process, site):
        assert httpx.get(f"{site}/admin/login/").status_code == 200
        assert (data_dir / "secret_key").read_text() == key
        process.terminate()

        assert process.wait(timeout=30) == 0
    assert processes_of(data_dir) == []


def test_up_that_is_interrupted_before_it_heeds_signals_ends_without_a_traceback(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own program
        command("--only", "web"),
        env=environment(tmp_path / "data"),
        stderr=subprocess.PIPE,
        text=True,
    )
    # Its modules are still being loaded.
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=30)

    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said
    assert not (tmp_path / "data").exists()


def test_up_without_a_token_names_it_before_anything_is_started(tmp_path: Path) -> None:
    said = refused(tmp_path / "data")

    assert "DISCORD_TOKEN is not set" in said
    assert ".env" in said
    assert not (tmp_path / "data").exists()


def test_up_on_a_taken_port_says_so_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = refused(tmp_path / "data", "--only", "web", WEB_PORT=str(port))

    assert f"port {port}" in said
    assert "WEB_PORT" in said
    assert not (tmp_path / "data").exists()


def test_up_on_an_address_of_another_machine_says_why(tmp_path: Path) -> None:
    said = refused(tmp_path / "data", "--only", "web", WEB_BIND="203.0.113.9")

    assert "203.0.113.9" in said
    assert "Cannot assign requested address" in said


def test_up_with_a_data_folder_that_cannot_be_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = refused(tmp_path / "file" / "data", "--only", "web")

    assert "DATA_DIR" in said


def test_free_port_passes_over_a_taken_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert free_port("127.0.0.1", port) != port


@pytest.mark.django_db
def test_the_demos_account_keeps_its_password(tmp_path: Path) -> None:
    first = prepare_account(tmp_path)
    second = prepare_account(tmp_path)

    account = get_user_model().objects.get()
    assert first == second
    assert account.check_password(first)
    assert account.is_superuser
    assert stat.S_IMODE((tmp_path / "demo" / "password").stat().st_mode) == 0o600


@pytest.mark.django_db
def test_the_demo_waits_for_members_of_all_its_guilds(tmp_path: Path) -> None:
    demo = Demo(guilds=2, members=2, speed=1, token="t", port=1, truth=tmp_path / "truth")
    first, second = make_guild("First"), make_guild("Second")
    for guild in (first, first, second):
        assert not members_are_known(demo)
        make_member(guild)
    assert not members_are_known(demo)

    make_member(second)

    assert members_are_known(demo)


@pytest.mark.django_db
def test_the_demo_leaves_a_database_alone_that_others_use() -> None:
    get_user_model().objects.create_user("somebody")

    with pytest.raises(NotADemoDatabaseError):
        refuse_foreign_database()


@pytest.mark.django_db
def test_the_demo_leaves_a_database_alone_that_is_not_rollcalls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda: ["invoices"])

    with pytest.raises(NotADemoDatabaseError):
        refuse_foreign_database()


@pytest.mark.django_db
@pytest.mark.parametrize("has_run_before", [True, False])
def test_the_demo_takes_a_database_of_its_own(tmp_path: Path, has_run_before: bool) -> None:
    if has_run_before:
        prepare_account(tmp_path)

    refuse_foreign_database()
