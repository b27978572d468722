"""What the bot goes on from: up to when each guild was surely watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.domain.sharding import shard_of
from sessions_app.domain import words
from sessions_app.domain.facts import Unseen
from sessions_app.services.restore import restore
from tests.factories import at, make_guild, make_session_of, make_shard

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "seen_until"),
    [
        # Heard live after the shard's last mark: all before it was heard too.
        ({"start_uncertainty": 0.0}, at(10)),
        # Replayed, with others behind it that the kill left unheard.
        ({"start_uncertainty": 600.0}, at(0)),
        ({"start_uncertainty": 600.0, "last_seen_at": at(11)}, at(11)),
        # Moved to in a replay, where it inherited the time of a micro-session heard live.
        ({"start_uncertainty": 0.0, "started_at": at(-1)}, at(0)),
        ({"start_uncertainty": 0.0, "started_at": at(-1), "last_seen_at": at(11)}, at(11)),
    ],
)
def test_a_guild_was_watched_until_the_last_mark_or_what_was_heard_live_since(
    columns: dict[str, Any], seen_until: datetime
) -> None:
    guild = make_guild(voice_seen_at=at(-600))
    make_shard(guild, last_frame_at=at(0))
    times = {"started_at": at(10), "entered_at": at(10), "last_seen_at": at(10)}
    make_session_of(7, guild_id=guild.pk, channel_id=10, ended_at=None, **(times | columns))

    restored = restore(shard_id=shard_of(guild.pk, 4), shard_count=4)

    assert restored.unseen == {guild.pk: Unseen(seen_until, words.BOT_DOWN)}
