"""Brings rows of older systems in as voice sessions with their visits.

Rows are read in any order into tables of this connection, then settled in order, and
written a chunk of whole visits in a transaction. The ids are made of the rows, so that a
second import of the same file adds nothing, and one that was cut off goes on.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from community.domain.errors import RollcallError
from community.models import Guild, Member
from sessions_app.domain.changes import Batch
from sessions_app.domain.import_refusals import UNREADABLE, RefusedRow
from sessions_app.domain.import_rows import GuildTerms
from sessions_app.domain.import_settling import Known, settle
from sessions_app.services.import_sql import Staging, only_import
from sessions_app.services.ingest import write_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from sessions_app.domain.import_rows import ImportedSession
    from sessions_app.domain.import_visits import SettledVisit

DEFAULT_CHUNK = 5_000


class ImportUnderWayError(RollcallError):
    """Another import is under way; two at once could bring in sessions that overlap."""

    code: ClassVar[str] = "import_under_way"


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        rows: rows of the file, empty lines and a header apart.
        added: rows that came in.
        stale: those of them that have no end.
        sessions: the sessions that they made; a row longer than a day makes several.
        visits: the visits that they made.
        there: rows that were there already.
        repeated: rows that an earlier line of the file has word for word.
        refused: by the reason's code, how many rows did not come in.
        unreadable: how many of those say more of the file or the map than of the row.
    """

    rows: int = 0
    added: int = 0
    stale: int = 0
    sessions: int = 0
    visits: int = 0
    there: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def settled(self) -> int:
        """How many rows are settled so far."""
        return self.added + self.there + self.repeated + self.refused.total()

    def count_refused(self, refused: Iterable[RefusedRow]) -> None:
        """Counts rows that did not come in."""
        for row in refused:
            self.refused[row.code] += 1
            self.unreadable += row.code in UNREADABLE

    def outcome(self) -> dict[str, Any]:
        """Says it as JSON."""
        names = ("rows", "added", "stale", "sessions", "visits", "there", "repeated")
        return {name: getattr(self, name) for name in names} | {"refused": dict(self.refused)}


def guild_terms(*, any_guild: bool) -> Callable[[int], GuildTerms | None]:
    """Gives what tells a guild's terms by its id.

    Args:
        any_guild: whether rows of a guild that Rollcall does not know come in too, on the
            terms that a guild has by default.
    """
    default: float = Guild._meta.get_field("micro_session_seconds").default
    unknown = GuildTerms(timedelta(seconds=default)) if any_guild else None
    chosen = {
        guild_id: (micro_session_seconds, tracks_bots)
        for guild_id, micro_session_seconds, tracks_bots in Guild.objects.order_by().values_list(
            "id", "micro_session_seconds", "tracks_bots"
        )
    }
    terms: dict[int, GuildTerms] = {}

    def terms_of(guild_id: int) -> GuildTerms | None:
        if guild_id in terms:
            return terms[guild_id]
        if guild_id not in chosen:
            return unknown
        micro_session_seconds, tracks_bots = chosen[guild_id]
        bots = frozenset[int]() if tracks_bots else _bots(guild_id)
        terms[guild_id] = GuildTerms(timedelta(seconds=micro_session_seconds), bots)
        return terms[guild_id]

    return terms_of


def _bots(guild_id: int) -> frozenset[int]:
    bots = Member.objects.filter(guild_id=guild_id, is_bot=True)
    return frozenset(bots.values_list("user_id", flat=True))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Sees to it that this is the only import while the block runs.

    Raises:
        ImportUnderWayError: if it is not.
    """
    with only_import() as is_only:
        if not is_only:
            raise ImportUnderWayError
        yield


def import_sessions(
    rows: Iterable[ImportedSession | RefusedRow],
    *,
    now: datetime,
    visit_gap: timedelta,
    chunk: int = DEFAULT_CHUNK,
    dry_run: bool = False,
    on_read: Callable[[int], None] = lambda _: None,
    on_settled: Callable[[int, int], None] = lambda _done, _of: None,
    on_refusal: Callable[[RefusedRow], None] = lambda _: None,
) -> ImportReport:
    """Brings rows in: a transaction for each chunk. Not to be called in a transaction.

    Sessions that are there, going on or not, are never changed: a row that overlaps one of
    them is refused.

    Args:
        rows: what was read of the file, in its order.
        now: see :func:`~sessions_app.domain.import_settling.settle`.
        visit_gap: see there.
        chunk: about how many rows are read, and sessions written, at once. A visit is
            never parted for it.
        dry_run: whether nothing is to be written.
        on_read: called after each chunk with how many rows have been read so far.
        on_settled: called after each chunk with how many rows are settled, and of how many.
        on_refusal: called at the end for each refused line, in the file's order.

    Raises:
        django.db.Error: if the database is away; what has come in stays in.
    """
    report = ImportReport()
    with Staging() as staging:
        _read(rows, staging, report, chunk=chunk, on_read=on_read)
        staging.arrange()
        ledger = _Ledger(staging, report, dry_run=dry_run)
        for settled in settle(staging.candidates(page=chunk), now=now, visit_gap=visit_gap):
            ledger.take(settled)
            if len(ledger) >= chunk:
                ledger.write()
                on_settled(report.settled, report.rows)
        ledger.write()
        on_settled(report.settled, report.rows)
        for refusal in staging.refusals(page=chunk):
            on_refusal(refusal)
    return report


def _read(
    rows: Iterable[ImportedSession | RefusedRow],
    staging: Staging,
    report: ImportReport,
    *,
    chunk: int,
    on_read: Callable[[int], None],
) -> None:
    rows = iter(rows)
    while portion := list(islice(rows, chunk)):
        refused = [row for row in portion if isinstance(row, RefusedRow)]
        staging.add([row for row in portion if not isinstance(row, RefusedRow)])
        staging.refuse(refused)
        report.rows += len(portion)
        report.count_refused(refused)
        on_read(report.rows)


class _Ledger:
    """What is settled and not yet written down."""

    def __init__(self, staging: Staging, report: ImportReport, *, dry_run: bool) -> None:
        self._staging = staging
        self._report = report
        self._dry_run = dry_run
        self._visits: list[SettledVisit] = []
        self._refused: list[RefusedRow] = []
        self._known: Counter[bool] = Counter()
        self._size = 0

    def __len__(self) -> int:
        """About how many rows there are to write."""
        return self._size

    def take(self, settled: RefusedRow | Known | SettledVisit) -> None:
        """Adds what is settled next."""
        if isinstance(settled, RefusedRow):
            self._refused.append(settled)
            self._size += 1
        elif isinstance(settled, Known):
            self._known[settled.is_repeated] += 1
            self._size += 1
        else:
            self._visits.append(settled)
            self._size += len(settled.sessions)

    def write(self) -> None:
        """Writes it in one transaction, and counts it."""
        visits, refused, report = self._visits, self._refused, self._report
        batch = Batch(
            new_visits=[settled.visit for settled in visits],
            new_sessions=[session for settled in visits for session in settled.sessions],
        )
        if not self._dry_run:
            write_batch(batch)
        self._staging.refuse(refused)
        report.count_refused(refused)
        report.added += sum(settled.rows for settled in visits)
        report.stale += sum(settled.stale for settled in visits)
        report.visits += len(batch.new_visits)
        report.sessions += len(batch.new_sessions)
        report.repeated += self._known[True]
        report.there += self._known[False]
        self._visits, self._refused, self._size = [], [], 0
        self._known.clear()
