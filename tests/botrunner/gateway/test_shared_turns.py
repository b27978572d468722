"""IDENTIFYs of several bots take turns, and wait for no database that does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway import identify_turns
from tests.botrunner.gateway.conftest import (
    is_live,
    rows,
    running,
    serving,
    settled,
    started,
    until,
)
from tests.botrunner.gateway.database_proxy import all_proxied

if TYPE_CHECKING:
    from pathlib import Path

    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


async def test_bots_of_one_installation_identify_one_after_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(identify_interval=0.3) as community, contextlib.AsyncExitStack() as stack:
        bots = [
            await stack.enter_async_context(
                started(
                    community,
                    data_dir=tmp_path / str(shard_id),
                    shard_ids=[shard_id],
                    shard_count=3,
                    identify_seconds=1.5,
                )
            )
            for shard_id in range(3)
        ]
        await until(lambda: all(is_live(bot) for bot in bots), seconds=20)

        assert community.sandbox.gateway.identified == 3
    # Each would have tried again after a refusal; none had to.
    assert "refuses an IDENTIFY" not in caplog.text


@pytest.mark.parametrize("trouble", ["refuse", "hang"])
async def test_a_connection_does_not_wait_for_a_database_that_is_away(
    community: Community,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(identify_turns, "PATIENCE_SECONDS", 0.5)
    async with all_proxied() as database, running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        getattr(database, trouble)()
        community.sandbox.troubles.make("refuse")
        await until(lambda: "no shared turn to IDENTIFY" in caplog.text, seconds=20)
        await until(lambda: caplog.text.count("READY with") == 2, seconds=20)
        await asyncio.sleep(0.2)
        await database.answer()
        await settled(bot, seconds=20)

        [row] = await rows()
        assert (row.status, row.start_kind) == ("active", "observed")
