"""How a shard begins: with what waits on disk, then with what the database remembers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import F

from botrunner.gateway.backlog import Backlog
from botrunner.gateway.books import Books, BooksWrongError
from botrunner.gateway.pipeline import Pipeline, SpoolDamagedError
from botrunner.gateway.rooms.command_sync import CommandSync
from botrunner.gateway.spool import Spool
from botrunner.gateway.spool_disk import SpoolFailedError
from botrunner.gateway.spool_layout import SpoolIdentity
from botrunner.gateway.spool_left import read_left, set_aside
from botrunner.gateway.writer import at_database
from community.domain.leases import is_same_run, next_run
from community.models import Guild
from community.models.shard import shard_in_query
from community.services.database_identity import database_identity
from sessions_app.services.restore import Restored, restore

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.figures import Figures
    from botrunner.gateway.folder import BotFolder
    from botrunner.gateway.spool_left import Left
    from botrunner.gateway.writer import Writer
    from community.domain.leases import Lease
    from sessions_app.domain.changes import Batch
    from sessions_app.domain.tracker import Tracker

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the shards of one process work with.

    Attributes:
        writer: the one thread to the database.
        clock: the process's clock.
        folder: where their facts wait on disk.
        spool_bytes: the size that no spool exceeds.
        within: called with each batch in the transaction that writes it.
        syncing: tells Discord of the commands, once in a process.
    """

    writer: Writer
    clock: Clock
    folder: BotFolder
    spool_bytes: int
    within: Callable[[Batch], None] | None = None
    syncing: CommandSync = field(default_factory=CommandSync)


class Opening:
    """One shard's beginning, under one lease."""

    def __init__(self, lease: Lease, desk: Desk, *, figures: Figures) -> None:
        """Has done nothing yet.

        Args:
            lease: the shard's, just taken.
            desk: what it works with.
            figures: counted up.
        """
        self.lease = lease
        self._desk = desk
        self._counted = figures
        self._path = desk.folder.spool(lease.shard_id, lease.shard_count)
        self._database = ""
        self._sequence = lease.applied_sequence

    @property
    def sequence(self) -> int:
        """The number of the last of the shard's facts that is in the books."""
        return self._sequence

    # The parts ------------------------------------------------------------------

    def restore(self) -> tuple[Restored, list[int]]:
        """Reads what the database remembers, and in which guilds the bot was."""
        lease = self.lease
        restored = restore(shard_id=lease.shard_id, shard_count=lease.shard_count)
        present = (
            Guild.objects.present()
            .annotate(shard=shard_in_query(F("id"), lease.shard_count))
            .filter(shard=lease.shard_id)
            .order_by()
            .values_list("id", flat=True)
        )
        return restored, list(present)

    def books(self, tracker: Tracker, *, figures: Callable[[], dict[str, Any]]) -> Books:
        """Opens the books.

        Args:
            tracker: as the database restored it.
            figures: gives what the shard counted, for its row.
        """
        return Books(
            lease=self.lease,
            tracker=tracker,
            clock=self._desk.clock,
            figures=figures,
            counted=self._counted,
            within=self._desk.within,
        )

    def backlog(self, spool: Spool | None = None) -> Backlog:
        """Makes the queue, beginning with what stands in a spool."""
        return Backlog(
            sequence=self._sequence,
            make_spool=self._make_spool,
            spool=spool,
            figures=self._counted,
        )

    def pipeline(self, books: Books, backlog: Backlog) -> Pipeline:
        """Makes the way from the queue to the books."""
        return Pipeline(
            books,
            backlog,
            writer=self._desk.writer,
            elapsed=self._desk.clock.elapsed,
            figures=self._counted,
        )

    def _make_spool(self) -> Spool:
        return Spool.create(self._path, self._identity(), most_bytes=self._desk.spool_bytes)

    def _identity(self) -> SpoolIdentity:
        lease = self.lease
        return SpoolIdentity(self._database, lease.shard_id, lease.shard_count, lease.fence)

    # What waits on disk ------------------------------------------------------------------

    async def replay(self) -> None:
        """Writes what a former process left on disk, if it belongs here.

        Where it is cancelled, what is not written stays there.

        Raises:
            DatabaseAwayError: if the database is away before anything was written.
            LeaseLostError: if the shard is another bot's now.
        """
        self._database = await self._desk.writer.run(at_database, database_identity)
        left = read_left(self._path)
        if left is None:
            return
        restored, _ = await self._desk.writer.run(at_database, self.restore)
        try:
            spool = self._accepted(left)
            if spool is not None:
                await self._write(spool, restored.tracker)
        except SpoolFailedError as error:
            # What stands there is not to be taken for what comes now.
            self._sequence = next_run(self._sequence)
            logger.error("%s It is left as it is", error)  # noqa: TRY400 - the message says it all

    async def _write(self, spool: Spool, tracker: Tracker) -> None:
        backlog = self.backlog(spool)
        logger.info("Shard %s: %s facts waited on disk", self.lease.shard_id, backlog.waiting())
        pipeline = self.pipeline(self.books(tracker, figures=dict), backlog)
        pipeline.close()
        try:
            await pipeline.run()
        except (BooksWrongError, SpoolDamagedError) as error:
            backlog.close()
            self._refuse(str(error))
        else:
            self._sequence = max(self._sequence, backlog.sequence)
        finally:
            backlog.close()

    def _accepted(self, left: Left) -> Spool | None:
        """Opens a spool that belongs to this database and to this run of facts, or refuses it."""
        lease, theirs = self.lease, left.identity
        if theirs is None:
            self._refuse(left.why)
            return None
        if theirs.database != self._database:
            self._refuse(f"it belongs to the database {theirs.database}, not {self._database}")
            return None
        spool = Spool.open(
            left,
            self._identity(),
            most_bytes=self._desk.spool_bytes,
            now=self._desk.clock.now(),
        )
        if spool.is_empty:
            # All that stood in it was a record that a kill had torn.
            spool.close()
            return None
        last = spool.last_sequence or 0
        first = last - spool.records + 1
        if is_same_run(lease.applied_sequence, first, last):
            return spool
        spool.close()
        self._refuse(
            f"its facts {first} to {last} do not follow on {lease.applied_sequence}, the last "
            "one in the books: another bot has served the shard meanwhile, or the database is "
            "an older copy"
        )
        return None

    def _refuse(self, why: str) -> None:
        set_aside(self._path, why, now=self._desk.clock.now())
