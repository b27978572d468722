"""The minute's note: whom it reaches, and that it writes no index."""

from __future__ import annotations

import pytest
from django.db import connection

from community.models.ids import new_id
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.domain.tracker import Tracker
from sessions_app.models import VoiceSession
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.ingest import write_batch
from tests.factories import NOW
from tests.sessions_app.live_rows import ago, make_guild, make_session

pytestmark = pytest.mark.django_db

TABLE = "sessions_app_voicesession"


def checkpoint() -> int:
    return write_checkpoint(shard_id=0, shard_count=1, seen_at=NOW)


def updated() -> tuple[int, int]:
    """How many sessions this transaction has updated, and for how many it wrote no index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_get_xact_tuples_updated(%s::regclass),"
            " pg_stat_get_xact_tuples_hot_updated(%s::regclass)",
            [TABLE, TABLE],
        )
        counts: tuple[int, int] = cursor.fetchone()
    return counts


def test_first_checkpoint_of_rows_that_lie_side_by_side_writes_no_index() -> None:
    tracker = Tracker(new_id=new_id)
    for user_id in range(1, 301):
        presence = VoicePresence(user_id, 10, f"v{user_id}", flags=4 * (user_id % 2))
        tracker.apply(VoiceChanged(7 << 22, presence, ago(60)))
    write_batch(tracker.take())
    before = updated()

    reached = checkpoint()

    after = updated()
    assert reached == 300
    assert (after[0] - before[0], after[1] - before[1]) == (300, 300)


def test_checkpoint_reaches_guilds_that_are_seen_or_not_mirrored() -> None:
    make_guild(7 << 22)
    make_guild(8 << 22, unavailable_since=ago(30))
    seen = make_session(guild_id=7 << 22)
    unseen = make_session(guild_id=8 << 22)
    not_mirrored = make_session(guild_id=9 << 22)

    reached = checkpoint()

    assert reached == 2
    last_seen = dict(VoiceSession.objects.values_list("pk", "last_seen_at"))
    assert last_seen == {seen.pk: NOW, not_mirrored.pk: NOW, unseen.pk: unseen.last_seen_at}


def test_checkpoint_leaves_sessions_that_have_ended() -> None:
    make_session(status="completed", ended_at=ago(300), end_reason="left")
    make_session(status="stale", ended_at=ago(300), end_reason="stale")

    assert checkpoint() == 0
