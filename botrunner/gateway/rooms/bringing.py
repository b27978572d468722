"""Brings what members see of a room, and the room's channel, in line with its row."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from botrunner.domain.rooms.refusals import UNKNOWN_CHANNEL, UNKNOWN_MESSAGE
from botrunner.gateway.asked_once import NotSentError, RefusedError
from botrunner.gateway.payload import UnreadableError
from botrunner.gateway.questions import NotAnsweredError
from botrunner.gateway.rooms import changes, messages
from botrunner.gateway.rooms.messages import TokenVoidError
from botrunner.gateway.rooms.outcome import Outcome
from botrunner.gateway.rooms.panel import panel_components
from botrunner.services.rooms import applying, showing, troubles
from botrunner.services.rooms.applying import Later

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection
    from uuid import UUID

    import discord

    from botrunner.gateway.clock import Clock
    from botrunner.gateway.rooms.records import Records
    from botrunner.services.rooms.applying import Change
    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

STATUS: Final = "status"
PANEL: Final = "panel"
RENAME: Final = "rename"
CHANGE: Final = "change"

CONNECTION_SECONDS: Final = 0.25
REFUSED_SECONDS: Final = 60.0
"""Buttons that were refused are tried again so much later: somebody may give the permission."""


class Bringing:
    """One thing at a time, for the lanes of a shard's rooms."""

    def __init__(
        self,
        *,
        lease: Lease,
        records: Records,
        clock: Clock,
        rest: Callable[[tuple[str, UUID], float], Outcome],
        unanswered: Callable[[tuple[int, int]], asyncio.Event | None],
    ) -> None:
        """Knows no room yet.

        Args:
            lease: the shard's; who has lost it brings nothing in line.
            records: the way to the rows.
            clock: tells when.
            rest: has a lane wait for so many seconds, and says until when.
            unanswered: gives what is set when a member, by guild and user id, has the answer
                to their request; None where they wait for none.
        """
        self._lease = lease
        self._records = records
        self._clock = clock
        self._rest = rest
        self._unanswered = unanswered
        self._panels: dict[UUID, str | None] = {}
        self._refusals: dict[UUID, str] = {}

    def panel_differs(self, room_id: UUID, text: str) -> bool:
        """Tells whether a room's buttons say something else, as far as is known."""
        return self._panels.get(room_id, "") not in {text, None}

    def forget(self, known: Collection[UUID]) -> None:
        """Forgets all rooms but these."""
        for room_id in self._panels.keys() - set(known):
            del self._panels[room_id]
        for room_id in self._refusals.keys() - set(known):
            del self._refusals[room_id]

    async def step(self, kind: str, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Does one thing; None where there is nothing to do."""
        if kind == STATUS:
            return await self._status(room_id, client)
        if kind == PANEL:
            return await self._panel(room_id, client)
        if kind == RENAME:
            return await self._rename(room_id, client)
        return await self._change(room_id, client)

    async def _status(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Has the asker's message say how the room stands."""
        status = await self._records.at(
            showing.begin_status, room_id, lease=self._lease, now=self._clock.now()
        )
        if status is None:
            return None
        answering = self._unanswered(status.asker)
        if answering is not None:
            # The row comes before the answer: what is to be edited is about to be there.
            await answering.wait()
            return Outcome()
        try:
            message_id, said = await messages.write_status(client, status)
        except TokenVoidError:
            await self._records.at(showing.token_void, room_id)
            return Outcome()
        except RefusedError as error:
            if status.token and error.number != UNKNOWN_MESSAGE:
                # The bot's own right to write there may reach further.
                await self._records.at(showing.token_void, room_id)
                return Outcome()
            await self._note(room_id, troubles.STATUS_GONE, words_of(error))
            await self._records.at(showing.status_gone, room_id)
            return None
        await self._records.at(
            showing.status_shown, replace(status, text=said), message_id=message_id
        )
        return Outcome()

    async def _panel(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Has the message with the buttons say whose room it is, and when it ends."""
        panel = await self._records.at(showing.begin_panel, room_id, lease=self._lease)
        if panel is None or self._panels.get(room_id, "") in {panel.text, None}:
            return None
        try:
            if panel.message_id is not None:
                await messages.edit(
                    client.http,
                    panel.text,
                    channel_id=panel.channel_id,
                    message_id=panel.message_id,
                )
            else:
                message_id, said = await messages.post(
                    client.http,
                    panel.text,
                    channel_id=panel.channel_id,
                    nonce=room_id.hex,
                    components=panel_components(room_id),
                )
                await self._records.at(showing.panel_shown, room_id, message_id=message_id)
                self._panels[room_id] = said
                return Outcome()
        except RefusedError as error:
            return await self._panel_refused(room_id, error)
        self._panels[room_id] = panel.text
        return Outcome()

    async def _panel_refused(self, room_id: UUID, error: RefusedError) -> Outcome | None:
        """Has staff read why there are no buttons; a message that was deleted stays so."""
        if self._refusals.get(room_id) != error.text:
            await self._note(room_id, troubles.BUTTONS_REFUSED, words_of(error))
            self._refusals[room_id] = error.text
        if error.number == UNKNOWN_MESSAGE:
            self._panels[room_id] = None
            return None
        return self._rest((PANEL, room_id), REFUSED_SECONDS)

    async def _note(self, room_id: UUID, happening: str, words: str) -> None:
        logger.info("Room %s: %s: %s", room_id, happening, words)
        await self._records.at(
            troubles.note, room_id, happening, words=words, now=self._clock.now()
        )

    async def _rename(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Renames a room, where Discord takes a rename already."""
        work = await self._records.at(
            applying.begin_rename, room_id, lease=self._lease, now=self._clock.now()
        )
        if work is None:
            return None
        if isinstance(work, Later):
            return Outcome(later=work.at, is_limited=True)
        try:
            await changes.rename(client.http, work)
        except NotSentError as error:
            await self._records.insist(applying.rename_not_sent, work)
            await self._records.at(
                troubles.note,
                room_id,
                troubles.RENAME_WAITS,
                words=str(error),
                now=self._clock.now(),
            )
            rest = self._rest((RENAME, room_id), messages.wait_of(error))
            logger.info("Room %s: its new name waits: %s", room_id, error)
            return Outcome(later=rest.later, is_limited=error.wait > 0)
        except RefusedError as error:
            words = await self._refused(error, room_id, work.channel_id)
            await self._records.insist(
                applying.rename_refused, work, now=self._clock.now(), words=words
            )
            return Outcome(refusal=words)
        await self._records.insist(applying.renamed, work, now=self._clock.now())
        return Outcome()

    async def _change(self, room_id: UUID, client: discord.Client) -> Outcome | None:
        """Brings a room's limit, and who may enter it, in line with its row."""
        if client.user is None:
            return self._rest((CHANGE, room_id), CONNECTION_SECONDS)
        work = await self._begin_change(room_id, client.user.id)
        if work is None:
            return None
        refusal = await self._bring(work, client)
        if not refusal:
            return Outcome()
        work = await self._begin_change(room_id, client.user.id)
        if work is None or not work.puts_back:
            return Outcome(refusal=refusal)
        try:
            await self._bring(work, client)
        except (NotSentError, NotAnsweredError) as error:
            # What was refused is what somebody waits to read; the rest comes later.
            await self._note(room_id, troubles.CHANGE_WAITS, str(error))
            rest = self._rest((CHANGE, room_id), messages.wait_of(error))
            return Outcome(refusal=refusal, later=rest.later)
        return Outcome(refusal=refusal)

    async def _begin_change(self, room_id: UUID, bot_id: int) -> Change | None:
        return await self._records.at(
            applying.begin_change, room_id, lease=self._lease, bot_id=bot_id
        )

    async def _bring(self, work: Change, client: discord.Client) -> str:
        """Asks Discord for all of a change, and writes what came of it; gives its refusal."""
        refusal = ""
        done = []
        try:
            for part, bring in changes.PARTS.items():
                await bring(client.http, work)
                done.append(part)
        except RefusedError as error:
            refusal = await self._refused(error, work.room_id, work.channel_id)
        except UnreadableError as error:
            raise NotAnsweredError from error
        await self._records.insist(
            applying.settle_change, work, now=self._clock.now(), refusal=refusal, done=done
        )
        return refusal

    async def _refused(self, error: RefusedError, room_id: UUID, channel_id: int) -> str:
        """Writes down that a channel is gone, if that is what Discord says; gives its words."""
        if error.number == UNKNOWN_CHANNEL:
            await self._records.insist(
                applying.channel_gone, room_id, channel_id, now=self._clock.now()
            )
        return words_of(error)


def words_of(error: RefusedError) -> str:
    """Gives what Discord said, with its number."""
    return f"{error.text} ({error.number})" if error.number else error.text
