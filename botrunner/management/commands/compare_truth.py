"""Holds what Rollcall tracked against a truth file."""

from __future__ import annotations

import json
import math
from argparse import ArgumentTypeError
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from botrunner.domain.blind_gaps import Gap
from botrunner.domain.comparison import Measure
from botrunner.domain.comparison_report import Limits, figures, table, verdicts
from botrunner.domain.tracked_session import TrackedSession
from botrunner.domain.truth_comparison import compare
from botrunner.domain.truth_file import BadTruthLineError, TrueStay, microseconds, read_stays
from community.models import Guild
from sessions_app.models import BlindGap, StartKind, VoiceSession

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Iterator

LIMITS = {
    "lost": "share of the true seconds that may be lost, dropped micro-stays apart",
    "phantom": "share of the true seconds that may be phantom, carried micro-stays apart",
    "beyond": "seconds that may be lost or phantom beyond the rows' stated uncertainty",
    "double": "seconds that may be counted twice",
    "orphaned": "sessions that may be orphaned",
    "p99": "seconds that observed starts and ends may be off at their 99th percentile",
    "outside": "starts and ends that may lie outside their row's stated uncertainty",
    "gap_excess": "seconds that may be wrong in gaps in which the member did not change, or about "
    "gaps by more than their length",
    "negative": "sessions that may end before they start",
}


class Command(BaseCommand):
    """Exits 0 where all limits hold, 1 where one does not, 2 where FILE is no truth file."""

    help = (
        "Compare a sandbox's truth file with the table of voice sessions: true, tracked, lost, "
        "phantom and double-counted seconds, within blind gaps and outside, orphaned sessions and "
        "boundary errors. Exits with status 1 where a figure is beyond its limit."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="JSON lines of stays")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead")
        parser.add_argument(
            "--at",
            metavar="ISO",
            help="compare up to this instant; by default now, or the last end in FILE where "
            "nobody is in voice any more",
        )
        parser.add_argument(
            "--tolerance",
            type=_amount,
            default=0.25,
            metavar="SECONDS",
            help="what delivery may cost a boundary (default: %(default)s)",
        )
        parser.add_argument(
            "--micro",
            type=_amount,
            default=1.0,
            metavar="SECONDS",
            help="stays shorter than this are not to be kept (default: %(default)s)",
        )
        parser.add_argument(
            "--orphaned-after",
            type=_amount,
            default=settings.CHECKPOINT_SECONDS,
            metavar="SECONDS",
            help="an active session is orphaned so long after its member left (default: "
            "CHECKPOINT_SECONDS, %(default)s)",
        )
        for limit in fields(Limits):
            parser.add_argument(
                f"--max-{limit.name.replace('_', '-')}",
                type=_amount,
                default=limit.default,
                metavar="N",
                help=f"{LIMITS[limit.name]} (default: %(default)s)",
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        stays = _read(options["file"])
        at = microseconds(_instant(options["at"])) if options["at"] else _end_of(stays, now)
        measure = Measure(
            at=at,
            tolerance=_micros(options["tolerance"]),
            micro=_micros(options["micro"]),
            orphaned_after=_micros(options["orphaned_after"]),
        )
        try:
            result = compare(stays, tracked_sessions(), measure, first_sights(), blind_gaps())
        except OperationalError as error:
            raise CommandError(f"The database cannot be read: {error}", returncode=2) from error
        limits = Limits(**{limit.name: options[f"max_{limit.name}"] for limit in fields(Limits)})
        shown = figures(result, verdicts(result, limits), at=at)
        if options["json"]:
            self.stdout.write(json.dumps(shown, indent=2))
        else:
            self.stdout.write("\n".join(table(shown)))
        if not shown["ok"]:
            over = ", ".join(limit["what"] for limit in shown["limits"] if not limit["ok"])
            raise CommandError(f"Beyond the limit: {over}.", returncode=1)


def tracked_sessions() -> Iterator[TrackedSession]:
    """Reads the table of voice sessions, row by row."""
    rows = (
        VoiceSession.objects.order_by()
        .values_list(
            "id",
            "guild_id",
            "user_id",
            "channel_id",
            "status",
            "started_at",
            "ended_at",
            "end_reason",
            "start_uncertainty",
            "end_uncertainty",
            "start_kind",
        )
        .iterator(chunk_size=5_000)
    )
    for row in rows:
        started, ended, reason, start_uncertainty, end_uncertainty, start_kind = row[5:]
        yield TrackedSession(
            str(row[0]),
            *row[1:5],
            microseconds(started),
            None if ended is None else microseconds(ended),
            reason,
            _micros(start_uncertainty),
            _micros(end_uncertainty),
            start_kind == StartKind.FIRST_SIGHT,
        )


def first_sights() -> dict[int, int]:
    """Reads when each guild's voice was first seen, in microseconds since 1970."""
    seen = Guild.objects.filter(voice_seen_at__isnull=False).order_by()
    return {
        guild_id: microseconds(moment)
        for guild_id, moment in seen.values_list("id", "voice_seen_at")
        if moment is not None
    }


def blind_gaps() -> Iterator[Gap]:
    """Reads the table of blind gaps, row by row."""
    rows = BlindGap.objects.order_by().values_list(
        "guild_id", "user_id", "began_at", "ended_at", "cause", "is_replayed"
    )
    for guild_id, user_id, began_at, ended_at, cause, is_replayed in rows.iterator():
        yield Gap(
            guild_id, user_id, microseconds(began_at), microseconds(ended_at), cause, is_replayed
        )


def _read(path: Path) -> list[TrueStay]:
    try:
        with path.open("rb") as lines:
            stays = list(read_stays(lines))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error
    except BadTruthLineError as error:
        raise CommandError(f"{path}: {error}", returncode=2) from error
    if not stays:
        raise CommandError(f"{path} has no stays: there is nothing to compare.", returncode=2)
    return stays


def _end_of(stays: Iterable[TrueStay], now: datetime) -> int:
    """Gives the instant that the file speaks for: now, unless its world has ended."""
    latest = 0
    for stay in stays:
        if stay.ended is None:
            return microseconds(now)
        latest = max(latest, stay.ended)
    return latest


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--at: {text!r} is no ISO 8601 time.", returncode=2) from error
    if moment.tzinfo is None:
        raise CommandError(f"--at: {text!r} names no time zone (add Z for UTC).", returncode=2)
    return moment


def _amount(text: str) -> float:
    """Reads an option that cannot be negative."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return value


def _micros(seconds: float) -> int:
    """Turns seconds into microseconds, never rounding down."""
    return math.ceil(seconds * 1_000_000)
