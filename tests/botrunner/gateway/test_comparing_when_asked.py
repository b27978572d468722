"""Another process asks for a comparison: a dry run, or one that mends, or one that is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry, OutboxItem
from community.services import leases
from sessions_app.models import BlindGap
from sessions_app.services import comparison
from sessions_app.services.comparison import (
    ComparisonRefusedError,
    NoBotAnsweredError,
    NoBotRunsError,
)
from tests.botrunner.gateway.conftest import (
    bounded,
    now,
    rows,
    running,
    serving,
    settled,
    stored,
)
from tests.botrunner.gateway.rounds import listen, swallow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.botrunner.gateway.conftest import Community
    from tests.botrunner.gateway.rounds import Questions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Questions:
    return listen(monkeypatch, caplog)


@pytest.fixture
async def community(questions: Questions) -> AsyncIterator[Community]:  # noqa: ARG001 - its route
    async with serving(keeps_short_stays=True) as made:
        yield made


async def test_a_dry_run_finds_what_differs_and_changes_nothing(
    community: Community, questions: Questions
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await asyncio.sleep(0.3)
        await settled(bot)
        swallow(community)
        community.leave(0)

        found = await asked(community, mend=False)

        assert (found.checked, found.to_check, found.mended) == (2, 2, 0)
        [drift] = found.drift
        assert (drift.kind, drift.user_id) == ("ghost", community.people[0])
        assert (drift.channel_id, drift.discord_channel_id) == (community.voice[0], None)
        assert {row.status for row in await rows()} == {"active"}
        assert not await stored(BlindGap.objects.exists)
        assert not await stored(AuditEntry.objects.exists)
        assert len(questions.asked) == 3


async def test_mending_when_asked_leaves_a_trail(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await asyncio.sleep(0.3)
        await settled(bot)
        swallow(community)
        community.leave(0)
        actor = await stored(lambda: User.objects.create_superuser("robin"))

        found = await asked(community, mend=True, actor=actor, reason="a test")
        again = await asked(community, mend=True, actor=actor, reason="once more")

        assert (found.mended, again.mended, again.drift) == (1, 0, ())
        [row] = await rows()
        assert row.end_reason == "recovered"
        bounded(row, community.ended()[0])
        [entry] = await stored(lambda: list(AuditEntry.objects.all()))
        assert (entry.action, entry.actor_id, entry.reason) == (
            "sessions.compare",
            actor.pk,
            "a test",
        )
        assert entry.guild_id == community.guild.id


async def test_where_no_bot_answers_nothing_is_left_to_be_done(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "ANSWER_SECONDS", 0.5)
    with pytest.raises(NoBotRunsError):
        await asked(community, mend=True)
    # It lives, as its lease says, and does not answer.
    await stored(lambda: leases.take(0, 1, holder="another", process="a test", now=now()))

    with pytest.raises(NoBotAnsweredError, match=r"within 0\.5 s"):
        await asked(community, mend=True)

    assert not await stored(OutboxItem.objects.exists)


async def test_a_bot_that_does_not_see_the_guild_refuses(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await settled(bot)
        with pytest.raises(ComparisonRefusedError, match="does not show this guild"):
            await asked(community, mend=True, guild_id=5 << 22)
        community.world.begin_outage(community.guild.id)
        await settled(bot)

        with pytest.raises(ComparisonRefusedError, match="does not show this guild"):
            await asked(community, mend=True)

        assert {row.status for row in await rows()} == {"active"}


async def asked(
    community: Community, *, guild_id: int | None = None, **how: Any
) -> comparison.Comparison:
    """Asks as a page of the admin's does, from a thread of its own."""
    return await stored(
        lambda: comparison.compare_guild(
            community.guild.id if guild_id is None else guild_id, now=now(), **how
        )
    )
