"""What a shard makes of its frames: facts and directory events, stamped, in order."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botrunner.gateway import translate
from botrunner.gateway.blindness import seconds_between
from botrunner.gateway.directory_feed import DirectoryFeed
from botrunner.gateway.figures import Figures
from botrunner.gateway.guild_feed import GuildFeed
from botrunner.gateway.payload import (
    Payload,
    UnreadableError,
    guild_of,
    mapping,
    snowflake,
    snowflake_or_none,
)
from botrunner.gateway.rooms.effects import mark_in
from botrunner.gateway.scheduled_feed import ScheduledFeed
from botrunner.gateway.stalls import NOTED_SECONDS, Stalls
from sessions_app.domain import words
from sessions_app.domain.facts import GapReplayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.clock import Clock
    from botrunner.gateway.interests import Interests
    from botrunner.gateway.members import MemberRequests

logger = logging.getLogger(__name__)

RECONNECT: Final = 7
INVALID_SESSION: Final = 9
HEARTBEAT_ACK: Final = 11


class Feed:
    """The tap's sink of one shard. It outlives the shard's clients and connections."""

    def __init__(
        self,
        *,
        shard_id: int,
        sight: Sight,
        clock: Clock,
        put: Callable[[float, object], None],
        requests: MemberRequests,
        interests: Interests,
        channel_made: Callable[[UUID, int], None] = lambda _room, _channel: None,
        has_members_intent: bool,
        figures: Figures | None = None,
        stall_seconds: float | None = None,
    ) -> None:
        """Connects what is heard with where it goes.

        Args:
            shard_id: for the log.
            sight: what the shard can vouch for.
            clock: stamps arrivals.
            put: takes a thing for the writer, with the instant of its arrival.
            requests: the guilds whose members are asked for.
            interests: asks who is interested in scheduled events.
            channel_made: told of each room whose channel the audit log says was made.
            has_members_intent: whether members are stated and their changes told.
            figures: counted up; None for figures of its own.
            stall_seconds: after so long without a tick the process stood still; None for
                :data:`botrunner.gateway.stalls.STALL_SECONDS`.
        """
        self.sight = sight
        self.has_heard = asyncio.Event()
        self.has_stalled = asyncio.Event()
        self._figures = figures or Figures()
        self._shard_id = shard_id
        self._clock = clock
        self._put_at = put
        self._requests = requests
        self._channel_made = channel_made
        self._directory = DirectoryFeed(
            sight=sight,
            requests=requests,
            put=self._put,
            watches_members=has_members_intent,
        )
        self._scheduled = ScheduledFeed(interests=interests, put=self._put)
        self.guilds = GuildFeed(
            sight=sight,
            requests=requests,
            directory=self._directory,
            scheduled=self._scheduled,
            put=self._put,
            could_not_read=self._could_not_read,
            has_members_intent=has_members_intent,
        )
        self._fatal: set[tuple[str, object]] = set()
        self._elapsed = clock.elapsed()
        self._stalls = Stalls(self._elapsed, patience=stall_seconds)
        self._at = clock.at(self._elapsed)
        self._user_id = ""
        self._has_opened = False
        self._handlers: dict[str, Callable[[Payload], bool]] = {
            "READY": self._ready,
            "RESUMED": self._resumed,
            "GUILD_AUDIT_LOG_ENTRY_CREATE": self._audit_log_entry,
            "VOICE_STATE_UPDATE": self._voice_state,
        }
        for name, tell in (self.guilds.handlers | self._directory.handlers).items():
            self._handlers[name] = partial(self._tell, tell)
        for name, tell in self._scheduled.handlers.items():
            self._handlers[name] = partial(self._keep, tell)

    @property
    def heard_at(self) -> float:
        """The instant of the clock's ``elapsed`` at which the last frame arrived."""
        return self._elapsed

    @property
    def user_id(self) -> str:
        """The bot's own user id; empty until Discord has said it."""
        return self._user_id

    # What the tap tells ------------------------------------------------------------------

    def opened(self) -> None:
        """A new connection's socket is open."""
        self.sight.opened()
        self._has_opened = True
        self._figures.connections += 1
        self._stalls.opened()
        logger.info("Shard %s: connection opened", self._shard_id)

    def frame(self, elapsed: float) -> None:
        """A frame arrived."""
        if self._stalls.is_late(elapsed):
            self.tick(elapsed)
        self._elapsed = elapsed
        self._at = self._clock.at(elapsed)
        self.has_heard.set()

    def understood(self) -> None:
        """What the frame says was read: all that happened before it was sent was seen."""
        self.sight.frame(self._at)

    def beat_sent(self) -> None:
        """A heartbeat is on its way; Discord answers each, in order."""
        self._stalls.beat_sent()

    def control(self, op: int, data: object) -> None:
        """A frame that is no event."""
        if op == HEARTBEAT_ACK:
            if self._stalls.beat_answered():
                self._caught_up()
        elif op == RECONNECT:
            logger.info("Shard %s: Discord asks to reconnect", self._shard_id)
        elif op == INVALID_SESSION:
            logger.info("Shard %s: session invalid, resumable: %s", self._shard_id, data is True)

    def event(self, name: str, payload: Any) -> bool:
        """An event's raw payload; tells whether discord.py is to see it too.

        One that cannot be read is counted and logged without its content.
        """
        self._figures.events[name] += 1
        try:
            passes_on = self._handlers[name](mapping(payload, name))
            return passes_on and (name, guild_of(payload)) not in self._fatal
        except UnreadableError as error:
            self._could_not_read(name, str(error))
            # discord.py ends the connection over what it cannot read.
            return name != "VOICE_STATE_UPDATE" and name not in self._scheduled.handlers

    def threw(self, name: str, payload: Any) -> None:
        """discord.py ends the client over an event; over the next of its kind it shall not.

        A guild's statement comes anew with each connection: shown again, it would keep the
        whole shard from ever staying connected.
        """
        guild_id = guild_of(payload)
        if guild_id is not None:
            self._fatal.add((name, guild_id))
            logger.error(
                "Shard %s: discord.py throws at %s of guild %s and sees no more of them",
                self._shard_id,
                name,
                guild_id,
            )

    # The process ------------------------------------------------------------------

    def tick(self, elapsed: float) -> None:
        """The event loop runs, ten times a second; where it did not, it stood still.

        What has waited in the socket meanwhile arrives now. Until Discord has answered a
        heartbeat that is sent from now on, each frame may have waited since the last tick.
        """
        is_late = self._stalls.is_late(elapsed)
        ticked = self._stalls.tick(elapsed)
        if is_late and self._has_opened:
            self.sight.stalled(self._clock.at(ticked))
            self._stalls.stood_still()
            self.has_stalled.set()
            length = elapsed - ticked
            level = logging.WARNING if length >= NOTED_SECONDS else logging.INFO
            logger.log(level, "Shard %s: stood still for %.1f s", self._shard_id, length)

    def _went_live(self) -> None:
        """Where the process stood still since the socket was opened, proof is asked for now."""
        if self.sight.is_stalled:
            self.has_stalled.set()

    def catching_up(self) -> None:
        """The next heartbeat is sent after a stall: with its answer all has arrived."""
        self._stalls.catching_up()

    def _caught_up(self) -> None:
        since = self.sight.caught_up(self._at)
        if since is not None and seconds_between(since, self._at) >= NOTED_SECONDS:
            self._put(GapReplayed(since=since, at=self._at, cause=words.BOT_DOWN))

    # The connection ------------------------------------------------------------------

    def _ready(self, payload: Payload) -> bool:
        listed = translate.ready_guild_ids(payload)
        self._user_id = str(mapping(payload.get("user"), "user").get("id"))
        self._scheduled.own_id = snowflake(mapping(payload.get("user"), "user"), "id")
        self.sight.ready(listed, self._at)
        self._went_live()
        self._requests.clear()
        logger.info("Shard %s: READY with %s guilds", self._shard_id, len(listed))
        return True

    def _resumed(self, _: Payload) -> bool:
        since = self.sight.resumed(self._at)
        self._went_live()
        if since is not None:
            self._put(GapReplayed(since=since, at=self._at))
        logger.info("Shard %s: RESUMED", self._shard_id)
        return True

    # The rest ------------------------------------------------------------------

    def _tell(self, tell: Callable[[Payload, datetime], None], payload: Payload) -> bool:
        tell(payload, self._at)
        return True

    def _keep(self, tell: Callable[[Payload, datetime], None], payload: Payload) -> bool:
        tell(payload, self._at)
        return False

    def _audit_log_entry(self, payload: Payload) -> bool:
        explained = translate.leave_explained(payload, at=self._at)
        if explained is not None:
            self._put(explained)
        if (marked := mark_in(payload, bot_id=self._user_id)) is not None:
            self._channel_made(*marked)
        return True

    def _voice_state(self, payload: Payload) -> bool:
        guild_id = snowflake_or_none(payload, "guild_id")
        if guild_id is None:
            return False
        at = self._at
        changed = translate.voice_changed(
            payload, guild_id=guild_id, at=at, uncertainty=self.sight.uncertainty(guild_id, at)
        )
        self._put(changed)
        raw = payload.get("member")
        if isinstance(raw, dict):
            self._directory.member_in_passing(
                raw, at, guild_id=guild_id, user_id=changed.presence.user_id
            )
        # Its own voice connection needs our own state; to see anybody else's costs discord.py
        # more than all that is done here.
        return payload.get("user_id") == self._user_id

    # Handing on ------------------------------------------------------------------

    def _put(self, thing: object) -> None:
        self._put_at(self._elapsed, thing)

    def _could_not_read(self, name: str, what: str) -> None:
        self._figures.unreadable[name] += 1
        logger.warning("Shard %s: %s could not be read: %s", self._shard_id, name, what)
