"""Batches on the real database: rows as the tracker means them, whatever is sent twice."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from community.models import Guild, Shard
from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import Unseen, VoiceFlags, VoicePresence, VoiceSnapshot
from sessions_app.domain.tracker import Tracker
from sessions_app.models import SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.ingest import write_batch
from sessions_app.services.restore import restore
from tests.sessions_app.domain.table import Table, after
from tests.sessions_app.written_rows import (
    GUILD,
    LOBBY,
    STUDY,
    USER,
    expected_sessions,
    stored_sessions,
    story,
    voice,
)

if TYPE_CHECKING:
    from sessions_app.domain.changes import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def tracker() -> Tracker:
    Guild.objects.create(id=GUILD, name="Night Owls", voice_seen_at=after(-1))
    tracker = Tracker(new_id=new_id)
    tracker.apply(VoiceSnapshot(GUILD, {}, after(0), after(0)))
    return tracker


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_what_the_tracker_means(tracker: Tracker, seed: int) -> None:
    dice = random.Random(seed)
    table = Table()
    at = 0

    for _ in range(12):
        at = story(tracker, dice, at, dice.choice([1, 5, 25]))
        batch = tracker.take()
        table.write(batch)
        for _ in range(dice.choice([1, 2])):
            write_batch(batch)

    assert stored_sessions() == expected_sessions(table)
    assert {
        visit.pk: (visit.started_at, visit.ended_at, visit.first_channel_id, visit.last_channel_id)
        for visit in Visit.objects.all()
    } == {
        visit.id: (visit.started_at, visit.ended_at, visit.first_channel_id, visit.last_channel_id)
        for visit in table.visits.values()
    }
    assert {
        (state.guild_id, state.user_id): (state.channel_id, state.session_id, state.flags)
        for state in VoiceState.objects.all()
    } == {
        member: (state.channel_id, state.session_id, state.flags)
        for member, state in table.states.items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_restored_tracker_goes_on_as_the_one_before(tracker: Tracker, seed: int) -> None:
    dice = random.Random(seed)
    Shard.objects.create(
        shard_id=1,
        shard_count=2,
        process="test",
        started_at=after(0),
        heartbeat_at=after(0),
        last_frame_at=after(70_000_000),
    )
    at = story(tracker, dice, 0, 60)
    write_batch(tracker.take())

    restored = restore(shard_id=1, shard_count=2)

    state = dice.getstate()
    story(tracker, dice, at, 40)
    dice.setstate(state)
    story(restored.tracker, dice, at, 40)
    assert restored.unseen == {GUILD: Unseen(after(70_000_000), words.BOT_DOWN)}
    one, other = tracker.take(), restored.tracker.take()
    assert shape(one) == shape(other)


def shape(batch: Batch) -> list[tuple[object, ...]]:
    """A batch without the ids that are made anew."""
    rows = [*batch.changed_sessions, *batch.new_sessions]
    return sorted(
        (row.user_id, row.started_at, row.entered_at, row.status, row.sums, row.end_reason)
        for row in rows
    )


def test_restore_leaves_other_shards_alone(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())

    restored = restore(shard_id=0, shard_count=2)

    assert restored.tracker.active_sessions() == 0
    assert restored.unseen == {}


def test_restore_takes_a_stale_session_up_while_its_voice_state_stands(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    VoiceSession.objects.update(
        status=SessionStatus.STALE, ended_at=after(5000), end_reason=words.STALE
    )

    restored = restore(shard_id=0, shard_count=1)
    restored.tracker.apply(
        VoiceSnapshot(GUILD, {USER: VoicePresence(USER, LOBBY, "v")}, after(0), after(9000))
    )
    write_batch(restored.tracker.take())

    session = VoiceSession.objects.get()
    assert (session.status, session.started_at, session.ended_at) == ("active", after(0), None)


def test_restore_remembers_a_member_whose_session_staff_ended(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    VoiceState.objects.update(session=None)
    VoiceSession.objects.update(
        status=SessionStatus.COMPLETED, ended_at=after(5000), end_reason=words.CORRECTED
    )
    Visit.objects.update(ended_at=after(5000))

    restored = restore(shard_id=0, shard_count=1)
    restored.tracker.apply(
        VoiceSnapshot(GUILD, {USER: VoicePresence(USER, LOBBY, "v")}, after(0), after(9000))
    )
    write_batch(restored.tracker.take())

    assert VoiceSession.objects.count() == 1


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.CANCELLED])
def test_restore_knows_a_member_whose_estimated_end_staff_corrected(
    tracker: Tracker, status: SessionStatus
) -> None:
    """Who is there still goes on in the same visit, in a session of their own."""
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    VoiceSession.objects.update(status=status, ended_at=after(5000), end_reason=words.CORRECTED)
    Visit.objects.update(ended_at=after(5000))

    restored = restore(shard_id=0, shard_count=1)
    restored.tracker.apply(
        VoiceSnapshot(GUILD, {USER: VoicePresence(USER, LOBBY, "v")}, after(0), after(9000))
    )
    write_batch(restored.tracker.take())

    visit = Visit.objects.get()
    corrected, live = visit.sessions.order_by("started_at")
    assert (corrected.status, corrected.ended_at) == (status, after(5000))
    assert (live.status, live.started_at) == ("active", after(9000))
    assert (visit.ended_at, VoiceState.objects.get().session_id) == (None, live.pk)


def test_restore_lets_go_of_a_member_whose_estimated_end_staff_corrected(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    VoiceSession.objects.update(
        status=SessionStatus.COMPLETED, ended_at=after(5000), end_reason=words.CORRECTED
    )

    restored = restore(shard_id=0, shard_count=1)
    restored.tracker.apply(VoiceSnapshot(GUILD, {}, after(0), after(9000)))
    write_batch(restored.tracker.take())

    assert not VoiceState.objects.exists()


def test_guild_never_sighted_is_blind_since_nowhere() -> None:
    Guild.objects.create(id=GUILD, name="New here")

    restored = restore(shard_id=0, shard_count=1)

    assert restored.unseen == {GUILD: Unseen(None, words.BOT_DOWN)}


def test_second_active_session_is_refused_by_the_database(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    other = Tracker(new_id=new_id)
    voice(other, 0, STUDY)

    with pytest.raises(IntegrityError):
        write_batch(other.take())


def test_end_before_start_is_refused_by_the_database(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())

    with pytest.raises(IntegrityError), transaction.atomic():
        VoiceSession.objects.update(status=SessionStatus.COMPLETED, ended_at=after(-1))


def test_correction_by_staff_is_never_overwritten(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    VoiceSession.objects.update(status=SessionStatus.CANCELLED, ended_at=after(5000))

    voice(tracker, 9000, None)
    write_batch(tracker.take())

    session = VoiceSession.objects.get()
    assert (session.status, session.ended_at) == ("cancelled", after(5000))


@pytest.mark.parametrize("text", ['a"b', "a\\b", "{a,b}", "NULL", "", "a\0b", " a ", "ü€"])
def test_any_voice_session_id_is_kept(tracker: Tracker, text: str) -> None:
    voice(tracker, 0, LOBBY, voice_session_id=text)

    write_batch(tracker.take())

    assert Visit.objects.get().voice_session_id == text.replace("\0", "")


def test_what_fails_within_takes_the_batch_back(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    batch = tracker.take()

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_batch(batch, within=fail)

    assert not VoiceSession.objects.exists()


def test_statements_are_few_whatever_the_number_of_facts(tracker: Tracker) -> None:
    for user_id in range(100, 400):
        voice(tracker, 0, LOBBY, user_id=user_id)
    write_batch(tracker.take())
    for user_id in range(100, 400):
        voice(tracker, 5000, STUDY, user_id=user_id)
        voice(tracker, 9000, None if user_id % 2 else LOBBY, user_id=user_id)

    with CaptureQueriesContext(connection) as queries:
        write_batch(tracker.take())

    # Statements on psycopg's own cursor are not captured: a savepoint, its release, and what
    # the floor above notes are.
    assert len(queries) <= 3
    assert VoiceSession.objects.count() == 750


def test_flags_come_back_as_they_went(tracker: Tracker) -> None:
    flags = VoiceFlags.SELF_MUTE | VoiceFlags.SELF_STREAM | VoiceFlags.SUPPRESS
    voice(tracker, 0, LOBBY, flags=flags)

    write_batch(tracker.take())

    state = VoiceState.objects.get()
    assert state.flags == flags
    assert state.is_streaming


def test_checkpoint_reaches_the_shards_sessions_alone(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())

    missed = write_checkpoint(shard_id=0, shard_count=2, seen_at=after(60_000))
    reached = write_checkpoint(shard_id=1, shard_count=2, seen_at=after(60_000))

    assert (missed, reached) == (0, 1)
    assert VoiceSession.objects.get().last_seen_at == after(60_000)


def test_checkpoint_never_goes_back(tracker: Tracker) -> None:
    voice(tracker, 90_000, LOBBY)
    write_batch(tracker.take())

    assert write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000)) == 0


def test_checkpoint_passes_over_a_guild_in_an_outage(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    Guild.objects.update(unavailable_since=after(30_000))

    assert write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000)) == 0


def test_duration_of_a_live_session_goes_up_to_now(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())

    session = VoiceSession.objects.get()

    assert session.duration(now=after(90_000)) == timedelta(seconds=90)
