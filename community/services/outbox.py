"""What other processes ask of the bot, and how they hear its answer."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.db.models import F

from community.domain.sharding import shard_of
from community.models import OutboxItem, OutboxState, Shard
from community.models.shard import shard_in_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHANNEL: Final = "rollcall_outbox"
"""The channel of ``NOTIFY``; its payload is the id of the item that was written."""

HEARTBEAT_GRACE: Final = timedelta(seconds=15)
"""A shard's bot counts as running while its last heartbeat is at most this old."""

_POLL_SECONDS: Final = 0.1


def ask(kind: str, *, guild_id: int, payload: Mapping[str, Any], now: datetime) -> OutboxItem:
    """Asks the bot that serves a guild for something, and wakes it.

    The item and the notification are one transaction (the caller's, where it is in one):
    the bot hears of the item when it can read it, and never of one that was taken back.

    Args:
        kind: what is asked, such as ``session.void``.
        guild_id: the guild that it concerns, which decides the shard.
        payload: what the kind needs to know, as JSON.
        now: when it is asked.
    """
    with transaction.atomic():
        item = OutboxItem.objects.create(
            kind=kind, guild_id=guild_id, payload=dict(payload), created_at=now
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(item.pk)])
    return item


def pending(*, shard_id: int, shard_count: int) -> list[OutboxItem]:
    """Lists what waits for a shard's bot, the oldest first."""
    return list(
        OutboxItem.objects.filter(state=OutboxState.PENDING)
        .annotate(shard=shard_in_query(F("guild_id"), shard_count))
        .filter(shard=shard_id)
        .order_by("created_at", "id")
    )


def is_pending(item: OutboxItem) -> bool:
    """Tells whether an item is still to be answered: neither done nor taken back."""
    return OutboxItem.objects.filter(pk=item.pk, state=OutboxState.PENDING).exists()


def locked_pending(item: OutboxItem) -> OutboxItem | None:
    """Locks an item, to answer it; None where it is answered already, or was taken back.

    To be called in a transaction.
    """
    waiting = OutboxItem.objects.filter(pk=item.pk, state=OutboxState.PENDING)
    return waiting.select_for_update().order_by().first()


def answer(item: OutboxItem, *, state: str, answer: Mapping[str, Any], now: datetime) -> None:
    """Answers an item that is still pending; the first answer stands.

    Args:
        item: the item, which is brought up to date.
        state: ``OutboxState.DONE`` or ``OutboxState.REFUSED``.
        answer: what was done, or why not, as JSON.
        now: when.
    """
    OutboxItem.objects.filter(pk=item.pk, state=OutboxState.PENDING).update(
        state=state, answer=dict(answer), answered_at=now
    )
    item.refresh_from_db()


def withdraw(item: OutboxItem) -> bool:
    """Takes back an item that is still pending; tells whether it was.

    The item is brought up to date where it was answered meanwhile.
    """
    withdrawn, _ = OutboxItem.objects.filter(pk=item.pk, state=OutboxState.PENDING).delete()
    if not withdrawn:
        item.refresh_from_db()
    return bool(withdrawn)


def wait_for_answer(item: OutboxItem, *, seconds: float = 10) -> OutboxItem:
    """Waits until an item is answered, or for so many seconds.

    Returns:
        The item as it stands then: pending still, where no answer came.

    Raises:
        TransactionManagementError: in a transaction, whose item no bot could see.
    """
    wait_for_answers([item], seconds=seconds)
    return item


def wait_for_answers(items: Sequence[OutboxItem], *, seconds: float = 10) -> None:
    """Waits until all items are answered, or for so many seconds, and brings them up to date.

    Raises:
        TransactionManagementError: in a transaction, whose items no bot could see.
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "An answer cannot be waited for in a transaction: the bot does not see its items."
        )

    patience = time.monotonic() + seconds
    waiting = {item.pk: item for item in items}
    while True:
        answered = OutboxItem.objects.filter(pk__in=waiting).exclude(state=OutboxState.PENDING)
        for pk in answered.values_list("pk", flat=True):
            waiting.pop(pk).refresh_from_db()
        if not waiting or time.monotonic() >= patience:
            return
        time.sleep(_POLL_SECONDS)


def is_served(guild_id: int, *, now: datetime) -> bool:
    """Tells whether a bot runs for a guild's shard: one whose heartbeat is fresh."""
    return guild_id in served([guild_id], now=now)


def served(guild_ids: Iterable[int], *, now: datetime) -> frozenset[int]:
    """Tells for which of some guilds a bot runs; see :func:`is_served`."""
    shards = list(Shard.objects.alive(since=now - HEARTBEAT_GRACE))
    return frozenset(
        guild_id
        for guild_id in guild_ids
        if any(shard_of(guild_id, shard.shard_count) == shard.shard_id for shard in shards)
    )
