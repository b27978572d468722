"""What staff ask of the bot while it runs, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from community.models import AuditEntry, Guild, OutboxItem, OutboxState
from community.services import outbox
from sessions_app.services import corrections
from tests.botrunner.gateway.conftest import long_enough, now, rows, running, settled, stored

if TYPE_CHECKING:
    from sessions_app.models import VoiceSession
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


async def test_staff_void_a_live_session_through_the_bot(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        await settled(bot)
        [row] = await rows()

        def void() -> VoiceSession:
            actor = User.objects.create_superuser("robin")
            return corrections.void_session(row.pk, actor=actor, reason="a test", now=now())

        voided = await stored(void)

        assert voided.status == "cancelled"
        assert await stored(AuditEntry.objects.count) == 1
        community.move(0, 1)
        await long_enough(bot)
        await settled(bot)
        assert [row.status for row in await rows()] == ["cancelled", "active"]


async def test_a_session_that_ended_before_the_request_came_is_corrected_all_the_same(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        community.leave(0)
        await settled(bot)
        [row] = await rows()

        def ask() -> OutboxItem:
            payload = {"session_id": str(row.pk), "reason": "a test", "actor_id": 0}
            item = outbox.ask(
                corrections.VOID, guild_id=community.guild.id, payload=payload, now=now()
            )
            return outbox.wait_for_answer(item, seconds=30)

        assert (await stored(ask)).state == OutboxState.DONE
        [row] = await rows()
        assert (row.status, row.end_reason) == ("cancelled", "left")


async def test_changed_rules_hold_from_then_on(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)

        def change() -> OutboxItem:
            Guild.objects.update(micro_session_seconds=30)
            item = outbox.ask("guild.rules", guild_id=community.guild.id, payload={}, now=now())
            return outbox.wait_for_answer(item, seconds=30)

        assert (await stored(change)).state == OutboxState.DONE
        community.leave(0)
        await settled(bot)

        assert await rows() == []


async def test_what_the_bot_does_not_know_is_refused(community: Community) -> None:
    async with running(community):

        def ask() -> OutboxItem:
            item = outbox.ask("tea.make", guild_id=community.guild.id, payload={}, now=now())
            return outbox.wait_for_answer(item, seconds=30)

        item = await stored(ask)

        assert item.state == OutboxState.REFUSED
        assert "tea.make" in item.answer["message"]
