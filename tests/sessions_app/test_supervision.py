from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sessions_app.services.supervision import OverdueCheckpoints, supervise_checkpoints
from tests.factories import NOW
from tests.sessions_app.live_rows import GUILD, ago, make_session, make_shard

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def test_supervision_finds_nothing_where_checkpoints_come(caplog: pytest.LogCaptureFixture) -> None:
    make_shard(heartbeat_at=ago(180))
    make_session(last_seen_at=ago(180))

    supervision = supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)

    assert supervision.found == 0
    assert supervision.outcome() == {"silent_shards": [], "overdue": []}
    assert not caplog.records


def test_supervision_finds_a_shard_that_fell_silent() -> None:
    make_shard(0, 2)
    make_shard(1, 2, heartbeat_at=ago(180) - TICK)

    supervision = supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)

    (silent,) = supervision.silent
    assert (silent.shard_id, silent.shard_count, silent.process) == (1, 2, "host:1")
    assert silent.heartbeat_at == ago(180) - TICK
    assert supervision.found == 1


def test_supervision_is_not_alarmed_by_a_shard_that_stopped_in_good_order() -> None:
    make_shard(heartbeat_at=ago(9000), stopped_at=ago(9000))

    assert supervise_checkpoints(now=NOW, checkpoint_every=MINUTE).silent == ()


@pytest.mark.parametrize(("silence", "found"), [(30.0, 0), (30.1, 1)])
def test_supervision_allows_half_a_minute_however_short_a_checkpoint_is(
    silence: float, found: int
) -> None:
    make_shard(heartbeat_at=ago(silence))

    supervision = supervise_checkpoints(now=NOW, checkpoint_every=timedelta(seconds=1))

    assert len(supervision.silent) == found


def test_supervision_counts_overdue_sessions_by_the_shard_in_use() -> None:
    make_shard(0, 1, heartbeat_at=ago(9000), stopped_at=ago(8000))  # from before a resharding
    make_shard(0, 2)
    make_shard(1, 2)
    make_session(guild_id=GUILD, last_seen_at=ago(200))
    make_session(guild_id=GUILD, last_seen_at=ago(500))
    make_session(guild_id=8 << 22, last_seen_at=ago(181))
    make_session(guild_id=GUILD, last_seen_at=ago(180))
    make_session(status="completed", ended_at=ago(600), last_seen_at=ago(600))

    supervision = supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)

    assert supervision.overdue == (
        OverdueCheckpoints(shard_id=0, sessions=1, oldest=ago(181)),
        OverdueCheckpoints(shard_id=1, sessions=2, oldest=ago(500)),
    )
    assert supervision.found == 3


def test_supervision_counts_overdue_sessions_where_no_bot_ever_ran() -> None:
    make_session(last_seen_at=ago(500))
    make_session(last_seen_at=ago(200))

    supervision = supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)

    assert supervision.overdue == (OverdueCheckpoints(shard_id=None, sessions=2, oldest=ago(500)),)


def test_supervision_warns_once_a_run_and_tells_all_in_its_outcome(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_shard(0, 2, heartbeat_at=ago(300))
    make_shard(1, 2, heartbeat_at=ago(300))
    make_session(last_seen_at=ago(500))

    with caplog.at_level(logging.INFO):
        supervision = supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "0 of 2" in record.getMessage()
    assert "1 of 2" in record.getMessage()
    outcome = json.loads(json.dumps(supervision.outcome()))
    assert [shard["shard"] for shard in outcome["silent_shards"]] == ["0 of 2", "1 of 2"]
    assert outcome["overdue"] == [
        {"shard_id": 1, "sessions": 1, "oldest": "2026-11-20T11:51:40+00:00"}
    ]


def test_supervision_takes_two_statements(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for shard_id in range(4):
        make_shard(shard_id, 4)
    for guild in range(6):
        make_session(guild_id=guild << 22, last_seen_at=ago(500))

    with django_assert_num_queries(2):
        supervise_checkpoints(now=NOW, checkpoint_every=MINUTE)
