"""Files of an older system, and the command run on them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError, call_command

from sessions_app.models import Visit, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

BEGAN = datetime(2024, 5, 1, tzinfo=UTC)
GUILD, MIRA, JUNO, LOUNGE, STAGE = 1 << 40, 2 << 40, 3 << 40, 4 << 40, 5 << 40


def minute(minutes: float) -> datetime:
    """The instant so many minutes after the files begin."""
    return BEGAN + timedelta(minutes=minutes)


def row(start: float, end: float | None = None, **fields: object) -> dict[str, Any]:
    """A row in minutes, of Mira in the lounge unless the fields say otherwise."""
    return {
        "guild_id": str(GUILD),
        "user_id": str(MIRA),
        "channel_id": str(LOUNGE),
        "started_at": minute(start).isoformat(),
        "ended_at": "" if end is None else minute(end).isoformat(),
    } | fields


def csv_of(rows: Iterable[Mapping[str, object]], *, delimiter: str = ",") -> str:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def jsonl_of(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(folder: Path, rows: Iterable[Mapping[str, object]], name: str = "old.csv") -> Path:
    """Writes rows to a file of the format that its name says."""
    path = folder / name
    text = csv_of(rows) if path.suffix == ".csv" else jsonl_of(rows)
    path.write_text(text, encoding="utf-8")
    return path


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    output: str
    message: str
    errors: str


def run(*arguments: object) -> Ran:
    """Runs the import with a command line."""
    output, errors = io.StringIO(), io.StringIO()
    status, message = 0, ""
    try:
        call_command("import_sessions", *map(str, arguments), stdout=output, stderr=errors)
    except CommandError as error:
        status, message = error.returncode, str(error)
    return Ran(status, output.getvalue(), message, errors.getvalue())


def table() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Gives all sessions and visits, every column of them."""
    sessions = VoiceSession.objects.order_by("id").values_list()
    visits = Visit.objects.order_by("id").values_list()
    return [tuple(map(str, one)) for one in sessions], [tuple(map(str, one)) for one in visits]
