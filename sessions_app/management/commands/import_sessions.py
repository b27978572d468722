"""Brings voice sessions of an older system in."""

from __future__ import annotations

import contextlib
from argparse import ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone

from community.domain.errors import RollcallError
from community.services.job_runs import record_run
from sessions_app.domain.import_columns import NAMES
from sessions_app.domain.import_rows import RowReader
from sessions_app.domain.import_times import TimeReader
from sessions_app.management import import_files, import_options
from sessions_app.management.interruption import Interruption
from sessions_app.management.progress import Progress
from sessions_app.services import imports

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from sessions_app.domain.import_refusals import RefusedRow
    from sessions_app.services.imports import ImportReport

JOB: Final = "sessions_app.import_sessions"
FORMATS: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
GOES_ON: Final = "What is in stays in: import the file again, and it goes on."
REFUSED, NOT_READ, STOPPED = 1, 2, 130


class Command(BaseCommand):
    """``manage.py import_sessions``."""

    help = (
        "Bring rows of an older system in as voice sessions with their visits, from CSV or JSON "
        "lines. Rows without an end become stale. A second import of the same file adds nothing, "
        "and one that was cut off goes on. Exits with status 0 where all rows are in, 1 where "
        "rows were refused (the others are in), 2 where nothing could be read: a bad option, no "
        "such file, no such columns. docs/import.md tells more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file; - is standard input")
        parser.add_argument(
            "--format",
            choices=["csv", "jsonl"],
            help="what the file is; by default what its name ends with",
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="where a field stands: a CSV's column, or a JSON key, with dots between nested "
            "ones; may be repeated, or have commas between; FIELD= takes it from nowhere. Fields: "
            + ", ".join(NAMES),
        )
        parser.add_argument(
            "--guild", type=import_options.snowflake, metavar="ID", help="the guild of all rows"
        )
        parser.add_argument(
            "--channel", type=import_options.snowflake, metavar="ID", help="the channel of all rows"
        )
        parser.add_argument(
            "--any-guild",
            action="store_true",
            help="take rows of guilds that Rollcall does not know, too",
        )
        parser.add_argument(
            "--time-zone",
            type=import_options.time_zone,
            metavar="NAME",
            help="the zone of times that name none, such as Europe/Berlin; without it those are "
            "refused",
        )
        parser.add_argument(
            "--visit-gap",
            type=import_options.visit_gap,
            default=0.0,
            metavar="SECONDS",
            help="rows of a member with at most so much time between belong to one visit "
            "(default: 0)",
        )
        parser.add_argument(
            "--delimiter",
            type=import_options.delimiter,
            help="what stands between a CSV's columns (default: ,)",
        )
        parser.add_argument(
            "--encoding",
            type=import_options.encoding,
            default="utf-8-sig",
            help="default: %(default)s",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )
        parser.add_argument(
            "--refused",
            metavar="FILE",
            help="write all refused lines to FILE as JSON lines: line, code, reason",
        )
        parser.add_argument(
            "--chunk",
            type=import_options.chunk,
            default=imports.DEFAULT_CHUNK,
            metavar="ROWS",
            help="about how many rows are in memory, and in a transaction, at once "
            "(default: %(default)s)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        name = "standard input" if options["file"] == "-" else options["file"]
        progress = Progress(self.stderr)
        interruption = Interruption()
        try:
            with interruption:
                report, refused = self._import(name, options, progress, interruption)
        except (ArgumentTypeError, RollcallError) as error:
            raise CommandError(f"{name}: {error}", returncode=NOT_READ) from error
        except OSError as error:
            place = error.filename or name
            raise CommandError(f"{place}: {error.strerror}.", returncode=NOT_READ) from error
        except (Error, KeyboardInterrupt) as error:
            if isinstance(error, KeyboardInterrupt) or interruption.was_asked:
                raise CommandError(f"Stopped. {GOES_ON}", returncode=STOPPED) from error
            message = f"The database failed: {error}\n{GOES_ON}"
            raise CommandError(message, returncode=NOT_READ) from error
        finally:
            progress.clear()
        self._tell(name, report, refused, dry_run=options["dry_run"])

    def _import(
        self,
        name: str,
        options: dict[str, Any],
        progress: Progress,
        interruption: Interruption,
    ) -> tuple[ImportReport, list[RefusedRow]]:
        kind = options["format"] or FORMATS.get(Path(options["file"]).suffix.lower())
        if kind is None:
            raise ArgumentTypeError("is it CSV or JSON lines? Give --format.")
        if kind != "csv" and options["delimiter"]:
            raise ArgumentTypeError("--delimiter is for CSV.")
        places = import_options.places_from(
            options["map"], guild=options["guild"], channel=options["channel"]
        )
        now = timezone.now()

        def on_read(done: int) -> None:
            progress.show("read", done, import_files.share_read(source))
            interruption.check()

        def on_settled(done: int, of: int) -> None:
            progress.show("settled", done, done / (of or 1))
            interruption.check()

        with contextlib.ExitStack() as stack:
            source = stack.enter_context(import_files.opened(options["file"]))
            refused = stack.enter_context(import_files.written(options["refused"], source))
            refusals = import_files.Refusals(refused)
            records = stack.enter_context(
                import_files.records_of(
                    source,
                    kind=kind,
                    encoding=options["encoding"],
                    delimiter=options["delimiter"] or ",",
                    places=places,
                )
            )
            reader = RowReader(
                places,
                times=TimeReader(options["time_zone"]),
                terms_of=imports.guild_terms(any_guild=options["any_guild"]),
                now=now,
            )
            run = None
            if not options["dry_run"]:
                stack.enter_context(imports.alone())
                run = stack.enter_context(record_run(JOB, started_at=now))
            report = imports.import_sessions(
                reader.read_all(records),
                now=now,
                visit_gap=timedelta(seconds=options["visit_gap"]),
                chunk=options["chunk"],
                dry_run=options["dry_run"],
                on_read=on_read,
                on_settled=on_settled,
                on_refusal=refusals.take,
            )
            if run is not None:
                run.found, run.outcome = report.rows, {"file": name} | report.outcome()
        return report, refusals.first

    def _tell(
        self, name: str, report: ImportReport, refused: list[RefusedRow], *, dry_run: bool
    ) -> None:
        made = f"{report.sessions:,} sessions, {report.visits:,} visits"
        counts = [
            ("rows", report.rows, ""),
            ("would be added" if dry_run else "added", report.added, made),
            ("  stale", report.stale, "without an end"),
            ("there already", report.there, ""),
            ("repeated in the file", report.repeated, ""),
            ("refused", report.refused.total(), ""),
        ]
        counts += [
            (f"  {code.replace('_', ' ')}", count, "")
            for code, count in report.refused.most_common()
        ]
        lines = [f"{name}, a dry run: nothing is changed" if dry_run else name]
        lines += [f"  {what:<24}{count:>12,}  {more}".rstrip() for what, count, more in counts]
        lines += [f"line {refusal.line}: {refusal.reason}" for refusal in refused]
        rest = report.refused.total() - len(refused)
        if rest:
            lines.append(f"and {rest:,} more: --refused FILE writes them all")
        self.stdout.write("\n".join(lines))
        if report.rows and report.unreadable == report.rows:
            raise CommandError(f"No row of {name} could be read.", returncode=NOT_READ)
        if report.refused:
            raise CommandError(f"Lines refused: {report.refused.total():,}.", returncode=REFUSED)
