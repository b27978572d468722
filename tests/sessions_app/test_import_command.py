"""The import's command line: formats, maps, what is refused and how, and exit statuses."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessions_app.management.commands.import_sessions import Command
from sessions_app.models import Visit, VoiceSession
from tests.factories import make_guild
from tests.sessions_app.import_files import (
    GUILD,
    LOUNGE,
    MIRA,
    STAGE,
    csv_of,
    jsonl_of,
    minute,
    row,
    run,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db

HEADER = "guild_id,user_id,channel_id,started_at,ended_at\n"


@pytest.fixture(autouse=True)
def _guild() -> None:
    make_guild(id=GUILD)


def line_of(start: str = "2024-05-01T00:00:00Z", end: str = "2024-05-01T01:00:00Z") -> str:
    return f"{GUILD},{MIRA},{LOUNGE},{start},{end}\n"


def spans() -> list[tuple[Any, Any]]:
    sessions = VoiceSession.objects.order_by("started_at")
    return list(sessions.values_list("started_at", "ended_at"))


def refused_in(path: Path) -> list[tuple[int, str]]:
    """Reads the file of refused lines."""
    lines = map(json.loads, path.read_text().splitlines())
    return [(one["line"], one["code"]) for one in lines]


def test_every_broken_line_is_named_with_its_reason_and_stops_nothing(tmp_path: Path) -> None:
    lines = [
        line_of(),
        line_of("2024-05-02T00:00:00Z", "2024-05-01T23:00:00Z"),
        f"{GUILD},{MIRA},{LOUNGE}\n",
        f"{GUILD},{MIRA},{LOUNGE},a,b,c\n",
        line_of("2014-05-02T00:00:00Z", "2024-05-01T23:00:00Z"),
        line_of("2924-05-02T00:00:00Z", ""),
        line_of("yesterday", ""),
        line_of("2024-05-02T00:00:00", ""),
        f"{GUILD},,{LOUNGE},2024-05-02T00:00:00Z,\n",
        f"{GUILD},-1,{LOUNGE},2024-05-02T00:00:00Z,\n",
        f"{GUILD},1e18,{LOUNGE},2024-05-02T00:00:00Z,\n",
        f"{2**64},{MIRA},{LOUNGE},2024-05-02T00:00:00Z,\n",
        f"5,{MIRA},{LOUNGE},2024-05-02T00:00:00Z,\n",
        f'{GUILD},"{MIRA},{LOUNGE},2024-05-02T00:00:00Z,\n',
        f"{GUILD},{MIRA}\0,{LOUNGE},2024-05-02T00:00:00Z,\n",
        "x" * 1_048_577 + "\n",
        line_of("2024-05-03T00:00:00Z", "2024-05-03T00:00:00.5Z"),
        line_of("2020-05-03T00:00:00Z", "2023-05-03T00:00:00Z"),
        line_of("2024-05-01T00:30:00Z", "2024-05-01T00:40:00Z"),
        line_of("2024-05-01T00:00:00Z", "2024-05-01T00:40:00Z"),
        line_of(),
        "\n",
        line_of("2024-05-01T02:00:00Z", "2024-05-01T03:00:00Z"),
    ]
    path = tmp_path / "old.csv"
    path.write_text(HEADER + "".join(lines))
    refused = tmp_path / "refused.jsonl"

    done = run(path, "--refused", refused)

    assert done.status == 1
    assert done.message == "19 rows were refused."
    assert refused_in(refused) == [
        (3, "ends_before_start"),
        (4, "too_few_columns"),
        (5, "too_many_columns"),
        (6, "before_discord"),
        (7, "in_future"),
        (8, "unreadable_time"),
        (9, "no_time_zone"),
        (10, "missing_field"),
        (11, "not_a_snowflake"),
        (12, "imprecise_id"),
        (13, "not_a_snowflake"),
        (14, "unknown_guild"),
        (15, "malformed_csv"),
        (16, "nul_character"),
        (17, "line_too_long"),
        (18, "micro_session"),
        (19, "too_long"),
        (20, "overlaps_line"),
        (21, "same_as_line"),
    ]
    assert len(VoiceSession.objects.all()) == 2
    assert "22 rows" in done.output
    assert "2 added" in done.output
    assert "1 repeated in the file" in done.output
    assert "2 not a snowflake" in done.output
    first = "  line 3: It ends at 2024-05-01 23:00:00 UTC, before its start at 2024-05-02 00:00"
    assert first in done.output


def test_every_broken_line_of_json_is_named_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    lines = [
        jsonl_of([row(0, 10)]),
        '{"guild_id": 1\n',
        "[1, 2]\n",
        jsonl_of([{"guild_id": GUILD}]),
        jsonl_of([row(20, 30, user_id=1.5e17)]),
        jsonl_of([row(20, 30, user_id={"id": MIRA})]),
        jsonl_of([row(20, 30, voice_session_id="a\0b")]),
        "[" * 50_000 + "\n",
        "\n",
        jsonl_of([row(20, 30)]).rstrip(),
    ]
    path.write_text("".join(lines))
    refused = tmp_path / "refused.jsonl"

    done = run(path, "--refused", refused)

    assert done.status == 1
    assert refused_in(refused) == [
        (2, "invalid_json"),
        (3, "not_an_object"),
        (4, "missing_field"),
        (5, "imprecise_id"),
        (6, "not_a_snowflake"),
        (7, "bad_text"),
        (8, "invalid_json"),
    ]
    assert VoiceSession.objects.count() == 2


def test_first_twenty_refused_lines_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    path = written(tmp_path, [row(0, 10), *[row(5, 10)] * 30, row(20, 21, user_id="x")])
    refused = tmp_path / "refused.jsonl"

    done = run(path, "--refused", refused, "--chunk", "4")

    shown = [line for line in done.output.splitlines() if line.startswith("  line ")]
    assert [line.partition(":")[0] for line in shown] == ["  line 3", "  line 33"]
    assert "29 repeated in the file" in done.output

    path = written(tmp_path, [row(0, 60), *(row(5, number) for number in range(6, 31))])
    done = run(path, "--dry-run")

    shown = [line for line in done.output.splitlines() if line.startswith("  line ")]
    assert len(shown) == 20
    assert "and 5 more; --refused FILE writes them all" in done.output


def test_columns_are_mapped_and_constants_stand_for_missing_ones(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(
        "who;joined (local);minutes;seconds;session\n"
        f"{MIRA};2024-05-01 02:00:00;10;600;abc\n"
        f"{MIRA};2024-05-01 03:00:00;5;300;abc\n"
    )

    done = run(
        path,
        *("--format", "csv", "--delimiter", ";", "--guild", GUILD, "--channel", STAGE),
        *("--time-zone", "Europe/Berlin", "--map", "user_id=who,started_at=joined (local)"),
        *("--map", "duration_seconds=seconds", "--map", "voice_session_id=session"),
    )

    assert (done.status, done.message) == (0, "")
    assert spans() == [(minute(0), minute(10)), (minute(60), minute(65))]
    visit = Visit.objects.get()
    assert (visit.voice_session_id, visit.first_channel_id) == ("abc", STAGE)


def test_nested_keys_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "old.ndjson"
    record = {
        "guild": {"id": GUILD},
        "member": {"user": {"id": str(MIRA)}},
        "channel": {"id": LOUNGE},
        "span": {"from": 1714521600, "to": 1714522200000},
    }
    path.write_text(json.dumps(record) + "\n")

    done = run(
        path,
        "--map",
        "guild_id=guild.id, user_id=member.user.id, channel_id=channel.id",
        "--map",
        "started_at=span.from,ended_at=span.to",
    )

    assert (done.status, done.message) == (0, "")
    assert spans() == [(minute(0), minute(10))]


def test_visit_gap_joins_rows(tmp_path: Path) -> None:
    run(written(tmp_path, [row(0, 10), row(11, 20), row(22, 30)]), "--visit-gap", "60")

    assert Visit.objects.count() == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_file_may_be_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "old.csv"
    path.write_text(csv_of([row(0, 10, name="Zoë")]), encoding=encoding)

    done = run(path, "--encoding", encoding)

    assert (done.status, done.message) == (0, "")
    assert spans() == [(minute(0), minute(10))]


def test_broken_characters_in_a_column_that_nobody_reads_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(csv_of([row(0, 10, name="Zoë")]), encoding="latin-1")

    assert run(path).status == 0


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_standard_input_is_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = csv_of([row(0, 10)]) if kind == "csv" else jsonl_of([row(0, 10)])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    done = run("-", "--format", kind)

    assert (done.status, done.message) == (0, "")
    assert done.output.startswith("standard input: 1 rows")
    assert spans() == [(minute(0), minute(10))]
    assert not sys.stdin.buffer.closed


def test_standard_input_that_is_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert run("-", "--format", "csv").message == "standard input: it is closed."


def test_file_without_rows_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(HEADER)
    empty = tmp_path / "old.jsonl"
    empty.write_text("")

    assert run(path).status == run(empty).status == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "It is empty: a CSV has a line with its columns' names."),
        (b"user_id,start\n", "It has no column for guild_id and channel_id; its columns are"),
        (b'{"guild_id": 1}\n', "It has no column for guild_id and user_id"),
        (b"\x1f\x8b\x08\0\0\0\n", "no columns' names: The line has a NUL character in it."),
        (b'"guild_id\n', "no columns' names: The line is no row of a CSV: unexpected end of data."),
        (b"x" * 1_100_000, "no columns' names: The line is longer than 1,048,576 characters."),
    ],
)
def test_what_is_no_csv_is_an_error_of_status_2(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(content)

    done = run(path)

    assert done.status == 2
    assert why in done.message
    assert str(path) in done.message


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--map", "nonsense"], "--map: 'nonsense' is no FIELD=COLUMN."),
        (["--map", "left=x"], "--map: there is no field 'left'; the fields are guild_id,"),
        (["--map", "user_id=a", "--map", "user_id=b"], "--map: user_id is given twice."),
        (["--map", "guild_id=a", "--guild", "5"], "--map: guild_id is given with --guild, too."),
        (["--map", "user_id=gone"], "It has no column for user_id (gone); its columns are"),
        (["--map", "user_id="], "It has no column for user_id; its columns are"),
        (["--format", "jsonl", "--delimiter", ";"], "--delimiter is for CSV."),
        (["--refused", "{file}"], "--refused names the file that is read."),
        (["--refused", "/nowhere/at/all"], "/nowhere/at/all: No such file or directory."),
    ],
)
def test_option_that_cannot_be_is_an_error_of_status_2(
    tmp_path: Path, options: list[str], why: str
) -> None:
    path = written(tmp_path, [row(0, 10)])
    before = path.read_text()

    done = run(path, *(option.format(file=path) for option in options))

    assert done.status == 2
    assert why in done.message
    assert path.read_text() == before
    assert VoiceSession.objects.count() == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "xml"],
        ["--guild", "lantern"],
        ["--channel", "0"],
        ["--time-zone", "Berlin"],
        ["--time-zone", "../etc/passwd"],
        ["--visit-gap", "-1"],
        ["--visit-gap", "nan"],
        ["--delimiter", ""],
        ["--delimiter", ";;"],
        ["--delimiter", '"'],
        ["--encoding", "klingon"],
        ["--encoding", "base64"],
        ["--chunk", "0"],
        ["--chunk", "many"],
    ],
)
def test_value_that_an_option_cannot_have_is_refused_by_name(
    tmp_path: Path, options: list[str]
) -> None:
    done = run(written(tmp_path, [row(0, 10)]), *options)

    assert f"argument {options[0]}: " in done.message
    assert VoiceSession.objects.count() == 0


def test_file_that_cannot_be_read_is_an_error_of_status_2(tmp_path: Path) -> None:
    missing = run(tmp_path / "gone.csv")
    folder = run(tmp_path, "--format", "csv")
    unknown = run(written(tmp_path, [row(0, 10)]).rename(tmp_path / "old.txt"))

    assert missing.status == folder.status == unknown.status == 2
    assert missing.message == f"{tmp_path}/gone.csv: No such file or directory."
    assert folder.message == f"{tmp_path}: Is a directory."
    assert "is it CSV or JSON lines? Give --format." in unknown.message


@pytest.mark.parametrize(
    "content",
    ["user,start\n1,2\n", '[{"guild_id": 1},\n{"guild_id": 2}]\n', '{"guild_id": 1}\n', "\0\n"],
)
def test_json_lines_of_which_none_can_be_read_are_an_error_of_status_2(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text(content)

    done = run(path)

    assert done.status == 2
    assert done.message == f"No row of {path} could be read."
    assert "  line 1: " in done.output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_shows_one_line_that_is_wiped_at_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, [row(number, number + 1) for number in range(50)])
    errors, output = Terminal(), io.StringIO()

    Command(stdout=output, stderr=errors).run_from_argv(
        ["manage.py", "import_sessions", str(path), "--chunk", "10"]
    )

    shown = errors.getvalue()
    assert "[####################] 100%  50 rows read" in shown
    assert "[####################] 100%  50 rows settled" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")
    assert "50 added" in output.getvalue()
