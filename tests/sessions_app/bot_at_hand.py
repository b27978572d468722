"""A bot for tests: it answers comparisons as the real one does, from a thread of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone

from community.models import OutboxItem, OutboxState
from community.services import outbox
from sessions_app.domain.drift import Drift
from sessions_app.services import comparison
from sessions_app.services.comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sessions_app.models import VoiceSession

    Answer = Callable[[OutboxItem], Comparison | None]


def drift_of(session: VoiceSession, *, kind: str = "ghost", seconds: float = 312.5) -> Drift:
    """Makes the difference of a session whose member is not in voice."""
    return Drift(
        kind, session.guild_id, session.user_id, session.channel_id, None, session.pk, seconds
    )


def finds(*drift: Drift, checked: int = 3, to_check: int = 3) -> Answer:
    """Makes an answer for every guild: what differs there, mended where it was to be."""

    def answer(item: OutboxItem) -> Comparison:
        in_guild = tuple(part for part in drift if part.guild_id == item.guild_id)
        mended = len(in_guild) if item.payload["mend"] else 0
        return Comparison(item.guild_id, checked, to_check, in_guild, mended)

    return answer


@contextmanager
def bot(answer: Answer) -> Iterator[None]:
    """Runs a bot that answers each comparison; None refuses it."""
    stopped = threading.Event()

    def serve() -> None:
        try:
            while not stopped.wait(0.02):
                asked = OutboxItem.objects.filter(kind=comparison.COMPARE)
                for item in asked.filter(state=OutboxState.PENDING):
                    _settle(item, answer(item))
        finally:
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def _settle(item: OutboxItem, found: Comparison | None) -> None:
    now = timezone.now()
    with transaction.atomic():
        if found is not None:
            comparison.settle(item, found, now=now)
            return
        outbox.answer(
            item,
            state=OutboxState.REFUSED,
            answer={"message": "The guild is in an outage."},
            now=now,
        )
