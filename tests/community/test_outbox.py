from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection, transaction

from community.models import OutboxItem, OutboxState
from community.services import outbox
from tests.factories import NOW, at, make_guild, make_shard

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[psycopg.Connection]:
    """Another process's connection, which listens."""
    params = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(
        **{name: params[name] for name in names if params.get(name)}, autocommit=True
    ) as other:
        other.execute(f"LISTEN {outbox.CHANNEL}")
        yield other


def heard(listener: psycopg.Connection) -> list[str]:
    return [note.payload for note in listener.notifies(timeout=0.3)]


def test_ask_writes_a_pending_item_and_notifies(listener: psycopg.Connection) -> None:
    item = outbox.ask("session.void", guild_id=1 << 22, payload={"a": 1}, now=NOW)

    stored = OutboxItem.objects.get()
    assert (stored.kind, stored.payload, stored.state, stored.created_at) == (
        "session.void",
        {"a": 1},
        OutboxState.PENDING,
        NOW,
    )
    assert heard(listener) == [str(item.pk)]


def test_ask_that_is_taken_back_is_never_heard_of(listener: psycopg.Connection) -> None:
    with transaction.atomic():
        outbox.ask("session.void", guild_id=1 << 22, payload={}, now=NOW)
        transaction.set_rollback(True)

    assert heard(listener) == []
    assert not OutboxItem.objects.exists()


def test_pending_lists_a_shards_own_items_oldest_first() -> None:
    ours = (8 << 22) + 5
    late = outbox.ask("k", guild_id=ours, payload={}, now=at(2))
    early = outbox.ask("k", guild_id=ours, payload={}, now=at(1))
    outbox.ask("k", guild_id=9 << 22, payload={}, now=NOW)
    answered = outbox.ask("k", guild_id=ours, payload={}, now=NOW)
    outbox.answer(answered, state=OutboxState.DONE, answer={}, now=NOW)

    items = outbox.pending(shard_id=0, shard_count=4)

    assert items == [early, late]


def test_answer_the_first_one_stands() -> None:
    item = outbox.ask("k", guild_id=1 << 22, payload={}, now=NOW)
    outbox.answer(item, state=OutboxState.DONE, answer={"n": 1}, now=at(1))

    outbox.answer(item, state=OutboxState.REFUSED, answer={"n": 2}, now=at(2))

    assert (item.state, item.answer, item.answered_at) == (OutboxState.DONE, {"n": 1}, at(1))


def test_wait_for_answer_returns_once_another_process_answers() -> None:
    item = outbox.ask("k", guild_id=1 << 22, payload={}, now=NOW)

    def bot() -> None:
        outbox.answer(
            OutboxItem.objects.get(pk=item.pk), state=OutboxState.DONE, answer={"n": 1}, now=at(1)
        )
        connection.close()

    timer = threading.Timer(0.2, bot)
    timer.start()
    answered = outbox.wait_for_answer(item, seconds=5)
    timer.join()

    assert (answered.state, answered.answer) == (OutboxState.DONE, {"n": 1})


def test_wait_for_answer_gives_up_after_its_seconds() -> None:
    item = outbox.ask("k", guild_id=1 << 22, payload={}, now=NOW)

    assert outbox.wait_for_answer(item, seconds=0.2).state == OutboxState.PENDING


def test_wait_for_answer_refuses_to_wait_in_a_transaction() -> None:
    item = outbox.ask("k", guild_id=1 << 22, payload={}, now=NOW)

    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        outbox.wait_for_answer(item, seconds=0.2)


@pytest.mark.parametrize(
    ("columns", "served"),
    [
        ({}, True),
        ({"heartbeat_at": at(-0.25)}, True),
        ({"heartbeat_at": at(-0.26)}, False),
        ({"stopped_at": NOW}, False),
        ({"shard_count": 7, "shard_id": 0}, False),
    ],
)
def test_is_served_wants_a_fresh_heartbeat_of_the_guilds_own_shard(
    columns: dict[str, Any], *, served: bool
) -> None:
    guild = make_guild(id=(7 * 4 + 1) << 22)
    make_shard(guild, **columns)

    assert outbox.is_served(guild.pk, now=NOW) is served
