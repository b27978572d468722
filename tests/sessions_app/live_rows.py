"""Rows of members in voice whom nobody has seen for a while, for the jobs' tests."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions_app.models import SessionStatus
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from community.models import Guild, Shard
    from sessions_app.models import Visit, VoiceSession

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
    return factories.make_guild(id=guild_id, **fields)


def make_shard(shard_id: int = 0, shard_count: int = 1, **fields: Any) -> Shard:
    """A shard whose bot lives, unless the fields say otherwise."""
    return factories.make_shard(shard_id=shard_id, shard_count=shard_count, **fields)


def make_session(*, visit: Visit | None = None, **fields: Any) -> VoiceSession:
    """A session, active and long unseen unless the fields say otherwise, and its visit."""
    user_id = visit.user_id if visit else fields.pop("user_id", None) or next(_user_ids)
    given: dict[str, Any] = {
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "status": SessionStatus.ACTIVE,
        "started_at": AN_HOUR_AGO,
        "ended_at": None,
        "last_seen_at": LONG_UNSEEN,
    }
    return factories.make_session_of(user_id, visit=visit, **given | fields)
