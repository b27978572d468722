"""Does what a sweep has planned, each thing only while it is still to be done."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Left

from botrunner.domain.rooms.happenings import (
    ChannelGone,
    ChannelMade,
    DeletionFailed,
    MarkNotFound,
)
from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.sweep import Action, What, plan
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from botrunner.rest_errors import NotThereError, RateLimitedError, RefusedError, RestError
from botrunner.services.rooms.steps import tell
from botrunner.services.rooms.sweep_world import world_of

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.domain.rooms.happenings import Happening
    from botrunner.domain.rooms.sweep import World
    from botrunner.rest import DiscordRest
    from botrunner.services.rooms.sweep_world import Seen

logger = logging.getLogger(__name__)

BY_US: Final = "the sweep"
LONGEST_WHY: Final = 300
LONGEST_NAME: Final = 100


class Sweeping:
    """A guild's.

    Attributes:
        touched: by room, when the bot had it in hand last, where a step of our own came since.
    """

    def __init__(
        self, guild_id: int, seen: Seen, rest: DiscordRest, *, bot_works: bool = False
    ) -> None:
        """Goes by what Discord said, and asks more of it."""
        self.guild_id = guild_id
        self.seen = seen
        self.rest = rest
        self.bot_works = bot_works
        self.touched: dict[UUID, datetime] = {}

    def world(self) -> World:
        """Reads the rows as they are now."""
        return world_of(self.guild_id, self.seen, touched=self.touched, bot_works=self.bot_works)

    def do(self, action: Action, name: str, *, at: datetime) -> bool:
        """Does it; tells whether it was still to be done.

        Args:
            action: a thing of the plan.
            name: the channel's name; empty where it is not known.
            at: when.

        Raises:
            RestError: if Discord did not do it.
        """
        match action:
            case Action(What.BIND, int(channel_id), UUID() as room_id):
                is_done = self._bind(action, channel_id, room_id, at=at)
            case Action(What.DELETE, int(channel_id), UUID() as room_id):
                is_done = self._delete(action, channel_id, room_id, at=at)
            case _:
                is_done = self._is_wanted(action, at)
                if is_done:
                    self._write(action, name, at=at)
        if not is_done:
            return False
        logger.info(
            "Swept guild %s: %s channel %s of room %s: %s",
            self.guild_id,
            action.what,
            action.channel_id,
            action.room_id,
            action.why,
        )
        return True

    def _is_wanted(self, action: Action, at: datetime) -> bool:
        """Plans anew by the rows as they are now: the bot and staff may have been quicker."""
        world = self.world()
        return any(
            (each.what, each.channel_id, each.room_id)
            == (action.what, action.channel_id, action.room_id)
            for each in plan(world, at=at)
        )

    def _write(self, action: Action, name: str, *, at: datetime) -> None:
        """Does what is about rows alone, and takes nothing out of staff's hands."""
        match action:
            case Action(What.FORGET, channel_id, room_id):
                self._forget(action, channel_id, room_id, at)
            case Action(What.QUARANTINE, int(channel_id)):
                quarantine(
                    self.guild_id,
                    channel_id,
                    name=name,
                    why=action.why,
                    is_untold=action.is_untold,
                    now=at,
                )

    def _bind(self, action: Action, channel_id: int, room_id: UUID, *, at: datetime) -> bool:
        # Whoever decides about either waits, and is too late; else it is seen here. The room
        # goes first, as where staff adopt one; so the bot, which writes of it, is not kept
        # waiting by staff who have Discord delete the channel.
        with transaction.atomic():
            Room.objects.locked().filter(pk=room_id).first()
            if not _hold_at_once(channel_id) or not self._is_wanted(action, at):
                return False
            _tell(action, room_id, ChannelMade(channel_id), at)
            _settle(action, channel_id, QuarantineState.ADOPTED, at)
        return True

    def _forget(
        self, action: Action, channel_id: int | None, room_id: UUID | None, at: datetime
    ) -> None:
        if room_id is not None:
            gone = MarkNotFound() if channel_id is None else ChannelGone(channel_id)
            _tell(action, room_id, gone, at)
        if channel_id is not None:
            _settle(action, channel_id, QuarantineState.GONE, at)

    def _delete(self, action: Action, channel_id: int, room_id: UUID, *, at: datetime) -> bool:
        with transaction.atomic():
            shown = _hold(channel_id)
            if not self._is_wanted(action, at):
                return False
            # Whoever decides from now on is too late, and waits for nobody. Where this breaks
            # off, the next sweep deletes it: that it may rests on no decision.
            _settle(action, channel_id, QuarantineState.DELETED, at)
        try:
            self.rest.delete_channel(channel_id, reason=reason_of(room_id, f"swept, {action.why}"))
        except NotThereError:
            pass
        except RestError as error:
            if shown is not None:
                _show_again(shown)
            self._not_deleted(action, channel_id, room_id, error=error, at=at)
            raise
        _tell(action, room_id, ChannelGone(channel_id), at)
        return True

    def _not_deleted(
        self, action: Action, channel_id: int, room_id: UUID, *, error: RestError, at: datetime
    ) -> None:
        """Writes down what is in the way, so that staff see it; the next sweep tries again.

        Of a channel without a live room it stands in the sweep's run.
        """
        is_refusal = isinstance(error, RefusedError)
        wait = error.wait if isinstance(error, RateLimitedError) else timedelta(0)
        logger.warning(
            "Channel %s of room %s of guild %s could not be deleted: %s",
            channel_id,
            room_id,
            self.guild_id,
            error,
        )
        # A twin's refusal is no failure of the room, which has another channel.
        closing = Room.objects.filter(pk=room_id, channel_id=channel_id, state=RoomState.CLOSING)
        if closing.exists():
            failed = DeletionFailed(error.code, is_refusal, wait)
            _tell(action, room_id, failed, at, words=str(error))


def quarantine(
    guild_id: int, channel_id: int, *, name: str, why: str, now: datetime, is_untold: bool = False
) -> None:
    """Shows a channel to staff, again where it was done with; one left alone stays so.

    Of one that they are shown already it says why, as far as that is known by now.

    Args:
        guild_id: the guild.
        channel_id: the channel.
        name: its name.
        why: why it is shown.
        now: when.
        is_untold: whether only the audit log is in the way, which does not tell who made it.
    """
    fresh = {
        "guild_id": guild_id,
        "name": (name or str(channel_id))[:LONGEST_NAME],
        "why": why[:LONGEST_WHY],
        "is_untold": is_untold,
        "found_at": now,
    }
    _, is_new = QuarantinedChannel.objects.get_or_create(channel_id=channel_id, defaults=fresh)
    if is_new:
        return
    rows = QuarantinedChannel.objects.filter(channel_id=channel_id)
    rows.filter(state=QuarantineState.OPEN).update(why=fresh["why"], is_untold=is_untold)
    rows.exclude(state__in=[QuarantineState.OPEN, QuarantineState.LEFT_ALONE]).update(
        state=QuarantineState.OPEN, decided_at=None, decided_by="", **fresh
    )


def _hold(channel_id: int) -> QuarantinedChannel | None:
    """Gives what staff are to decide about a channel, if anything.

    It is locked to the transaction's end: whoever decides waits.
    """
    rows = QuarantinedChannel.objects.select_for_update()
    return rows.filter(channel_id=channel_id, state=QuarantineState.OPEN).first()


def _hold_at_once(channel_id: int) -> bool:
    """Locks what staff are to decide about a channel, if anything, unless they are at it."""
    rows = QuarantinedChannel.objects.filter(channel_id=channel_id, state=QuarantineState.OPEN)
    held = rows.select_for_update(skip_locked=True).first()
    return held is not None or not rows.exists()


def _show_again(shown: QuarantinedChannel) -> None:
    """Leaves to staff what was settled too early."""
    settled = QuarantinedChannel.objects.filter(pk=shown.pk, state=QuarantineState.DELETED)
    settled.update(state=QuarantineState.OPEN, decided_at=None, decided_by="", why=shown.why)


def _settle(action: Action, channel_id: int, state: QuarantineState, at: datetime) -> None:
    """Settles a channel about which staff need not decide any more, and says why."""
    words = Value(f" Settled by {BY_US}: {action.why}.")
    QuarantinedChannel.objects.filter(channel_id=channel_id, state=QuarantineState.OPEN).update(
        state=state,
        decided_at=at,
        decided_by=BY_US,
        why=Left(Concat(F("why"), words), LONGEST_WHY),
    )


def _tell(
    action: Action, room_id: UUID, happening: Happening, at: datetime, *, words: str = ""
) -> None:
    tell(room_id, happening, at=at, words=words or f"Found by {BY_US}: {action.why}")
