"""Scenarios: PostgreSQL and Redis that go away, and connections that are cut."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.faults.scenario import Scenario
from benchmarks.faults.stage import Setting
from benchmarks.stage import BenchmarkError

if TYPE_CHECKING:
    from benchmarks.faults.run import Run

#: What a transaction says that opens, moves or closes sessions.
SESSIONS = b"sessions_app_voicesession"
MOVES_PER_SECOND = 5.0


def stop_postgres(run: Run) -> None:
    """Stops PostgreSQL as a crash would, for some time."""
    with run.fault():
        _stop(run)
        time.sleep(run.pick(30, 3))
        run.stage.servers.start_postgres()


def stop_postgres_and_kill_bot(run: Run) -> None:
    """Stops PostgreSQL, and kills the bot meanwhile: it starts while there is no database."""
    length = run.pick(30, 4)
    with run.fault():
        _stop(run)
        instant = run.dice.uniform(1, length / 2)
        time.sleep(instant)
        run.wanted += 1
        run.hit("kill -9 of the bot", has_hit=run.stage.keeper.kill("bot"))
        time.sleep(length - instant)
        run.stage.servers.start_postgres()


def _stop(run: Run) -> None:
    stopped = run.stage.servers.stop_postgres_immediately()
    run.hit("stop of PostgreSQL", has_hit=stopped and run.stage.books.is_away())


def cut_commits(run: Run) -> None:
    """Cuts the bot's connection after a COMMIT of sessions was done, before its answer."""
    proxy = run.stage.proxy
    if proxy is None:
        raise BenchmarkError("the stage has no proxy")
    for _ in range(int(run.pick(20, 3))):
        run.pause(run.dice.uniform(0.5, run.pick(4, 1.5)))
        cuts = proxy.cuts
        with run.fault():
            proxy.cut_next(saying=SESSIONS)
            # Something is to be written now.
            run.stage.discord.flood(3, rate=MOVES_PER_SECOND, seed=run.seed())
            run.hit("cut after a COMMIT", has_hit=partial(proxy.has_cut, cuts))


def lose_redis(run: Run) -> None:
    """Empties Redis, then kills it, and starts it again after a while."""
    servers = run.stage.servers
    with run.fault():
        run.hit("FLUSHALL", has_hit=servers.flush_redis())
    run.pause(run.dice.uniform(1, run.pick(10, 2)))
    with run.fault():
        run.hit("kill -9 of Redis", has_hit=servers.kill_redis())
        time.sleep(run.pick(20, 3))
        servers.start_redis()


SCENARIOS = (
    Scenario(
        "postgres-stopped",
        "PostgreSQL stopped with -m immediate for 30 s",
        stop_postgres,
        watches_jobs=True,
    ),
    Scenario(
        "postgres-and-bot",
        "the same, and the bot killed meanwhile",
        stop_postgres_and_kill_bot,
        watches_jobs=True,
        patience=120.0,
    ),
    Scenario(
        "commit-cut",
        "the bot's connection cut after a COMMIT, before its answer, 20 times",
        cut_commits,
        setting=Setting(cuts_commits=True),
    ),
    Scenario(
        "redis-lost",
        "Redis flushed, killed and started again",
        lose_redis,
        watches_jobs=True,
        patience=120.0,
    ),
)
