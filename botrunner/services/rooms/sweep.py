"""Cleans up after what went wrong with rooms, over REST, whether the bot runs or not.

Each sweep looks at Discord and the rows as they are, and each thing that it does is looked at
again just before: it needs to know nothing of the sweep before, and it can break off anywhere.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection
from django.db.models import Q

from botrunner.domain.rooms.happenings import (
    ChannelGone,
    ChannelMade,
    DeletionFailed,
    Happening,
    MarkNotFound,
)
from botrunner.domain.rooms.marks import reason_of
from botrunner.domain.rooms.sweep import Action, What, plan
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from botrunner.rest import (
    DiscordRest,
    NoAnswerError,
    NotThereError,
    RateLimitedError,
    RefusedError,
    RestError,
)
from botrunner.services.rooms.steps import tell
from botrunner.services.rooms.sweep_world import look, world_of
from community.domain.errors import RollcallError
from community.models import Guild, JobRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from botrunner.services.rooms.sweep_world import Seen

logger = logging.getLogger(__name__)

JOB: Final = "botrunner.sweep_rooms"
BY_US: Final = "the sweep"
LAST_GUILD: Final = "last_guild"
"""In a run's outcome: where the next one begins."""
_SWEEP: Final = 0x7377656570  # "sweep": the key of the lock that a sweep holds
_LONGEST_WHY: Final = 300


class SweepRunsError(RollcallError):
    """A sweep of the rooms runs just now: try again in a minute."""

    code = "room.sweep_runs"


@dataclass(frozen=True, slots=True)
class Done:
    """One thing of a plan, and what came of it.

    Attributes:
        action: the thing.
        name: the channel's name; empty where it is not known.
        is_done: whether it was done; never in a dry run.
        error: what was in the way.
    """

    action: Action
    name: str
    is_done: bool = False
    error: RestError | None = None


@dataclass(slots=True)
class GuildSweep:
    """What a sweep found in a guild.

    Attributes:
        guild_id: the guild.
        found: what was to be done.
        error: why Discord could not be asked about the guild; nothing is known then.
        reads_log: whether the audit log, which proves what is ours, may be read.
    """

    guild_id: int
    found: list[Done] = field(default_factory=list)
    error: RestError | None = None
    reads_log: bool = True

    @property
    def done(self) -> int:
        """How much of it was done."""
        return sum(each.is_done for each in self.found)


@contextmanager
def alone() -> Iterator[None]:
    """Holds the lock that lets one sweep run at a time.

    Raises:
        SweepRunsError: if another one holds it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_SWEEP])
        (is_mine,) = cursor.fetchone()
        if not is_mine:
            raise SweepRunsError
    try:
        yield
    finally:
        # A connection that was lost has lost the lock, too.
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_SWEEP])


def sweep_all(
    *, rest: DiscordRest, now: datetime, dry_run: bool = False, after: int | None = None
) -> list[GuildSweep]:
    """Sweeps guilds until all are swept, time is up, or Discord asks for patience.

    Args:
        rest: what Discord is asked with.
        now: when.
        dry_run: whether nothing is to be done.
        after: the guild that was swept last: those with higher ids come first, after those
            that have something to be done.

    Raises:
        SweepRunsError: if another sweep runs.
    """
    swept: list[GuildSweep] = []
    if not settings.DISCORD_TOKEN:
        return swept
    with alone():
        for guild_id in guilds_to_sweep(after=after):
            swept.append(sweep_guild(guild_id, rest=rest, now=now + rest.spent, dry_run=dry_run))
            if rest.is_over or isinstance(swept[-1].error, NoAnswerError):
                break
    return swept


def sweep_once_at_start(*, now: datetime) -> list[GuildSweep]:
    """Sweeps when the bot starts; nothing where a sweep runs already."""
    with DiscordRest() as rest:
        try:
            return sweep_all(rest=rest, now=now)
        except SweepRunsError:
            return []


def guilds_to_sweep(*, after: int | None = None) -> list[int]:
    """Names the guilds in which there may be something of ours, urgent ones first.

    A channel of ours had a row first, so a guild without one has none.

    Args:
        after: the guild that was swept last.
    """
    present = Guild.objects.present().values("pk")
    rooms = Room.objects.order_by().filter(guild_id__in=present)
    urgent = rooms.filter(
        Q(state=RoomState.CLOSING) | Q(asked_at__isnull=False) | Q(state=RoomState.QUARANTINED)
    )
    first = sorted(set(urgent.values_list("guild_id", flat=True)))
    quarantine = QuarantinedChannel.objects.order_by().filter(
        state=QuarantineState.OPEN, guild_id__in=present
    )
    others = {
        *rooms.values_list("guild_id", flat=True).distinct(),
        *quarantine.values_list("guild_id", flat=True).distinct(),
    } - set(first)
    return first + sorted(others, key=lambda guild_id: (guild_id <= (after or 0), guild_id))


def last_guild_swept() -> int | None:
    """Tells where the last run of the job left off."""
    runs = JobRun.objects.filter(job=JOB, finished_at__isnull=False).order_by("-started_at")
    outcome = runs.values_list("outcome", flat=True).first() or {}
    value = outcome.get(LAST_GUILD)
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def sweep_guild(
    guild_id: int, *, rest: DiscordRest, now: datetime, dry_run: bool = False
) -> GuildSweep:
    """Finds what differs in a guild, and does what is to be done.

    Args:
        guild_id: the guild.
        rest: what Discord is asked with.
        now: when.
        dry_run: whether nothing is to be done.
    """
    sweep = GuildSweep(guild_id)
    began = rest.spent
    try:
        seen = look(guild_id, rest=rest, now=now)
    except RestError as error:
        logger.warning("Rooms of guild %s could not be swept: %s", guild_id, error)
        sweep.error = error
        return sweep
    sweep.reads_log = seen.log_since is not None
    world = world_of(guild_id, seen)
    sweeping = _Sweeping(guild_id, seen, rest)
    for action in plan(world, at=now):
        at = now + (rest.spent - began)
        name = world.channels[action.channel_id].name if action.channel_id in world.channels else ""
        if dry_run:
            sweep.found.append(Done(action, name))
            continue
        try:
            is_done = sweeping.do(action, name, at=at)
        except RestError as error:
            sweep.found.append(Done(action, name, error=error))
            if rest.is_over:
                break
        else:
            sweep.found.append(Done(action, name, is_done))
        if action.room_id in world.rooms:
            # What is in hand now is in our own.
            sweeping.touched[action.room_id] = world.rooms[action.room_id].touched_at
    return sweep


class _Sweeping:
    """Does what is planned for a guild, each thing only while it is still to be done."""

    def __init__(self, guild_id: int, seen: Seen, rest: DiscordRest) -> None:
        self.guild_id = guild_id
        self.seen = seen
        self.rest = rest
        self.touched: dict[UUID, datetime] = {}

    def do(self, action: Action, name: str, *, at: datetime) -> bool:
        """Does it; tells whether it was still to be done.

        Raises:
            RestError: if Discord did not do it.
        """
        if not self._is_wanted(action, at):
            return False
        match action.what:
            case What.FORGET:
                self._forget(action, at)
            case What.BIND:
                assert action.channel_id is not None
                self._tell(action, ChannelMade(action.channel_id), at)
                _decide(action.channel_id, QuarantineState.ADOPTED, at)
            case What.DELETE:
                self._delete(action, name, at)
            case What.QUARANTINE:
                assert action.channel_id is not None
                quarantine(self.guild_id, action.channel_id, name=name, why=action.why, now=at)
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
        world = world_of(self.guild_id, self.seen, touched=self.touched)
        return any(
            (each.what, each.channel_id, each.room_id)
            == (action.what, action.channel_id, action.room_id)
            for each in plan(world, at=at)
        )

    def _forget(self, action: Action, at: datetime) -> None:
        if action.channel_id is None:
            self._tell(action, MarkNotFound(), at)
            return
        if action.room_id is not None:
            self._tell(action, ChannelGone(action.channel_id), at)
        _decide(action.channel_id, QuarantineState.GONE, at)

    def _delete(self, action: Action, name: str, at: datetime) -> None:
        assert action.channel_id is not None
        assert action.room_id is not None
        try:
            self.rest.delete_channel(
                action.channel_id, reason=reason_of(action.room_id, f"swept, {action.why}")
            )
        except NotThereError:
            pass
        except RestError as error:
            self._not_deleted(action, name, error, at)
            raise
        self._tell(action, ChannelGone(action.channel_id), at)
        _decide(action.channel_id, QuarantineState.DELETED, at)

    def _not_deleted(self, action: Action, name: str, error: RestError, at: datetime) -> None:
        """Writes down what is in the way, so that staff see it; the next sweep tries again."""
        assert action.channel_id is not None
        is_refusal = isinstance(error, RefusedError)
        wait = error.wait if isinstance(error, RateLimitedError) else timedelta(0)
        logger.warning(
            "Channel %s of room %s of guild %s could not be deleted: %s",
            action.channel_id,
            action.room_id,
            self.guild_id,
            error,
        )
        self._tell(action, DeletionFailed(error.code, is_refusal, wait), at, words=str(error))
        is_its_own = Room.objects.filter(pk=action.room_id, channel_id=action.channel_id).exclude(
            state__in=[RoomState.CLOSED, RoomState.FAILED]
        )
        if is_refusal and not is_its_own.exists():
            why = f"Is ours and to go ({action.why}), but: {error}"
            quarantine(self.guild_id, action.channel_id, name=name, why=why, now=at)

    def _tell(self, action: Action, happening: Happening, at: datetime, *, words: str = "") -> None:
        assert action.room_id is not None
        tell(action.room_id, happening, at=at, words=words or f"Found by {BY_US}: {action.why}")


def quarantine(guild_id: int, channel_id: int, *, name: str, why: str, now: datetime) -> None:
    """Shows a channel to staff, again where it had been gone; what they decided stays decided."""
    row, is_new = QuarantinedChannel.objects.get_or_create(
        channel_id=channel_id,
        defaults={
            "guild_id": guild_id,
            "name": name[:100],
            "why": why[:_LONGEST_WHY],
            "found_at": now,
        },
    )
    if not is_new and row.state in {
        QuarantineState.GONE,
        QuarantineState.DELETED,
        QuarantineState.ADOPTED,
    }:
        row.state = QuarantineState.OPEN
        row.why = why[:_LONGEST_WHY]
        row.found_at, row.decided_at, row.decided_by = now, None, ""
        row.save(update_fields=["state", "why", "found_at", "decided_at", "decided_by"])


def _decide(channel_id: int, state: QuarantineState, at: datetime) -> None:
    """Settles a channel that no longer needs staff."""
    QuarantinedChannel.objects.filter(channel_id=channel_id, state=QuarantineState.OPEN).update(
        state=state, decided_at=at, decided_by=BY_US
    )
