"""A guild's life by chance, written by the real services: bot, sweep, staff, with gaps."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from community.models import Guild, Shard
from community.models.ids import new_id
from community.services import outbox
from sessions_app.domain.facts import (
    BotRemoved,
    ChannelDeleted,
    LeaveExplained,
    TimePassed,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from sessions_app.models import SessionStatus, VoiceSession
from sessions_app.services import corrections
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.correction_errors import CorrectionError
from sessions_app.services.ingest import write_batch
from sessions_app.services.restore import guild_rules, restore
from sessions_app.services.stale import sweep_stale
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import User

STALE_AFTER = timedelta(minutes=5)
GUILD = 7 << 22
USERS = range(1, 5)
CHANNELS = (10, 11, 12)
WAITS = (0, 0.3, 0.999, 1, 20, 70, 600, 4_000, 40_000, 200_000)


class History:
    """What members, the bot, the jobs and staff do, one after the other.

    Attributes:
        now: the time of the story, which only grows.
    """

    def __init__(self, seed: int, *, actor: User) -> None:
        """Begins with a bot that sees a guild for the first time."""
        self.dice = random.Random(seed)
        self.now = NOW - timedelta(days=60)
        self.actor = actor
        self.where: dict[int, tuple[int, str, int]] = {}
        self.visits = 0
        self.unseen_since: datetime | None = None
        Guild.objects.create(id=GUILD, name="Night Owls", micro_session_seconds=30)
        Shard.objects.create(
            shard_id=0, shard_count=1, process="x", started_at=self.now, heartbeat_at=self.now
        )
        self.tracker = Tracker(new_id=new_id)
        self.tracker.apply(guild_rules(GUILD, at=self.now))
        self.tracker.apply(VoiceSnapshot(GUILD, {}, None, self.now))
        self.write()

    def step(self) -> None:
        """Does one thing, some time after the last one."""
        # Whatever happens, beat and the bot's ticks come each minute.
        self.wait(self.dice.choice(WAITS))
        actions: list[Callable[[], None]] = [self.goes] * 8 + [self.toggles] * 4
        actions += [self.leaves] * 3 + [self.is_corrected] * 3 + [self.sees_again, self.goes_away]
        actions += [self.channel_goes, self.is_removed, self.is_explained]
        self.dice.choice(actions)()
        self.write()

    def wait(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        while until - self.now > timedelta(minutes=1):
            # Within a long wait only some of the minutes are played.
            self.now += max(timedelta(minutes=1), (until - self.now) / 3)
            self.tick()
        self.now = until

    def tick(self) -> None:
        if self.unseen_since is None:
            self.tracker.apply(TimePassed(self.now))
            self.write()
            write_checkpoint(shard_id=0, shard_count=1, seen_at=self.now)
            Shard.objects.update(heartbeat_at=self.now, last_frame_at=self.now)
        sweep_stale(now=self.now, stale_after=STALE_AFTER, grace=timedelta(seconds=90))

    def write(self) -> None:
        if self.unseen_since is None:
            write_batch(self.tracker.take())

    # What members do ------------------------------------------------------------------------

    def tell(self, user_id: int) -> None:
        if self.unseen_since is None:
            self.tracker.apply(VoiceChanged(GUILD, self.presence(user_id), self.now))

    def presence(self, user_id: int) -> VoicePresence:
        channel_id, visit, flags = self.where.get(user_id, (None, "", 0))
        return VoicePresence(user_id, channel_id, visit, flags, is_bot=False)

    def goes(self) -> None:
        user_id = self.dice.choice(USERS)
        _, visit, flags = self.where.get(user_id, (0, "", 0))
        if not visit or self.dice.random() < 0.1:
            self.visits += 1
            visit = f"v{self.visits}"
        self.where[user_id] = (self.dice.choice(CHANNELS), visit, flags)
        self.tell(user_id)

    def toggles(self) -> None:
        if self.where:
            user_id = self.dice.choice(sorted(self.where))
            channel_id, visit, _ = self.where[user_id]
            self.where[user_id] = (channel_id, visit, self.dice.choice([0, 4, 12, 48]))
            self.tell(user_id)

    def leaves(self) -> None:
        user_id = self.dice.choice(USERS)
        self.where.pop(user_id, None)
        self.tell(user_id)

    # What happens to the guild and the bot --------------------------------------------------

    def channel_goes(self) -> None:
        channel_id = self.dice.choice(CHANNELS)
        self.where = {who: at for who, at in self.where.items() if at[0] != channel_id}
        if self.unseen_since is None:
            self.tracker.apply(ChannelDeleted(GUILD, channel_id, self.now))

    def is_explained(self) -> None:
        if self.unseen_since is None:
            self.tracker.apply(LeaveExplained(GUILD, None, "disconnected", self.now))

    def is_removed(self) -> None:
        self.where = {}
        if self.unseen_since is None:
            self.tracker.apply(BotRemoved(GUILD, self.now))

    def goes_away(self) -> None:
        """The connection is lost, or the bot dies."""
        if self.unseen_since is None:
            self.write()
            self.unseen_since = self.now
            if self.dice.random() < 0.5:
                Shard.objects.update(stopped_at=self.now)

    def sees_again(self) -> None:
        since = self.unseen_since
        if since is None:
            return
        self.tracker = restore(shard_id=0, shard_count=1).tracker
        Shard.objects.update(stopped_at=None, started_at=self.now, heartbeat_at=self.now)
        self.unseen_since = None
        present = {user_id: self.presence(user_id) for user_id in self.where}
        self.tracker.apply(VoiceSnapshot(GUILD, present, since, self.now))

    # What staff do --------------------------------------------------------------------------

    def is_corrected(self) -> None:
        rows = list(VoiceSession.objects.exclude(status=SessionStatus.CANCELLED))
        if not rows:
            return
        session = self.dice.choice([*rows, *(row for row in rows if row.ended_at is None)])
        ended_at = session.started_at + self.dice.random() * min(
            self.now - session.started_at, timedelta(hours=self.dice.choice([0, 1, 30]))
        )
        is_void = self.dice.random() < 0.4
        is_live = session.status == SessionStatus.ACTIVE and self.unseen_since is None
        if is_live:
            self.is_corrected_by_the_bot(session, None if is_void else ended_at)
            return
        try:
            if is_void:
                corrections.void_session(session.pk, actor=self.actor, reason="x", now=self.now)
            elif session.status != SessionStatus.ACTIVE or not outbox.is_served(
                GUILD, now=self.now
            ):
                corrections.set_end(
                    session.pk, ended_at=ended_at, actor=self.actor, reason="x", now=self.now
                )
        except CorrectionError:
            return

    def is_corrected_by_the_bot(self, session: VoiceSession, ended_at: datetime | None) -> None:
        payload = {"session_id": str(session.pk), "reason": "x", "actor_id": self.actor.pk}
        if ended_at is not None:
            payload["ended_at"] = ended_at.isoformat()
        kind = corrections.SET_END if ended_at else corrections.VOID
        item = outbox.ask(kind, guild_id=GUILD, payload=payload, now=self.now)
        self.tracker.apply(corrections.to_fact(item, at=self.now))
        write_batch(self.tracker.take(), within=lambda: corrections.settle(item, now=self.now))
