"""Rows of members in voice and of shards, for the jobs' tests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from community.models import Guild, Shard
from sessions_app.models import Visit, VoiceSession, VoiceState

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GUILD = 7 << 22  # Belongs to shard 0 of 1, 1 of 2, 3 of 4.
CHANNEL = 500

_user_ids = itertools.count(1000)


def ago(seconds: float) -> datetime:
    """The instant so many seconds before the tests' now."""
    return NOW - timedelta(seconds=seconds)


AN_HOUR_AGO = ago(3600)
LONG_UNSEEN = ago(400)


def make_guild(guild_id: int = GUILD, **fields: Any) -> Guild:
    """A guild; its micro-session limit is a second."""
    return Guild.objects.create(id=guild_id, name="Testers", **fields)


def make_shard(shard_id: int = 0, shard_count: int = 1, **fields: Any) -> Shard:
    """A shard whose bot lives, unless the fields say otherwise."""
    given = {"process": "here-1", "started_at": ago(9000), "heartbeat_at": NOW}
    return Shard.objects.create(shard_id=shard_id, shard_count=shard_count, **given | fields)


def make_session(
    *,
    started_at: datetime = AN_HOUR_AGO,
    last_seen_at: datetime = LONG_UNSEEN,
    visit: Visit | None = None,
    **fields: Any,
) -> VoiceSession:
    """A session, active unless the fields say otherwise, and its visit."""
    guild_id = fields.pop("guild_id", GUILD)
    user_id = visit.user_id if visit else fields.pop("user_id", None) or next(_user_ids)
    channel_id = fields.pop("channel_id", CHANNEL)
    visit = visit or Visit.objects.create(
        guild_id=guild_id,
        user_id=user_id,
        started_at=started_at,
        ended_at=fields.get("ended_at"),
        first_channel_id=channel_id,
        last_channel_id=channel_id,
    )
    given = {"entered_at": started_at}
    return VoiceSession.objects.create(
        visit=visit,
        guild_id=guild_id,
        user_id=user_id,
        channel_id=channel_id,
        started_at=started_at,
        last_seen_at=last_seen_at,
        **given | fields,
    )


def make_voice_state(session: VoiceSession) -> VoiceState:
    """The state of a member whose session goes on."""
    return VoiceState.objects.create(
        guild_id=session.guild_id,
        user_id=session.user_id,
        channel_id=session.channel_id,
        session=session,
        changed_at=session.started_at,
    )
