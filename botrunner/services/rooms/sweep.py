"""Cleans up after what went wrong with rooms, over REST, whether the bot runs or not.

Each sweep looks at Discord and the rows as they are, and each thing that it does is looked at
again just before: it needs to know nothing of the sweep before, and it can break off anywhere.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from botrunner.domain.rooms.sweep import Action, plan
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from botrunner.rest import DiscordRest
from botrunner.rest_errors import NoAnswerError, NoTokenError, RestError
from botrunner.services.rooms.sweep_actions import Sweeping
from botrunner.services.rooms.sweep_world import look
from community.domain.errors import RollcallError
from community.models import Guild, JobRun
from community.models.shard import shard_in_query
from community.services import leases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from community.domain.leases import Lease

logger = logging.getLogger(__name__)

JOB: Final = "botrunner.sweep_rooms"
LAST_GUILD: Final = "last_guild"
"""In a run's outcome: where the next one begins."""
_MOST_ERRORS: Final = 5
_MOST_UNANSWERED: Final = 3
_SWEEP: Final = 0x7377656570  # "sweep": the key of the lock that a sweep holds


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
        is_whole: whether it came to its end; not where time was up, or Discord asked for
            patience.
    """

    guild_id: int
    found: list[Done] = field(default_factory=list)
    error: RestError | None = None
    reads_log: bool = True
    is_whole: bool = True

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
    *,
    rest: DiscordRest,
    now: datetime,
    after: int | None = None,
    among: Collection[int] | None = None,
) -> list[GuildSweep]:
    """Sweeps guilds until all are swept, time is up, or Discord asks for patience.

    Args:
        rest: what Discord is asked with.
        now: when.
        after: the guild that was swept last: those with higher ids come first, of those that
            have something to be done as of the others.
        among: only these guilds; None for all.

    Raises:
        SweepRunsError: if another sweep runs.
    """
    with alone():
        return _swept(guilds_to_sweep(after=after, among=among), rest=rest, now=now)


def look_at_all(
    *, rest: DiscordRest, now: datetime, among: Collection[int] | None = None
) -> list[GuildSweep]:
    """Tells what a sweep would do, and does nothing.

    Args:
        rest: what Discord is asked with.
        now: when.
        among: only these guilds; None for all.
    """
    return _swept(guilds_to_sweep(among=among), rest=rest, now=now, dry_run=True)


def sweep_shard(
    lease: Lease, *, rest: DiscordRest, now: datetime, swept: Collection[int] = ()
) -> list[GuildSweep]:
    """Sweeps the guilds of a shard beside the bot that serves it, as far as it gets.

    What rooms ask for is left to the bot: here goes what is nobody's.

    Args:
        lease: the shard's.
        rest: what Discord is asked with.
        now: when.
        swept: guilds that need not be swept any more.

    Raises:
        LeaseLostError: if the shard is another bot's.
        SweepRunsError: if another sweep runs.
    """
    leases.check(lease)
    shard = shard_in_query(F("pk"), lease.shard_count)
    ours = Guild.objects.annotate(shard=shard).filter(shard=lease.shard_id).exclude(pk__in=swept)
    guild_ids = guilds_to_sweep(among=ours.values("pk"))
    if not guild_ids:
        return []
    with alone():
        return _swept(guild_ids, rest=rest, now=now, bot_works=True)


def _swept(
    guild_ids: Iterable[int],
    *,
    rest: DiscordRest,
    now: datetime,
    dry_run: bool = False,
    bot_works: bool = False,
) -> list[GuildSweep]:
    swept: list[GuildSweep] = []
    unanswered = 0
    for guild_id in guild_ids:
        swept.append(
            sweep_guild(
                guild_id, rest=rest, now=now + rest.spent, dry_run=dry_run, bot_works=bot_works
            )
        )
        unanswered = unanswered + 1 if isinstance(swept[-1].error, NoAnswerError) else 0
        swept[-1].is_whole = not rest.is_over
        # One guild's trouble is its own; that of several in a row is Discord's.
        if rest.is_over or unanswered == _MOST_UNANSWERED:
            break
    return swept


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sweep of guilds came to, for the record.

    Attributes:
        found: how many things were to be done.
        outcome: numbers and ids, and what was in the way.
    """

    found: int
    outcome: dict[str, Any]


def sweep_now(*, now: datetime) -> Summary:
    """Sweeps as the schedule does; not while a sweep runs.

    Args:
        now: when.
    """
    if not settings.DISCORD_TOKEN:
        return Summary(0, {"left_out": str(NoTokenError())})
    with DiscordRest() as rest:
        try:
            swept = sweep_all(rest=rest, now=now, after=last_guild_swept())
        except SweepRunsError as error:
            return Summary(0, {"left_out": str(error)})
    errors = {each.error for each in swept if each.error is not None}
    errors |= {each.error for guild in swept for each in guild.found if each.error is not None}
    outcome: dict[str, Any] = {
        "guilds": len(swept),
        "done": sum(guild.done for guild in swept),
        "without_log": sum(not guild.reads_log for guild in swept),
        "errors": sorted({str(error) for error in errors})[:_MOST_ERRORS],
    }
    if swept:
        # One that takes all the time there is by itself is not the first again.
        ended = [each for each in swept if each.is_whole] or swept[:1]
        outcome[LAST_GUILD] = str(ended[-1].guild_id)
    return Summary(sum(len(guild.found) for guild in swept), outcome)


def guilds_to_sweep(
    *, after: int | None = None, among: Collection[int] | QuerySet[Any, Any] | None = None
) -> list[int]:
    """Names the guilds in which there may be something of ours, urgent ones first.

    A channel of ours had a row first, so a guild without one has none.

    Args:
        after: the guild that was swept last.
        among: only these guilds; None for all.
    """
    present = Guild.objects.present().values("pk")
    if among is not None:
        present = present.filter(pk__in=among)
    rooms = Room.objects.order_by().filter(guild_id__in=present)
    # Of those in quarantine nothing is to be done at once, though a creation may be unheard of.
    urgent = rooms.filter(Q(state=RoomState.CLOSING) | Q(asked_at__isnull=False)).exclude(
        state=RoomState.QUARANTINED
    )
    first = set(urgent.values_list("guild_id", flat=True))
    quarantine = QuarantinedChannel.objects.order_by().filter(
        state=QuarantineState.OPEN, guild_id__in=present
    )
    others = {
        *rooms.values_list("guild_id", flat=True).distinct(),
        *quarantine.values_list("guild_id", flat=True).distinct(),
    } - first

    def turn(guild_id: int) -> tuple[bool, int]:
        return guild_id <= (after or 0), guild_id

    return sorted(first, key=turn) + sorted(others, key=turn)


def last_guild_swept() -> int | None:
    """Tells where the last run of the job left off."""
    runs = JobRun.objects.filter(job=JOB, outcome__has_key=LAST_GUILD).order_by("-started_at")
    outcome = runs.values_list("outcome", flat=True).first() or {}
    value = outcome.get(LAST_GUILD)
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def sweep_guild(
    guild_id: int,
    *,
    rest: DiscordRest,
    now: datetime,
    dry_run: bool = False,
    bot_works: bool = False,
) -> GuildSweep:
    """Finds what differs in a guild, and does what is to be done.

    Args:
        guild_id: the guild.
        rest: what Discord is asked with.
        now: when.
        dry_run: whether nothing is to be done.
        bot_works: whether the bot has in hand whatever a room asks for; else only what it
            touched lately.
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
    sweeping = Sweeping(guild_id, seen, rest, bot_works=bot_works)
    world = sweeping.world()
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
