"""Imports that are cut off at any instant go on as if they had not been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection, transaction

from community.models import JobRun
from sessions_app.domain.import_columns import Places
from sessions_app.domain.import_lines import json_records, numbered_lines
from sessions_app.domain.import_rows import RowReader
from sessions_app.domain.import_times import TimeReader
from sessions_app.models import VoiceSession
from sessions_app.services import imports
from sessions_app.services.import_sql import only_import
from tests.factories import NOW, make_guild
from tests.sessions_app.import_files import GUILD, MIRA, minute, row, run, table, written

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60


def address() -> str:
    """Names the database of the test run, for processes of their own."""
    connection.ensure_connection()
    info = connection.connection.info
    host, user, password = (quote(part, safe="") for part in (info.host, info.user, info.password))
    account = f"{user}:{password}" if password else user
    return f"postgresql://{account}@/{info.dbname}?host={host}&port={info.port}"


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    """Starts the import as its user does."""
    return subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "manage.py", "import_sessions", str(path), *options],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": address()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def many_rows(count: int) -> list[dict[str, object]]:
    """Rows of ten members: visits of three rows each, some overlaps, some without an end."""
    rows: list[dict[str, object]] = []
    for number in range(count):
        begin = number // 10 * 10 + (15 if number // 10 % 3 == 0 else 20)
        user_id = str(MIRA + number % 10)
        end = None if number % 97 == 0 else begin + (25 if number % 31 == 0 else 10)
        rows.append(row(begin, end, user_id=user_id))
    return rows


def wait_until(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


class CutOffError(Exception):
    """Something that ends an import between two chunks."""


def import_one_chunk(path: Path, *, chunk: int) -> bool:
    """Imports until a chunk has brought something in; tells whether that was all there is."""
    before = VoiceSession.objects.count()

    def stop(settled: int, rows: int) -> None:
        if settled < rows and VoiceSession.objects.count() > before:
            raise CutOffError

    with path.open() as file:
        reader = RowReader(
            Places(), times=TimeReader(), terms_of=imports.guild_terms(any_guild=True), now=NOW
        )
        rows = reader.read_all(json_records(numbered_lines(file)))
        try:
            imports.import_sessions(
                rows, now=NOW, visit_gap=timedelta(0), chunk=chunk, on_settled=stop
            )
        except CutOffError:
            return False
    return True


@pytest.mark.django_db
@pytest.mark.parametrize("chunk", [1, 7, 25])
def test_import_stopped_after_any_chunk_goes_on_to_the_same_rows(
    tmp_path: Path, chunk: int
) -> None:
    path = written(tmp_path, many_rows(70), "old.jsonl")
    with transaction.atomic():
        run(path, "--any-guild")
        whole = table()
        transaction.set_rollback(True)

    runs = 1
    while not import_one_chunk(path, chunk=chunk):
        assert table() != whole
        runs += 1

    assert table() == whole
    assert runs > 2


@pytest.mark.django_db(transaction=True)
def test_import_that_is_killed_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    make_guild(id=GUILD)
    path = written(tmp_path, many_rows(3_000))
    run(path)
    whole = table()
    VoiceSession.objects.all().delete()
    connection.cursor().execute("TRUNCATE sessions_app_visit CASCADE")

    process = start(path, "--chunk", "5")
    wait_until(VoiceSession.objects.exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed_at = VoiceSession.objects.count()
    # PostgreSQL lets go of the lock once it sees that nobody is there any more.
    wait_until(_is_free)
    again = run(path)

    assert 0 < killed_at < len(whole[0])
    assert again.status == 1
    assert table() == whole


def _is_free() -> bool:
    with only_import() as is_only:
        return is_only


@pytest.mark.django_db(transaction=True)
def test_database_that_goes_away_is_told_and_the_import_goes_on_afterwards(tmp_path: Path) -> None:
    make_guild(id=GUILD)
    path = written(tmp_path, many_rows(3_000))

    process = start(path, "--chunk", "5")
    wait_until(VoiceSession.objects.exists)
    with psycopg.connect(address(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    there = VoiceSession.objects.count()
    again = run(path)

    assert process.returncode == 2
    assert "What is in stays in: import the file again, and it goes on." in errors
    assert there > 0
    assert again.counts["there already"] == there


@pytest.mark.django_db(transaction=True)
def test_only_one_import_is_under_way_at_once(tmp_path: Path) -> None:
    make_guild(id=GUILD)
    path = written(tmp_path, [row(0, 10)])

    with only_import():
        process = start(path)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        dry = start(path, "--dry-run")
        output, _ = dry.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 2
    assert "Another import is under way" in errors
    assert dry.returncode == 0
    assert "1 sessions, 1 visits" in output
    assert JobRun.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_process_ends_with_the_status_that_the_help_says(tmp_path: Path) -> None:
    make_guild(id=GUILD)
    good = written(tmp_path, [row(0, 10)])
    mixed = written(tmp_path, [row(0, 10), row(5, 6)], "mixed.csv")
    piped = good.read_text()

    ended = {}
    for name, path, options, text in [
        ("all in", good, [], None),
        ("some refused", mixed, [], None),
        ("no file", tmp_path / "gone.csv", [], None),
        ("bad option", good, ["--chunk", "none"], None),
        ("wrong map", good, ["--map", "user_id=gone"], None),
        ("standard input", Path("-"), ["--format", "csv"], piped),
    ]:
        process = start(path, *options)
        process.communicate(text, timeout=PATIENCE_SECONDS)
        ended[name] = process.returncode

    assert ended == {
        "all in": 0,
        "some refused": 1,
        "no file": 2,
        "bad option": 2,
        "wrong map": 2,
        "standard input": 0,
    }
    assert VoiceSession.objects.get().started_at == minute(0)


@pytest.mark.django_db(transaction=True)
def test_control_c_ends_an_import_in_words(tmp_path: Path) -> None:
    make_guild(id=GUILD)

    process = start(written(tmp_path, many_rows(3_000)), "--chunk", "5")
    wait_until(VoiceSession.objects.exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    assert "Stopped. What is in stays in" in errors
    assert "Traceback" not in errors
