"""The message that answers who asked for a room: two write it, and never at the same time.

How the room stands is written from its row, again and again. That the database did not answer
is written once, by whoever waited for it in vain. What was asked of the database may be done all
the same, a moment later; so while that sentence is under way nothing else is written there, and
what the row says comes after it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botrunner.gateway.rooms import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    import discord

    from botrunner.services.rooms.asking import Asked
    from botrunner.services.rooms.showing import Status


class HeldMessages:
    """The messages into which somebody is writing a sentence of their own."""

    def __init__(self) -> None:
        """Holds none."""
        self._held: Counter[str | int] = Counter()

    @contextmanager
    def holding(self, asked: Asked) -> Iterator[None]:
        """Lets nobody else write into the message that answers a request.

        Args:
            asked: names it, by the interaction's token, by its id, or by both.
        """
        keys = _keys(asked.token, asked.message_id)
        self._held.update(keys)
        try:
            yield
        finally:
            self._held.subtract(keys)
            # Without those of which nobody holds any.
            self._held = +self._held

    def holds(self, status: Status) -> bool:
        """Tells whether the message of a status is held."""
        return any(key in self._held for key in _keys(status.token, status.message_id))


def _keys(token: str, message_id: int | None) -> list[str | int]:
    return [key for key in (token, message_id) if key]


async def write_status(client: discord.Client, status: Status) -> tuple[int, str]:
    """Writes how a room stands: by the interaction's token, else as the bot's own message.

    Returns:
        The message's id, and what it says.
    """
    if status.token and client.application_id is not None:
        message_id = await messages.edit_answer(
            client.http, status.text, application_id=client.application_id, token=status.token
        )
        return message_id, status.text
    if status.message_id is not None:
        await messages.edit(
            client.http,
            status.text,
            channel_id=status.channel_id,
            message_id=status.message_id,
        )
        return status.message_id, status.text
    return await messages.post(
        client.http, status.text, channel_id=status.channel_id, nonce=f"s{status.room_id.hex}"
    )
