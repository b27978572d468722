"""What the minute's checkpoint, the stale sweep and the questions about both cost."""

from __future__ import annotations

import contextlib
import logging
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil
from django.db import connection

from benchmarks import ended_rows, live_rows
from community.models import Shard
from sessions_app.models import VoiceSession
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.health import check_health
from sessions_app.services.stale import sweep_stale
from sessions_app.services.supervision import supervise_checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "sessions_app_voicesession"
SHARDS = 16
MINUTE = timedelta(minutes=1)
STALE_AFTER, GRACE = 5 * MINUTE, 2 * MINUTE
# Full pages, as PostgreSQL's default is, and what was ours before migration 0006.
OTHER_FILLFACTORS = (100, 70)
# How many sessions are saved one by one; what all would take is told from it.
SAVED = 1_000
REPEATS = 5

Figures = dict[str, Any]


def measure(*, rows: int, sizes: list[int], checkpoints: int, sweeps: int) -> Figures:
    """Makes the ended rows, and measures beside them with so many active sessions in turn.

    Args:
        rows: how many sessions have ended.
        sizes: how many go on, in turn.
        checkpoints: how many are written, the first included.
        sweeps: how often the sweep that finds nothing runs.
    """
    logging.disable()
    ended_rows.fill(rows)
    figures: Figures = {"ended_rows": rows, "bytes": _value(_SIZE), "sizes": []}
    for size in sizes:
        say(f"{size:,} active sessions")
        crowd = Crowd(size, live_rows.enter(size))
        found: Figures = {"active": size}
        found |= crowd.checkpoints(checkpoints)
        found |= crowd.questions(sweeps)
        found |= crowd.other_ways()
        found |= crowd.end()
        ended_rows.remove_after()
        found["others"] = {percent: _first_at(percent, size) for percent in OTHER_FILLFACTORS}
        figures["sizes"].append(found)
    return figures


def say(words: str) -> None:
    """Tells how far it is."""
    print(words, file=sys.stderr, flush=True)


# Looking ------------------------------------------------------------------------------------------

_SIZE = f"SELECT pg_total_relation_size('{TABLE}') + pg_total_relation_size('sessions_app_visit')"
_COUNTS = f"""
    SELECT pg_stat_get_tuples_updated('{TABLE}'::regclass),
           pg_stat_get_tuples_hot_updated('{TABLE}'::regclass),
           pg_stat_get_dead_tuples('{TABLE}'::regclass),
           pg_relation_size('{TABLE}'),
           pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What PostgreSQL has counted: updated rows, those that wrote no index, dead rows, bytes."""

    updated: int
    hot: int
    dead: int
    table_bytes: int
    wal_bytes: int


def _counts() -> Counts:
    _value("SELECT pg_stat_force_next_flush()::text")
    _value("SELECT pg_stat_clear_snapshot()::text")
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        return Counts(*cursor.fetchone())


def _value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def _do(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


class Meter:
    """The processor's time that the server's side of our connection takes, where it can be seen."""

    def __init__(self) -> None:
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(_value("SELECT pg_backend_pid()"))
            self._process = process if process.name().startswith("postgres") else None

    def milliseconds(self) -> float:
        """Reads it; always 0 where the server is on another machine."""
        if self._process is None:
            return 0.0
        used = self._process.cpu_times()
        return 1000 * float(used.user + used.system)


def _share_hot(before: Counts, after: Counts) -> float:
    return (after.hot - before.hot) / (after.updated - before.updated)


# The members in voice -----------------------------------------------------------------------------


class Crowd:
    """The active sessions, and the time by which their bot lives."""

    def __init__(self, size: int, now: datetime) -> None:
        """Takes members over who have just come."""
        self.size = size
        self.now = now

    def checkpoint(self, *, shard_count: int = 1) -> float:
        """Writes the next minute's for all shards; gives its milliseconds, commits included."""
        self.now += MINUTE
        reached: list[int] = []

        def write() -> None:
            reached.extend(
                write_checkpoint(shard_id=shard_id, shard_count=shard_count, seen_at=self.now)
                for shard_id in range(shard_count)
            )

        taken = _milliseconds(write)
        if sum(reached) != self.size:
            raise RuntimeError(f"A checkpoint reached {sum(reached)} sessions of {self.size}.")
        return taken

    def checkpoints(self, count: int) -> Figures:
        """Writes the first checkpoint and those that follow."""
        meter = Meter()
        start, used_at_start = _counts(), meter.milliseconds()
        first = self.checkpoint()
        after_first, used_by_first = _counts(), meter.milliseconds()
        following = [self.checkpoint() for _ in range(count - 1)]
        end, used_at_end = _counts(), meter.milliseconds()
        _do("CHECKPOINT")
        after_server = _counts()
        whole_pages = self.checkpoint()
        return {
            "first_ms": first,
            "first_cpu_ms": used_by_first - used_at_start,
            "first_hot": _share_hot(start, after_first),
            "first_wal_bytes": after_first.wal_bytes - start.wal_bytes,
            "following_ms": statistics.median(following),
            "fastest_ms": min(following),
            "slowest_ms": max(following),
            "cpu_ms": (used_at_end - used_by_first) / (count - 1),
            "hot": _share_hot(start, end),
            "wal_bytes": (end.wal_bytes - after_first.wal_bytes) / (count - 1),
            "grown_bytes": end.table_bytes - start.table_bytes,
            "dead": end.dead,
            "after_server_checkpoint_ms": whole_pages,
            "after_server_checkpoint_wal_bytes": _counts().wal_bytes - after_server.wal_bytes,
            "by_shards_ms": statistics.median(
                self.checkpoint(shard_count=SHARDS) for _ in range(REPEATS)
            ),
        }

    def questions(self, sweeps: int) -> Figures:
        """Sweeps where there is nothing to end, and asks what health and supervision ask."""
        self._hear_of_shards()
        nothing = [_milliseconds(self._sweep_nothing) for _ in range(sweeps)]
        health = [self._ask(check_health) for _ in range(REPEATS)]
        supervision = [self._ask(supervise_checkpoints) for _ in range(REPEATS)]
        Shard.objects.filter(shard_id=0).update(heartbeat_at=self.now - 2 * STALE_AFTER)
        one_overdue = [_milliseconds(self._sweep_nothing) for _ in range(REPEATS)]
        return {
            "sweep_nothing_ms": statistics.median(nothing),
            "sweep_nothing_fastest_ms": min(nothing),
            "sweep_nothing_p99_ms": statistics.quantiles(nothing, n=100)[-1],
            "sweep_one_overdue_ms": statistics.median(one_overdue),
            "health_ms": statistics.median(health),
            "supervision_ms": statistics.median(supervision),
        }

    def _hear_of_shards(self) -> None:
        Shard.objects.all().delete()
        Shard.objects.bulk_create(
            Shard(
                shard_id=shard_id,
                shard_count=SHARDS,
                process="bench",
                started_at=self.now,
                heartbeat_at=self.now,
            )
            for shard_id in range(SHARDS)
        )

    def _sweep(self, now: datetime) -> int:
        return sweep_stale(now=now, stale_after=STALE_AFTER, grace=GRACE).found

    def _sweep_nothing(self) -> None:
        if self._sweep(self.now + MINUTE):
            raise RuntimeError("A sweep ended sessions of living shards.")

    def _ask(self, question: Callable[..., object]) -> float:
        return _milliseconds(lambda: question(now=self.now, checkpoint_every=MINUTE))

    def end(self) -> Figures:
        """Sweeps once no bot lives any more: all sessions end by estimate."""
        later = self.now + 2 * STALE_AFTER
        found = []
        taken = _milliseconds(lambda: found.append(self._sweep(later)))
        if found != [self.size]:
            raise RuntimeError(f"A sweep found {found} sessions of {self.size}.")
        return {"sweep_all_ms": taken}

    # Other ways ------------------------------------------------------------------

    def other_ways(self) -> Figures:
        """Writes the same checkpoint with an index on its column, and session by session."""
        before = [self.checkpoint() for _ in range(REPEATS)]
        start = _counts()
        _do(f"CREATE INDEX bench ON {TABLE} (last_seen_at) WHERE status = 'active'")
        indexed = [self.checkpoint() for _ in range(REPEATS)]
        _do("DROP INDEX bench")
        hot = _share_hot(start, _counts())
        for _ in range(REPEATS):
            self.checkpoint()  # The rows find their way to pages with room again.
        after = [self.checkpoint() for _ in range(REPEATS)]
        return {
            "beside_ms": statistics.median([*before, *after]),
            "indexed_ms": statistics.median(indexed),
            "indexed_hot": hot,
            "saved_ms": self._save_one_by_one(),
        }

    def _save_one_by_one(self) -> float:
        """Saves some sessions by the ORM, each in a transaction; gives what all would take."""
        sessions = list(VoiceSession.objects.active()[:SAVED])

        def save() -> None:
            for session in sessions:
                session.last_seen_at = self.now
                session.save(update_fields=["last_seen_at"])

        return _milliseconds(save) * self.size / len(sessions)


def _first_at(percent: int, size: int) -> Figures:
    """Measures the first checkpoint of rows on pages that were filled so far."""
    say(f"{size:,} active sessions, fillfactor {percent}")
    with ended_rows.fillfactor(percent):
        crowd = Crowd(size, live_rows.enter(size))
        start = _counts()
        first = crowd.checkpoint()
        share = _share_hot(start, _counts())
    ended_rows.remove_after()
    return {"ms": first, "hot": share}
