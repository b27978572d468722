"""A shard's books: the tracker in memory and the rows in the database.

For the writer's thread. The work on a run of things has three steps, each done once: read
the rules of the guilds that were stated, tell the tracker, write what came of it. Where
the database goes away between them, the same :class:`Work` is taken up again where it
stood, so that the tracker is told nothing twice and what is written stays the same.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeGuard, get_args

from django.db import connection, transaction

from botrunner.gateway.asks import GUILD_RULES, Compare, Settlement, settlement_of
from botrunner.gateway.figures import Figures
from botrunner.gateway.settled_log import tell
from botrunner.gateway.things import Asked, Compared, Mark, RoomsDue, RulesWanted
from botrunner.gateway.writer import DatabaseAwayError, at_database
from botrunner.gateway.writing import Writing
from community.domain.directory import DirectoryEvent
from community.domain.errors import RollcallError
from community.models import Guild
from community.services import leases
from community.services.leases import Condition, LeaseLostError
from events_app.domain.scheduled import ScheduledFact
from sessions_app.domain.facts import Fact, GuildRules, TimePassed
from sessions_app.services import restore
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.ingest import write_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botrunner.gateway.clock import Clock
    from community.domain.leases import Lease
    from sessions_app.domain.changes import Batch
    from sessions_app.domain.drift import Drift
    from sessions_app.domain.facts import PresenceChecked
    from sessions_app.domain.tracker import Tracker

logger = logging.getLogger(__name__)

# No longer than any silence after which the stale sweep may take a shard for dead.
SILENCE_SECONDS: Final = 10.0
# Who left so long ago may have come back without that we heard of it.
LATELY: Final = timedelta(hours=1)

FACTS = frozenset(get_args(Fact))
DIRECTORY_EVENTS = frozenset(get_args(DirectoryEvent))
SCHEDULED_FACTS = frozenset(get_args(ScheduledFact))


class StartOverError(RollcallError):
    """What the shard remembers cannot be gone on with."""

    code = "books.start_over"


class BooksWrongError(StartOverError):
    """What shard {shard_id} remembers contradicts the database."""

    code = "books.wrong"


@dataclass(slots=True)
class Work:
    """A run of things on their way into the books, and how far they have come.

    Attributes:
        sequence: the number of the last of the shard's things that is in the books with it.
    """

    things: Sequence[object]
    sequence: int
    rules: dict[int, GuildRules] | None = None
    writing: Writing | None = None


class Books:
    """The books of one shard."""

    def __init__(
        self,
        *,
        lease: Lease,
        tracker: Tracker,
        clock: Clock,
        figures: Callable[[], dict[str, Any]] = dict,
        counted: Figures | None = None,
        within: Callable[[Batch], None] | None = None,
    ) -> None:
        """Opens the books.

        Args:
            lease: what every batch renews; without it nothing is written.
            tracker: as the database restored it.
            clock: tells when it is written.
            figures: gives what the shard counted, for its row.
            counted: counted up; None for figures of its own.
            within: called with each batch in the transaction that writes it.
        """
        self._lease = lease
        self._shard_id = lease.shard_id
        self._tracker = tracker
        self._clock = clock
        self._figures = figures
        self._counted = counted or Figures()
        self._within = within
        self._rules: dict[int, GuildRules] = {}
        self._committed = clock.elapsed()

    def write(self, work: Work) -> None:
        """Takes the work from where it stands to its commit.

        Raises:
            DatabaseAwayError: if the database is away; call again with the same work.
            LeaseLostError: if the shard is another bot's; nothing was written.
            BooksWrongError: if what the tracker remembers cannot be right.
        """
        try:
            at_database(self._go_on, work)
        except (DatabaseAwayError, LeaseLostError):
            raise
        except Exception as error:
            # Whatever it was, the tracker has gone on and the database has not.
            connection.close()
            # What contradicts the database may be another bot's, which has the shard now.
            at_database(leases.check, self._lease)
            logger.exception("Shard %s: the books are wrong", self._shard_id)
            raise BooksWrongError(shard_id=self._shard_id) from error

    def _go_on(self, work: Work) -> None:
        if work.rules is None:
            work.rules = self._read_rules(work.things)
        if work.writing is None:
            work.writing = self._tell(work.things, work.rules)
            work.writing.sequence = work.sequence
        self._commit(work.writing)
        if work.writing.batch is not None:
            self._counted.gaps += len(work.writing.batch.gaps)
            tell(work.writing.batch.settled)
        now = self._clock.elapsed()
        if now - self._committed > SILENCE_SECONDS:
            self._tracker.restate()
        self._committed = now

    # Looking ------------------------------------------------------------------

    def guilds_in_use(self) -> list[int]:
        """Lists the guilds in which somebody is in voice, as far as the books are."""
        return self._tracker.guilds_in_use()

    def to_check(self, guild_id: int) -> list[int]:
        """Lists whom to ask Discord about in a guild."""
        since = self._clock.now() - LATELY
        return self._tracker.to_check(guild_id, left_since=since)

    def drift(self, checks: Sequence[PresenceChecked]) -> list[Drift]:
        """Tells what Discord's answers would change."""
        return self._tracker.drift(checks)

    # Reading ------------------------------------------------------------------

    def _read_rules(self, things: Sequence[object]) -> dict[int, GuildRules]:
        """Reads the rules of guilds that were stated for the first time, or changed by staff."""
        wanted = {
            thing.guild_id
            for thing in things
            if type(thing) is RulesWanted and thing.guild_id not in self._rules
        }
        wanted.update(
            thing.item.guild_id
            for thing in things
            if type(thing) is Asked and thing.item.kind == GUILD_RULES
        )
        return {guild_id: self._rules_of(guild_id) for guild_id in wanted}

    def _rules_of(self, guild_id: int) -> GuildRules:
        at = self._clock.now()
        try:
            return restore.guild_rules(guild_id, at=at)
        except Guild.DoesNotExist:
            # A new guild, whose row is written with this very batch: it has the defaults.
            return GuildRules(
                guild_id=guild_id,
                afk_channel_id=None,
                micro_session_seconds=Guild.micro_session_seconds.field.default,
                tracks_bots=Guild.tracks_bots.field.default,
                at=at,
            )

    # Telling the tracker ------------------------------------------------------------------

    def _tell(self, things: Sequence[object], rules: dict[int, GuildRules]) -> Writing:
        writing = Writing(self._shard_id)
        tracker = self._tracker
        for thing in things:
            if is_fact(thing):
                tracker.apply(thing)
            elif is_directory_event(thing):
                writing.events.append(thing)
            elif is_scheduled_fact(thing):
                writing.scheduled.append(thing)
            elif isinstance(thing, RulesWanted):
                known = rules.get(thing.guild_id) or self._rules[thing.guild_id]
                self._rule(replace(known, afk_channel_id=thing.afk_channel_id, at=thing.at))
            elif isinstance(thing, Asked):
                writing.settlements.append(self._answer(thing, rules))
            elif isinstance(thing, Compared):
                self._compare(thing, writing)
            elif isinstance(thing, RoomsDue):
                writing.rooms_due.add(thing.guild_id)
            elif isinstance(thing, Mark):
                self._mark(thing, writing)
        writing.batch = tracker.take()
        return writing

    def _rule(self, rules: GuildRules) -> None:
        self._rules[rules.guild_id] = rules
        self._tracker.apply(rules)

    def _answer(self, asked: Asked, rules: dict[int, GuildRules]) -> Settlement:
        if asked.item.kind == GUILD_RULES:
            changed = replace(rules[asked.item.guild_id], at=asked.at)
            stated = self._rules.get(changed.guild_id)
            # The channel as Discord states it may be newer than the row.
            afk_channel_id = stated.afk_channel_id if stated else changed.afk_channel_id
            self._rule(replace(changed, afk_channel_id=afk_channel_id))
        return settlement_of(asked, self._tracker.apply)

    def _compare(self, compared: Compared, writing: Writing) -> None:
        compared.drift = tuple(self._tracker.drift(compared.checks))
        if compared.mend:
            for check in compared.checks:
                self._tracker.apply(check)
        if compared.item is not None:
            writing.settlements.append(Compare(compared.item, compared))

    def _mark(self, mark: Mark, writing: Writing) -> None:
        writing.mark = mark
        if mark.is_checkpoint and mark.complete_until is not None:
            writing.is_checkpoint = True
            self._tracker.apply(TimePassed(at=mark.complete_until))

    # Writing ------------------------------------------------------------------

    def _commit(self, writing: Writing) -> None:
        batch = writing.batch
        if batch is None:
            return
        # The batch has a transaction of its own: one around it would make it a savepoint.
        with transaction.atomic() if writing.has_mirrored else contextlib.nullcontext():
            writing.write_mirrored(now=self._clock.now())
            write_batch(
                batch,
                shard_id=self._shard_id,
                within=lambda: self._write_along(writing, batch),
            )

    def _write_along(self, writing: Writing, batch: Batch) -> None:
        now = self._clock.now()
        writing.write_rooms(now=now)
        for settlement in writing.settlements:
            settlement.write(now=now)
        if self._within is not None:
            self._within(batch)
        mark = writing.mark
        if mark is not None and writing.is_checkpoint and mark.complete_until is not None:
            write_checkpoint(
                shard_id=self._shard_id,
                shard_count=self._lease.shard_count,
                seen_at=mark.complete_until,
            )
        # Last: from here on whoever wants to take the shard waits for this transaction.
        leases.renew(
            self._lease,
            # By the clock that others judge it by: ours may be ahead of one that was set back.
            now=self._clock.system_now(),
            applied_sequence=writing.sequence,
            condition=None if mark is None else self._condition(mark),
        )

    def _condition(self, mark: Mark) -> Condition:
        return Condition(
            is_connected=mark.is_connected,
            latency_seconds=mark.latency,
            last_frame_at=mark.complete_until,
            figures=self._figures(),
            is_last=mark.is_last,
        )


def is_fact(thing: object) -> TypeGuard[Fact]:
    """Tells whether the tracker is to be told of it."""
    return type(thing) in FACTS


def is_directory_event(thing: object) -> TypeGuard[DirectoryEvent]:
    """Tells whether the directory is to mirror it."""
    return type(thing) in DIRECTORY_EVENTS


def is_scheduled_fact(thing: object) -> TypeGuard[ScheduledFact]:
    """Tells whether the calendar is to have it."""
    return type(thing) in SCHEDULED_FACTS
