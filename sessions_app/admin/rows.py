"""What lists and pages say of a session or a visit: times, lengths, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from community.admin.showing import link_or_id, link_to, moment
from community.domain.durations import at_most_off, in_words, with_uncertainty
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.sums import sum_of
from sessions_app.models import BlindGap, EndReason, SessionStatus, StartKind, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, tzinfo

    from django.utils.safestring import SafeString

STATUS_LABELS = {
    SessionStatus.ACTIVE: "success",
    SessionStatus.COMPLETED: "",
    SessionStatus.STALE: "warning",
    SessionStatus.CANCELLED: "danger",
}

STRETCH_WORDS = {
    "muted": "muted",
    "deafened": "deafened",
    "camera": "on camera",
    "streaming": "sharing a screen",
    "alone": "alone",
    "afk": "AFK",
}

MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as a line of a visit; ``gap`` is the time since the one before it."""

    session: VoiceSession
    link: SafeString
    channel: SafeString | str
    started: SafeString | str
    ended: SafeString | str
    length: str
    status: str
    label: str
    ending: str
    stretches: str
    gap: str
    is_shown: bool


def length_of(session: VoiceSession, *, now: datetime) -> str:
    """Says how long a session lasted, how sure that is, and whether it goes on."""
    words = with_uncertainty(session.duration(now=now).total_seconds(), session.uncertainty)
    return f"{words} so far" if session.ended_at is None else words


def total_of(sessions: Collection[VoiceSession], *, now: datetime) -> str:
    """Says how long a member's sessions lasted together, and how sure that is."""
    total = sum_of(session.measured(now=now) for session in sessions)
    words = with_uncertainty(total.seconds, total.uncertainty)
    return f"{words} so far" if any(session.ended_at is None for session in sessions) else words


def start_of(session: VoiceSession) -> str:
    """Says how a session's start is known."""
    words = str(StartKind(session.start_kind).label)
    if session.start_uncertainty > 0:
        return f"{words}, up to {at_most_off(session.start_uncertainty)} off"
    return words


def ending_of(session: VoiceSession) -> str:
    """Says why a session ended, and how sure its end is."""
    if session.ended_at is None:
        return "goes on"
    words = str(EndReason(session.end_reason).label) if session.end_reason else "not known"
    if session.end_uncertainty > 0:
        return f"{words}, up to {at_most_off(session.end_uncertainty)} off"
    return words


def stretches_of(session: VoiceSession, *, now: datetime) -> str:
    """Says how long it was spent muted, deafened and so on."""
    spent = {kind: session.seconds(kind, now=now) for kind in STRETCH_KINDS}
    parts = [
        f"{STRETCH_WORDS[kind]} {in_words(seconds)}" for kind, seconds in spent.items() if seconds
    ]
    return ", ".join(parts)


def gap_lines_of(session: VoiceSession, *, zone: tzinfo) -> list[tuple[str, SafeString, str]]:
    """Lays out the blind gaps that a session's start or end lies in.

    Returns:
        Which of the two, the gap, and how long it was; the oldest first.
    """
    lines = []
    for gap in BlindGap.objects.touching(session).order_by("began_at", "id")[:MOST_GAPS]:
        boundaries = (("start", session.started_at), ("end", session.ended_at))
        within = (name for name, at in boundaries if at and gap.began_at <= at <= gap.ended_at)
        words = f"{gap.get_cause_display()}, {gap.began_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
        length = in_words(gap.length.total_seconds())
        told = ", told afterwards" if gap.is_replayed else ""
        lines.append((" and ".join(within), link_to(gap, words), f"{length}{told}"))
    return lines


def lines_of(
    sessions: Iterable[VoiceSession],
    *,
    zone: tzinfo,
    now: datetime,
    shown: VoiceSession | None = None,
) -> list[SessionLine]:
    """Lays a visit's sessions out in their order, with the gaps between them."""
    lines = []
    end_before: datetime | None = None
    for session in sessions:
        apart = (session.started_at - end_before).total_seconds() if end_before else 0.0
        lines.append(
            SessionLine(
                session=session,
                link=link_to(
                    session, f"{session.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
                ),
                channel=link_or_id(session, "channel", id_name="channel_id", kind="channel"),
                started=moment(session.started_at, zone),
                ended=moment(session.ended_at, zone) if session.ended_at else "goes on",
                length=length_of(session, now=now),
                status=session.status,
                label=STATUS_LABELS[SessionStatus(session.status)],
                ending=ending_of(session),
                stretches=stretches_of(session, now=now),
                gap=in_words(apart) if apart >= 1 else "",
                is_shown=session == shown,
            )
        )
        end_before = session.ended_at
    return lines
