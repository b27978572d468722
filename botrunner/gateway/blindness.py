"""What a shard can vouch for: up to when it saw everything, and which guilds it cannot see.

Pure bookkeeping. A connection vouches for what happens from READY or RESUMED until its
last frame. Between the reopening of the socket and RESUMED, what arrives was replayed: it
happened somewhere since the last frame that the connection before vouched for. READY
means that nothing was replayed: every guild is unseen since then, until its GUILD_CREATE.
A process that stood still (a paused machine, a starved event loop) vouches for nothing from
then on until it has caught up: what it reads may have waited for it.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf, nextafter
from typing import TYPE_CHECKING, Final

from sessions_app.domain import words
from sessions_app.domain.facts import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

# How long after READY a guild's GUILD_CREATE is waited for before it counts as an outage.
PATIENCE: Final = timedelta(seconds=60)
# How long a guild that READY did not list may still be stated before the bot counts as
# removed from it: Discord lists all of them, a second implementation may list none.
DOUBT: Final = timedelta(seconds=2)


NEVER_SEEN: Final = Unseen(None, words.CONNECTION_LOST)


def seconds_between(start: datetime, end: datetime) -> float:
    """Gives the seconds from start to end, at least 0, and never rounded down."""
    return nextafter(max(0.0, (end - start).total_seconds()), inf)


class Sight:
    """What one shard sees, over all the connections of its process."""

    def __init__(self, known: Mapping[int, Unseen], *, present: Iterable[int] = ()) -> None:
        """Starts blind.

        Args:
            known: guild id to the instant up to which the database's facts are complete,
                and why no more is known since.
            present: the guilds among them that the bot was in when last seen.
        """
        self.is_live = False
        self._complete_until: datetime | None = None
        self._unseen: dict[int, Unseen] = dict(known)
        self._present = set(present)
        self._awaited: set[int] = set()
        self._unlisted: set[int] = set()
        self._ready_at: datetime | None = None
        self._held: datetime | None = None
        self._stalled: datetime | None = None

    # The connection ------------------------------------------------------------------

    def opened(self) -> None:
        """A socket was opened: until READY or RESUMED, what arrives was replayed.

        Nothing of it waited in a socket before that.
        """
        self.is_live = False
        self._stalled = None

    def frame(self, at: datetime) -> None:
        """A frame arrived; where the connection is live, everything up to it was seen."""
        if self.is_live and self._stalled is None:
            self._complete_until = at

    def ready(self, listed: frozenset[int], at: datetime) -> None:
        """READY came: nothing is replayed, and every guild is unseen until it is stated."""
        if not (self._awaited or self._unlisted):
            self._held = self._complete_until
        for guild_id in self._present:
            lost = Unseen(self._complete_until, words.CONNECTION_LOST)
            self._unseen.setdefault(guild_id, lost)
        for guild_id in listed:
            self._unseen.setdefault(guild_id, NEVER_SEEN)
        self._unlisted = (self._present | self._unlisted) - listed
        self._present = set(listed)
        self._awaited = set(listed)
        self._ready_at = at
        self._live_from(at)

    def resumed(self, at: datetime) -> datetime | None:
        """RESUMED came: all that was missed has been replayed.

        Returns:
            Since when that was; None if nothing had been seen before.
        """
        since = self._complete_until
        self._live_from(at)
        return since

    def _live_from(self, at: datetime) -> None:
        """From now on all is heard as it happens: unless it waits in the socket since a stall."""
        self.is_live = True
        self._complete_until = at if self._stalled is None else min(at, self._stalled)

    # The process ------------------------------------------------------------------

    @property
    def is_stalled(self) -> bool:
        """Whether what arrives may have waited since before the process stood still."""
        return self._stalled is not None

    def stalled(self, since: datetime) -> None:
        """The process stood still: what arrives now may have waited since then.

        No longer than that, however long ago the last frame is: it would have been read.
        """
        if self._stalled is None:
            self._stalled = since
            if self.is_live and self._complete_until is not None:
                self._complete_until = min(self._complete_until, since)

    def caught_up(self, at: datetime) -> datetime | None:
        """All that had waited has arrived.

        Returns:
            Since when it may have waited; None if the process did not stand still, or if
            the connection is not live yet.
        """
        since = self._stalled if self.is_live else None
        if since is not None:
            self._stalled = None
            self._live_from(at)
        return since

    # Guilds ------------------------------------------------------------------

    def stated(self, guild_id: int, at: datetime) -> Unseen:
        """A guild was stated in full (GUILD_CREATE).

        Returns:
            Since when it was unseen: ``at`` where it was seen all along, None at its first
            ever sight.
        """
        unseen = self._unseen.pop(guild_id, None)
        if unseen is None:
            is_known = guild_id in self._present
            seen_until = self._seen_until(at)
            unseen = Unseen(seen_until, words.CONNECTION_LOST) if is_known else NEVER_SEEN
        self._present.add(guild_id)
        self._awaited.discard(guild_id)
        self._unlisted.discard(guild_id)
        return unseen

    def lost(self, guild_id: int, at: datetime) -> datetime | None:
        """A guild has an outage (GUILD_DELETE, unavailable).

        Returns:
            Since when it is unseen; None if it never was seen.
        """
        since = self._seen_until(at) if guild_id in self._present else None
        self._present.add(guild_id)
        self._awaited.discard(guild_id)
        self._unlisted.discard(guild_id)
        return self._unseen.setdefault(guild_id, Unseen(since, words.GUILD_OUTAGE)).since

    def left(self, guild_id: int, at: datetime) -> None:
        """The bot is no longer in a guild: unseen from now on, should it come back."""
        self._unseen.setdefault(guild_id, Unseen(at, words.BOT_REMOVED))
        self._present.discard(guild_id)
        self._awaited.discard(guild_id)
        self._unlisted.discard(guild_id)

    def overdue(self, at: datetime) -> dict[int, datetime | None]:
        """Takes the guilds that READY listed and that were not stated in good time.

        Returns:
            They have an outage: guild id to since when it is unseen, None if it never was.
        """
        if self._ready_at is None or at < self._ready_at + PATIENCE:
            return {}
        late = {guild_id: self._since(guild_id) for guild_id in self._awaited}
        self._awaited.clear()
        return late

    def removed(self, at: datetime) -> tuple[datetime, dict[int, datetime | None]] | None:
        """Takes the guilds that READY did not list and that nobody stated since.

        Returns:
            When READY came, and since when each of them is unseen; None if there are none.
        """
        if self._ready_at is None or not self._unlisted or at < self._ready_at + DOUBT:
            return None
        gone = {guild_id: self._since(guild_id) for guild_id in self._unlisted}
        self._unlisted.clear()
        return self._ready_at, gone

    # What can be said ------------------------------------------------------------------

    def sees(self, guild_id: int) -> bool:
        """Tells whether what happens in a guild is heard as it happens."""
        is_stated = guild_id in self._present and guild_id not in self._unseen
        return self.is_live and self._stalled is None and is_stated

    def uncertainty(self, guild_id: int | None, at: datetime) -> float:
        """Gives by how many seconds what arrived at ``at`` may have happened earlier.

        Args:
            guild_id: the guild that it speaks of.
            at: when it arrived.
        """
        since = self._since(guild_id) if self._unseen else None
        if since is None:
            since = self._stalled if self.is_live else self._complete_until
        return 0.0 if since is None else seconds_between(since, at)

    def complete_until(self) -> datetime | None:
        """Gives up to when everything was seen, outages apart; None if nothing was yet.

        While guilds are still to be stated, it stays where the gap before them began: a
        crash now must not take them for seen.
        """
        return self._held if self._awaited or self._unlisted else self._complete_until

    def _since(self, guild_id: int | None) -> datetime | None:
        unseen = None if guild_id is None else self._unseen.get(guild_id)
        return None if unseen is None else unseen.since

    def _seen_until(self, at: datetime) -> datetime | None:
        if not self.is_live:
            return self._complete_until
        return at if self._stalled is None else self._stalled
