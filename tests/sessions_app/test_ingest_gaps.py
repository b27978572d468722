"""Blind gaps, and what they make uncertain, on the real database."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError

from community.models import Guild
from community.models.ids import new_id
from sessions_app import registry
from sessions_app.domain import words
from sessions_app.domain.changes import Batch, GapRow
from sessions_app.domain.facts import (
    GapReplayed,
    PresenceChecked,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from sessions_app.models import BlindGap, SessionStatus, VoiceSession
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
    from collections.abc import Iterable

pytestmark = pytest.mark.django_db


@pytest.fixture
def tracker() -> Tracker:
    Guild.objects.create(id=GUILD, name="Night Owls", voice_seen_at=after(-1))
    tracker = Tracker(new_id=new_id)
    tracker.apply(VoiceSnapshot(GUILD, {}, after(0), after(0)))
    return tracker


def make_gap(**fields: object) -> GapRow:
    gap = GapRow(
        id=new_id(),
        guild_id=GUILD,
        user_id=None,
        cause=words.BOT_DOWN,
        began_at=after(0),
        ended_at=after(60_000),
        is_replayed=False,
        sessions_touched=3,
        sessions_mended=2,
    )
    return replace(gap, **fields)  # type: ignore[arg-type]  # the fields' own types


def stored_gaps() -> dict[object, tuple[object, ...]]:
    names = [field for field in GapRow.__slots__ if field != "id"]
    return {row[0]: row[1:] for row in BlindGap.objects.values_list("id", *names)}


def expected_gaps(gaps: Iterable[GapRow]) -> dict[object, tuple[object, ...]]:
    return {
        gap.id: tuple(getattr(gap, name) for name in GapRow.__slots__ if name != "id")
        for gap in gaps
    }


@pytest.mark.parametrize("user_id", [None, USER, 2**63 - 1])
@pytest.mark.parametrize("is_replayed", [False, True])
def test_gap_is_kept_as_the_tracker_means_it(user_id: int | None, is_replayed: bool) -> None:
    gap = make_gap(user_id=user_id, is_replayed=is_replayed)

    write_batch(Batch(gaps=[gap]), shard_id=3)

    assert stored_gaps() == expected_gaps([gap])
    assert BlindGap.objects.get().shard_id == 3


@pytest.mark.parametrize(
    "cause",
    [
        words.BOT_DOWN,
        words.BOT_REMOVED,
        words.CONNECTION_LOST,
        words.EVENT_MISSED,
        words.GUILD_OUTAGE,
        words.SPOOL_FULL,
    ],
)
def test_gap_of_any_cause_is_one_that_staff_can_read(cause: str) -> None:
    write_batch(Batch(gaps=[make_gap(cause=cause)]))

    gap = BlindGap.objects.get()
    gap.full_clean(exclude=["guild"])
    assert gap.get_cause_display() != cause


def test_gap_that_is_written_again_adds_and_changes_nothing() -> None:
    gaps = [make_gap(), make_gap(user_id=USER)]
    write_batch(Batch(gaps=gaps), shard_id=0)

    write_batch(Batch(gaps=gaps), shard_id=1)
    write_batch(Batch(gaps=[replace(gaps[0], sessions_mended=9)]), shard_id=1)

    assert stored_gaps() == expected_gaps(gaps)
    assert set(BlindGap.objects.values_list("shard_id", flat=True)) == {0}


def test_gap_without_a_shard_has_none() -> None:
    write_batch(Batch(gaps=[make_gap()]))

    assert BlindGap.objects.get().shard_id is None


@pytest.mark.parametrize("is_replayed", [False, True])
def test_gap_is_told_to_those_who_listen(
    is_replayed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[registry.Gap] = []
    monkeypatch.setattr(registry, "_listeners", [lambda gaps, **_: told.extend(gaps)])

    write_batch(Batch(gaps=[make_gap(is_replayed=is_replayed)]))

    assert told == [registry.Gap(GUILD, after(0), after(60_000))]


def test_gap_that_ends_before_it_begins_is_refused_with_its_whole_batch(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    batch = tracker.take()
    batch.gaps.append(make_gap(ended_at=after(-1)))

    with pytest.raises(IntegrityError):
        write_batch(batch)

    assert not VoiceSession.objects.exists()


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_what_the_tracker_means_whatever_was_not_seen(tracker: Tracker, seed: int) -> None:
    dice = random.Random(seed)
    table = Table()
    at = 0

    for _ in range(12):
        at = story(tracker, dice, at, dice.choice([1, 5, 25]))
        at = be_blind(tracker, dice, at)
        batch = tracker.take()
        table.write(batch)
        table.check()
        for _ in range(dice.choice([1, 2])):
            write_batch(batch, shard_id=1)
        checkpoint(table, at)

    assert stored_sessions() == expected_sessions(table)
    assert stored_gaps() == expected_gaps(table.gaps.values())
    assert {gap.user_id is None for gap in table.gaps.values()} == {True, False}


def be_blind(tracker: Tracker, dice: random.Random, since: int) -> int:
    """Lets something be unseen by chance, and gives the time at its end."""
    at = since + dice.choice([10, 60_000])
    present = [user_id for user_id in range(1, 9) if dice.random() < 0.4]
    presences = {
        user_id: VoicePresence(user_id, dice.choice([LOBBY, STUDY]), f"v{user_id}")
        for user_id in present
    }
    kind = dice.choice(["gap", "replay", "check"])
    if kind == "gap":
        tracker.apply(VoiceSnapshot(GUILD, presences, after(since), after(at)))
    elif kind == "replay":
        for presence in presences.values():
            tracker.apply(VoiceChanged(GUILD, presence, after(at), (at - since) / 1000))
        tracker.apply(GapReplayed(after(since), after(at)))
    else:
        for user_id in range(1, 9):
            presence = presences.get(user_id, VoicePresence(user_id, None))
            tracker.apply(PresenceChecked(GUILD, presence, after(at), after(at + 1)))
        at += 1
    return at


def checkpoint(table: Table, at: int) -> None:
    """Writes a checkpoint, and the same in the table."""
    write_checkpoint(shard_id=0, shard_count=1, seen_at=after(at))
    for id_, row in table.sessions.items():
        if row.status == words.ACTIVE:
            table.sessions[id_] = replace(row, last_seen_at=max(row.last_seen_at, after(at)))


# The last sight beside the end -------------------------------------------------------------------


def test_end_that_is_inferred_takes_checkpoints_after_it_back(tracker: Tracker) -> None:
    """A ghost's session is checkpointed each minute until a comparison finds it out."""
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    write_checkpoint(shard_id=0, shard_count=1, seen_at=after(600_000))

    gone = VoicePresence(USER, None)
    tracker.apply(PresenceChecked(GUILD, gone, after(605_000), after(606_000)))
    write_batch(tracker.take())

    session = VoiceSession.objects.get()
    assert (session.ended_at, session.last_seen_at) == (after(0), after(0))


def test_checkpoint_after_an_end_that_was_inferred_changes_nothing(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    tracker.apply(VoiceSnapshot(GUILD, {}, after(10_000), after(70_000)))
    write_batch(tracker.take())

    reached = write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000))

    session = VoiceSession.objects.get()
    assert reached == 0
    assert (session.ended_at, session.last_seen_at) == (after(10_000), after(0))


def test_checkpoint_before_the_end_stands(tracker: Tracker) -> None:
    voice(tracker, 0, LOBBY)
    write_batch(tracker.take())
    write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000))

    tracker.apply(VoiceSnapshot(GUILD, {}, after(100_000), after(170_000)))
    write_batch(tracker.take())

    session = VoiceSession.objects.get()
    assert (session.ended_at, session.last_seen_at) == (after(100_000), after(60_000))


@pytest.mark.parametrize("flags", [0, 4])
def test_session_that_is_stated_once_more_keeps_its_checkpoint(
    tracker: Tracker, flags: int
) -> None:
    voice(tracker, 0, LOBBY, flags=flags)
    write_batch(tracker.take())
    write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000))

    tracker.restate()
    write_batch(tracker.take())

    assert VoiceSession.objects.get().last_seen_at == after(60_000)


@pytest.mark.parametrize("flags", [0, 4])
def test_end_before_the_last_checkpoint_of_a_restored_session(tracker: Tracker, flags: int) -> None:
    voice(tracker, 0, LOBBY, flags=flags)
    write_batch(tracker.take())
    write_checkpoint(shard_id=0, shard_count=1, seen_at=after(60_000))
    restored = restore(shard_id=0, shard_count=1).tracker

    restored.apply(VoiceSnapshot(GUILD, {}, after(50_000), after(90_000)))
    write_batch(restored.take())

    session = VoiceSession.objects.get()
    assert session.status == SessionStatus.COMPLETED
    assert (session.ended_at, session.last_seen_at) == (after(50_000), after(50_000))
