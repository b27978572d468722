"""Reminders to those who are missing, written over real sockets, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from botrunner.gateway import asked_once, delivery
from botrunner.gateway.reminding import nonce_of
from botrunner.sandbox.entities import ChannelType
from botrunner.sandbox.rest.routes import ROUTES
from community.domain.permissions import Overwrite, Permission
from community.models import Channel, Guild, OutboxItem, OutboxState
from events_app.models import Event, Interest
from events_app.services import reminder_answers, reminders
from tests.botrunner.gateway.bot_processes import PATIENCE_SECONDS, runbot
from tests.botrunner.gateway.conftest import now, running, serving, stored
from tests.botrunner.gateway.watched_routes import (
    Watched,
    answered,
    away,
    lose_the_answer,
    refusing,
    staff,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from botrunner.sandbox.rest.call import Call
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

WRITE = "POST /channels/{channel}/messages"
TITLE = "Raid on the lighthouse"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setitem(ROUTES, WRITE, watched.handler(WRITE, ROUTES[WRITE]))
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.05)
    return watched


@pytest.fixture
async def community(watched: Watched) -> AsyncIterator[Community]:  # noqa: ARG001 - its routes
    async with serving() as made:
        yield made


def chat_of(community: Community) -> int:
    channels = community.guild.channels.values()
    return next(channel.id for channel in channels if channel.type is ChannelType.TEXT)


async def asked(
    community: Community, *user_ids: int, channel_id: int | None = None
) -> list[OutboxItem]:
    """Asks for a reminder of an event that begins soon, mirrored or not."""
    chat = channel_id or chat_of(community)

    def ask() -> list[OutboxItem]:
        guild, _ = Guild.objects.get_or_create(id=community.guild.id, defaults={"name": "Harbour"})
        kind = community.guild.channels[chat].type
        Channel.objects.get_or_create(
            id=chat, defaults={"guild": guild, "kind": int(kind), "name": "chat"}
        )
        start = now() + timedelta(minutes=10)
        event = Event.objects.create(
            guild=guild,
            title=TITLE,
            time_zone="UTC",
            starts_at=start,
            ends_at=start + timedelta(hours=1),
            channel_ids=[community.voice[0]],
            created_at=now(),
        )
        Interest.objects.bulk_create(
            Interest(event=event, guild=guild, user_id=user_id, since=now())
            for user_id in user_ids or community.people[:2]
        )
        reminders.remind_missing(event.pk, channel_id=chat, actor=staff(), now=now())
        return list(OutboxItem.objects.order_by("created_at", "id"))

    return await stored(ask)


async def the_answer(item: OutboxItem, *, seconds: float = 15.0) -> tuple[str, dict[str, Any]]:
    await answered(item, seconds=seconds)
    return item.state, item.answer


def written(community: Community) -> list[dict[str, Any]]:
    kept = community.sandbox.messages.values()
    return [message for messages in kept for message in messages.values()]


async def test_those_who_are_missing_are_notified(community: Community) -> None:
    async with running(community):
        [item] = await asked(community)
        state, answer = await the_answer(item)

    [message] = written(community)
    assert (state, answer) == (OutboxState.DONE, {"message_id": message["id"]})
    assert message["channel_id"] == str(chat_of(community))
    assert message["content"] == item.payload["content"]
    assert {int(user["id"]) for user in message["mentions"]} == set(community.people[:2])
    assert message["nonce"] == nonce_of(item.pk)


async def test_nobody_else_is_notified_whatever_the_text_says(community: Community) -> None:
    everyone = community.guild.roles[community.guild.id]
    permissions = everyone.permissions | Permission.MENTION_EVERYONE
    community.world.update_role(community.guild.id, everyone.id, permissions=int(permissions))
    missing, other = community.people[:2]
    [item] = await asked(community, missing)
    item.payload["content"] = f"<@{missing}> <@{other}> <@&{everyone.id}> @everyone"
    await stored(item.save)
    async with running(community):
        await answered(item)

    [message] = written(community)
    assert [int(user["id"]) for user in message["mentions"]] == [missing]
    assert (message["mention_everyone"], message["mention_roles"]) == (False, [])


async def test_many_are_notified_by_messages_in_order(community: Community) -> None:
    async with running(community):
        items = await asked(community, *range(10**18, 10**18 + 150))
        for item in items:
            await answered(item)

    assert len(items) == 2
    assert [message["content"] for message in written(community)] == [
        item.payload["content"] for item in items
    ]


async def test_the_chat_of_a_voice_channel_is_written_in(community: Community) -> None:
    async with running(community):
        [item] = await asked(community, channel_id=community.voice[0])
        state, _ = await the_answer(item)

    assert state == OutboxState.DONE
    assert written(community)[0]["channel_id"] == str(community.voice[0])


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (Permission.SEND_MESSAGES, {"code": "50013", "message": "Missing Permissions (50013)"}),
        (Permission.VIEW_CHANNEL, {"code": "50001", "message": "Missing Access (50001)"}),
    ],
)
async def test_a_missing_permission_is_the_answer(
    community: Community, watched: Watched, denied: int, expected: dict[str, str]
) -> None:
    community.guild.channels[chat_of(community)].overwrites = [
        Overwrite(community.guild.id, is_role=True, deny=int(denied))
    ]
    async with running(community):
        [item] = await asked(community)
        state, answer = await the_answer(item)

    assert (state, answer) == (OutboxState.REFUSED, expected)
    assert watched.count(WRITE) == 1


async def test_a_channel_that_is_gone_is_the_answer(community: Community) -> None:
    [item] = await asked(community)
    community.world.delete_channel(community.guild.id, chat_of(community))
    async with running(community):
        state, answer = await the_answer(item)

    assert state == OutboxState.REFUSED
    assert answer == {"code": "10003", "message": "Unknown Channel (10003)"}


async def test_a_text_that_is_refused_is_the_answer(community: Community, watched: Watched) -> None:
    watched.before[WRITE] = [refusing(50035)]
    async with running(community):
        [item] = await asked(community)
        state, answer = await the_answer(item)

    assert (state, answer["code"]) == (OutboxState.REFUSED, "50035")


async def test_a_rate_limit_is_waited_for(community: Community, watched: Watched) -> None:
    async with running(community):
        community.sandbox.faults.rates = {"limited": 1.0}
        [item] = await asked(community)
        await asyncio.sleep(0.6)
        await stored(item.refresh_from_db)
        assert (item.state, watched.calls) == (OutboxState.PENDING, [])
        community.sandbox.faults.rates = {}

        await answered(item)

    assert (item.state, len(written(community))) == (OutboxState.DONE, 1)


async def test_an_error_without_an_effect_is_tried_again(
    community: Community, watched: Watched
) -> None:
    watched.before[WRITE] = [away, away]
    async with running(community):
        [item] = await asked(community)
        await answered(item)

    assert (item.state, len(written(community))) == (OutboxState.DONE, 1)
    assert watched.count(WRITE) == 3


async def crash(_: Call) -> None:
    """Answers 500."""
    raise web.HTTPInternalServerError


@pytest.mark.parametrize("lose", [lose_the_answer, crash])
async def test_a_message_whose_answer_is_lost_is_written_once(
    community: Community, watched: Watched, lose: Callable[[Call], Awaitable[None]]
) -> None:
    watched.after[WRITE] = [lose]
    async with running(community):
        [item] = await asked(community)
        await answered(item)

    [message] = written(community)
    assert item.answer == {"message_id": message["id"]}
    assert watched.count(WRITE) == 2


async def test_a_message_that_is_never_answered_is_written_once(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait_for_long(_: Call) -> None:
        await asyncio.sleep(PATIENCE_SECONDS)

    monkeypatch.setattr(asked_once, "PATIENCE", aiohttp.ClientTimeout(total=0.5))
    watched.after[WRITE] = [wait_for_long]
    async with running(community):
        [item] = await asked(community)
        await answered(item)

    [message] = written(community)
    assert item.answer == {"message_id": message["id"]}
    assert watched.count(WRITE) == 2


async def test_a_message_that_was_deleted_meanwhile_is_not_written_again(
    community: Community, watched: Watched
) -> None:
    async def lose_and_delete(call: Call) -> None:
        await lose_the_answer(call)
        for chat in list(call.world.chats.values()):
            for message in list(chat.values()):
                call.world.erase(message)

    watched.after[WRITE] = [lose_and_delete]
    async with running(community):
        [item] = await asked(community)
        await answered(item)

    assert (item.state, item.answer) == (OutboxState.DONE, {"message_id": None})
    assert written(community) == []


async def test_a_bot_that_is_killed_before_the_answer_writes_no_twin(
    community: Community, watched: Watched
) -> None:
    is_written, is_killed = asyncio.Event(), asyncio.Event()

    async def keep_waiting(_: Call) -> None:
        is_written.set()
        await is_killed.wait()

    watched.after[WRITE] = [keep_waiting]
    async with runbot(community) as first:
        await first.says("READY with 1 guilds")
        [item] = await asked(community)
        await asyncio.wait_for(is_written.wait(), PATIENCE_SECONDS)
        await first.kill()
        is_killed.set()
    assert (await stored(OutboxItem.objects.get)).state == OutboxState.PENDING
    async with runbot(community):
        await answered(item, seconds=PATIENCE_SECONDS)

    [message] = written(community)
    assert (item.state, item.answer) == (OutboxState.DONE, {"message_id": message["id"]})


async def test_what_comes_too_late_is_not_written(community: Community, watched: Watched) -> None:
    [item] = await asked(community)
    await stored(lambda: Event.objects.update(state="cancelled"))
    async with running(community):
        state, answer = await the_answer(item)

    assert (state, answer["code"]) == (OutboxState.REFUSED, "too_late")
    assert watched.calls == []


async def test_what_discord_leaves_open_for_long_is_in_doubt(
    community: Community, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminder_answers, "IN_DOUBT_AFTER", timedelta(seconds=0.3))
    watched.before[WRITE] = [away] * 99
    async with running(community):
        [item] = await asked(community)
        state, answer = await the_answer(item)

    assert (state, answer["code"]) == (OutboxState.REFUSED, "in_doubt")
    assert watched.count(WRITE) >= 2
    assert written(community) == []


async def test_nothing_of_a_message_is_logged(
    community: Community, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.before[WRITE] = [away, refusing(50035)]
    with caplog.at_level(logging.INFO):
        async with running(community):
            [item] = await asked(community)
            await answered(item)

    assert str(item.pk) in caplog.text
    assert TITLE not in caplog.text
    assert f"<@{community.people[0]}>" not in caplog.text
