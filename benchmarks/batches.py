"""The ingest without a network: the same moves by set-based SQL and by the ORM's bulk way."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from community.models import Guild
from community.models.ids import new_id
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.facts import (
    GuildRules,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from sessions_app.models import Visit, VoiceSession, VoiceState
from sessions_app.models.voice_state import FLAG_COLUMNS
from sessions_app.services.ingest import write_batch
from sessions_app.services.ingest_columns import SESSION_CHANGES, VISIT_CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model

    from sessions_app.domain.changes import Batch, SessionRow, VisitRow, VoiceStateRow

GUILD_ID = 1 << 22
MEMBERS = 1_000
CHANNELS = range(1, 17)
STARTED = datetime(2026, 11, 20, 12, tzinfo=UTC)
SIZES = (50, 500)

VISIT_FIELDS = (
    "id",
    "guild_id",
    "user_id",
    "voice_session_id",
    "started_at",
    "ended_at",
    "first_channel_id",
    "last_channel_id",
)
SESSION_FIELDS = (
    "id",
    "visit_id",
    "guild_id",
    "user_id",
    "channel_id",
    "status",
    "started_at",
    "entered_at",
    "ended_at",
    "last_seen_at",
    "start_kind",
    "end_reason",
    "start_uncertainty",
    "end_uncertainty",
)
STATE_FIELDS = (
    "guild_id",
    "user_id",
    "channel_id",
    "session_id",
    "voice_session_id",
    "requested_to_speak_at",
    "changed_at",
)


def measure(moves: int) -> list[dict[str, Any]]:
    """Writes so many moves in batches of each size, in turn by either way.

    Returns:
        Way, batch size and moves per second: from the facts to the last commit.
    """
    ways: dict[str, Callable[[Batch], None]] = {
        "set-based SQL (ours)": write_batch,
        "bulk_create(update_conflicts=True)": write_by_orm,
    }
    figures = []
    for size in SIZES:
        for way, write in ways.items():
            seconds = _time(write, moves, size)
            figures.append({"way": way, "batch": size, "moves_per_second": moves / seconds})
    return figures


def _time(write: Callable[[Batch], None], moves: int, size: int) -> float:
    """Has everybody join, which is not measured, and then writes the moves."""
    for model in (VoiceState, VoiceSession, Visit, Guild):
        model.objects.filter(**{"pk" if model is Guild else "guild_id": GUILD_ID}).delete()
    Guild.objects.create(id=GUILD_ID, name="Bench", micro_session_seconds=0)
    tracker = Tracker(new_id=new_id)
    tracker.apply(GuildRules(GUILD_ID, None, 0.0, tracks_bots=False, at=STARTED))
    present = {
        user_id: VoicePresence(user_id, 1, f"v{user_id}") for user_id in range(1, MEMBERS + 1)
    }
    tracker.apply(VoiceSnapshot(GUILD_ID, present, None, STARTED))
    write_batch(tracker.take())
    facts = list(_moves(moves))

    began = time.perf_counter()
    for start in range(0, moves, size):
        for fact in facts[start : start + size]:
            tracker.apply(fact)
        write(tracker.take())
    seconds = time.perf_counter() - began

    written = VoiceSession.objects.filter(guild_id=GUILD_ID).count()
    if written != moves + MEMBERS:
        raise RuntimeError(f"{written} sessions were written of {moves + MEMBERS}.")
    return seconds


def _moves(count: int) -> Iterator[VoiceChanged]:
    dice = random.Random(1)  # noqa: S311 - the same moves for both ways
    channels = dict.fromkeys(range(1, MEMBERS + 1), 1)
    for number in range(count):
        user_id = number % MEMBERS + 1
        channels[user_id] = dice.choice([c for c in CHANNELS if c != channels[user_id]])
        yield VoiceChanged(
            GUILD_ID,
            VoicePresence(user_id, channels[user_id], f"v{user_id}", is_bot=False),
            STARTED + timedelta(milliseconds=number + 1),
        )


# The ORM's way ----------------------------------------------------------------------------------


def write_by_orm(batch: Batch) -> None:
    """Writes the rows of a batch by one upsert for each table, closes before opens."""
    with transaction.atomic():
        _upsert(
            Visit,
            [_visit(row) for row in (*batch.changed_visits, *batch.new_visits)],
            VISIT_CHANGES,
            ["id"],
        )
        _upsert(
            VoiceSession,
            [_session(row) for row in (*batch.changed_sessions, *batch.new_sessions)],
            SESSION_CHANGES,
            ["id"],
        )
        _upsert(
            VoiceState,
            [_state(row) for row in batch.voice_states],
            (*STATE_FIELDS, *FLAG_COLUMNS),
            ["guild", "user_id"],
        )


def _upsert(model: type[Model], rows: list[Any], changes: Any, key: list[str]) -> None:
    names = {model._meta.get_field(name).name for name in changes} - {*key, "id"}
    model._default_manager.bulk_create(
        rows, update_conflicts=True, update_fields=sorted(names), unique_fields=key
    )


def _visit(row: VisitRow) -> Visit:
    return Visit(**{name: getattr(row, name) for name in VISIT_FIELDS})


def _session(row: SessionRow) -> VoiceSession:
    columns: dict[str, Any] = {name: getattr(row, name) for name in SESSION_FIELDS}
    columns |= zip(STRETCH_KINDS, row.stretches, strict=True)
    columns |= {
        f"{kind}_seconds": seconds for kind, seconds in zip(STRETCH_KINDS, row.sums, strict=True)
    }
    return VoiceSession(**columns)


def _state(row: VoiceStateRow) -> VoiceState:
    columns: dict[str, Any] = {name: getattr(row, name) for name in STATE_FIELDS}
    columns |= {name: bool(row.flags & flag) for name, flag in FLAG_COLUMNS.items()}
    return VoiceState(**columns)
