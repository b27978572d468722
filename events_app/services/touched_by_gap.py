"""Whom a blind gap touched in an event, and how much of it they were not counted for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from events_app.domain.counting import COUNTING, Why, explain
from events_app.services.decision_errors import GapReplayedError, NoSuchGapError
from events_app.services.member_records import known_of, members_about, terms_of
from sessions_app.models import BlindGap

if TYPE_CHECKING:
    from uuid import UUID

    from events_app.domain.counting import Records
    from events_app.models import Event

# What a credit cannot fill: time that counts as it is, and time that was left out.
_WITHOUT_ROOM: Final = COUNTING | {Why.BLIND, Why.ROLES_UNKNOWN}


class Touched(NamedTuple):
    """A member whom a gap touched.

    Attributes:
        seconds: of the gap in the window, that they were not counted for.
        room: what is left of the window, without what was left out, beside what counts.
    """

    user_id: int
    seconds: float
    room: float


def touched_by_gap(event: Event, gap_id: UUID) -> list[Touched]:
    """Finds whose time counted just before a gap, just after it or in it, but not all of it.

    Raises:
        DecisionError: the gap is another guild's, or was replayed.
    """
    gap = BlindGap.objects.filter(pk=gap_id, guild_id=event.guild_id).first()
    if gap is None:
        raise NoSuchGapError(gap_id=gap_id)
    if gap.is_replayed:
        raise GapReplayedError
    began, ended = max(gap.began_at, event.starts_at), min(gap.ended_at, event.ends_at)
    if began >= ended:
        return []
    about = members_about(event, since=gap.began_at, until=gap.ended_at)
    if gap.user_id is not None:
        about &= {gap.user_id}
    # Nothing that is later than the gap matters here, but that a session goes on after it.
    moment = max(event.ends_at, gap.ended_at + gap.length)
    known = known_of(event, about, now=moment)
    found = []
    for user_id in sorted(about):
        records = known.records[user_id]
        if _is_touched(event, records, gap):
            pieces = explain(terms_of(event, upto=event.ends_at), records)
            counted = sum(
                (min(piece.ended, ended) - max(piece.began, began)).total_seconds()
                for piece in pieces
                if piece.counts and piece.began < ended and piece.ended > began
            )
            seconds = (ended - began).total_seconds() - counted
            if seconds > 0:
                room = sum(piece.seconds for piece in pieces if piece.why not in _WITHOUT_ROOM)
                found.append(Touched(user_id, seconds, room))
    return found


def _is_touched(event: Event, records: Records, gap: BlindGap) -> bool:
    """Tells whether a member's time, this gap apart, counts up to it, from it on, or in it."""
    span = (gap.began_at, gap.ended_at)
    without = replace(records, gaps=[each for each in records.gaps if each != span])
    terms = terms_of(event, upto=event.ends_at)
    # The gap may reach over the window's edges: who was there before it was there.
    wide = replace(
        terms,
        starts=min(terms.starts, gap.began_at - gap.length),
        upto=max(terms.upto, gap.ended_at + gap.length),
    )
    return any(
        piece.why == Why.COUNTED and piece.began <= gap.ended_at and piece.ended >= gap.began_at
        for piece in explain(wide, without)
    )
