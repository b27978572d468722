"""Chance events for a tracker, and the rows in the database beside those that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.models import VoiceSession
from tests.sessions_app.domain.table import after

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from sessions_app.domain.tracker import Tracker
    from tests.sessions_app.domain.table import Table

GUILD = 5 << 22
USER = 7
LOBBY, STUDY = 10, 11


def voice(tracker: Tracker, at: int, channel_id: int | None, **more: str | int) -> None:
    known: dict[str, str | int] = {"user_id": USER, "voice_session_id": "v", "flags": 0, **more}
    presence = VoicePresence(
        int(known["user_id"]), channel_id, str(known["voice_session_id"]), int(known["flags"])
    )
    tracker.apply(VoiceChanged(GUILD, presence, after(at)))


def story(tracker: Tracker, dice: random.Random, start: int, steps: int) -> int:
    """Tells a run of chance events and gives the time at its end."""
    at = start
    for _ in range(steps):
        at += dice.choice([0, 10, 400, 1500, 60_000])
        user_id = dice.randrange(1, 9)
        voice(
            tracker,
            at,
            dice.choice([None, LOBBY, STUDY, 12]),
            user_id=user_id,
            voice_session_id=f"v{user_id}",
            flags=dice.choice([0, 0, 4, 12, 48, 66]),
        )
    return at


def stored_sessions() -> dict[object, tuple[object, ...]]:
    names = [
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
        *STRETCH_KINDS,
        *(f"{kind}_seconds" for kind in STRETCH_KINDS),
    ]
    return {row[0]: row[1:] for row in VoiceSession.objects.values_list("id", *names)}


def expected_sessions(table: Table) -> dict[object, tuple[object, ...]]:
    return {
        row.id: (
            row.visit_id,
            row.guild_id,
            row.user_id,
            row.channel_id,
            row.status,
            row.started_at,
            row.entered_at,
            row.ended_at,
            row.last_seen_at,
            row.start_kind,
            row.end_reason,
            row.start_uncertainty,
            row.end_uncertainty,
            *(merged(list(stretches)) for stretches in row.stretches),
            *row.sums,
        )
        for row in table.sessions.values()
    }


def merged(
    stretches: list[tuple[datetime, datetime | None]],
) -> list[tuple[datetime, datetime | None]]:
    """PostgreSQL joins stretches that meet."""
    joined: list[tuple[datetime, datetime | None]] = []
    for since, until in stretches:
        if joined and joined[-1][1] == since:
            joined[-1] = (joined[-1][0], until)
        else:
            joined.append((since, until))
    return joined
