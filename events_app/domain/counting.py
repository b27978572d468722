"""Why a number is what it is: one member's time in one event, piece by piece.

The same arithmetic as ``events_app/services/participation_sql.py``, in plain Python and for
one member, so that every second can be shown with the reason why it counts or does not.
``docs/events.md`` has the rules in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

LONGEST_SESSION: Final = timedelta(days=2)
"""No session is longer: one that goes on is capped at a day, and so are imported ones."""

Span = tuple["datetime", "datetime | None"]
"""From an instant up to another, or for ever."""


class Why(StrEnum):
    """Why a piece of time counts or does not."""

    COUNTED = "counted"
    CREDITED = "credited"
    BLIND = "blind"
    ROLES_UNKNOWN = "roles_unknown"
    AWAY = "away"
    ELSEWHERE = "elsewhere"
    NO_ROLE = "no_role"
    MUTED = "muted"
    DEAFENED = "deafened"
    ALONE = "alone"
    AFK = "afk"


COUNTING = frozenset({Why.COUNTED, Why.CREDITED})
"""The reasons by which time counts."""

# As an event names the states that may not count, in the order in which they are given as
# the reason.
STATES = (Why.AFK, Why.DEAFENED, Why.MUTED, Why.ALONE)


@dataclass(frozen=True, slots=True)
class Stay:
    """A voice session that was not voided.

    Attributes:
        counts: whether its channel does.
        ended: where one that goes on is cut.
        states: the stretches spent in each of :data:`STATES`.
    """

    session_id: UUID
    channel_id: int
    counts: bool
    began: datetime
    ended: datetime
    states: Mapping[Why, Sequence[Span]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an event asks.

    Attributes:
        starts, upto: the window, as far as it is over.
        idle: the states that do not count.
        credits_gaps: whether blind gaps are credited rather than left out.
    """

    starts: datetime
    upto: datetime
    any_role_ids: frozenset[int] = frozenset()
    all_role_ids: frozenset[int] = frozenset()
    no_role_ids: frozenset[int] = frozenset()
    idle: frozenset[Why] = frozenset()
    credits_gaps: bool = False

    @property
    def asks_for_roles(self) -> bool:
        """Whether roles decide who counts."""
        return bool(self.any_role_ids or self.all_role_ids or self.no_role_ids)


@dataclass(frozen=True, slots=True)
class Records:
    """What is known of one member.

    Attributes:
        stays: voice sessions, in any order.
        roles: role id to when it was held.
        gaps: when nobody watched: the guild, or this member.
        roles_unknown: when nobody knows which roles they held.
    """

    stays: Sequence[Stay]
    roles: Mapping[int, Sequence[Span]]
    gaps: Sequence[tuple[datetime, datetime]]
    roles_unknown: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the window, and why it counts or does not.

    Attributes:
        stay: the session that it lies in; None where the member was in none.
    """

    began: datetime
    ended: datetime
    why: Why
    stay: Stay | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return self.why in COUNTING

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.ended - self.began).total_seconds()


def explain(terms: Terms, records: Records) -> list[Piece]:
    """Tells of each second of a window why it counts or does not.

    Returns:
        Pieces that fill the window, in order; neighbours differ.
    """
    credited = _credited_gaps(terms, records) if terms.credits_gaps else []
    pieces: list[Piece] = []
    for began, ended in pairwise(_instants(terms, records)):
        if began < terms.starts or ended > terms.upto:
            continue
        stay = _stay_at(records, began)
        why = _why(terms, records, began, stay, credited=credited)
        if pieces and pieces[-1].why == why and pieces[-1].stay == stay:
            pieces[-1] = Piece(pieces[-1].began, ended, why, stay)
        else:
            pieces.append(Piece(began, ended, why, stay))
    return pieces


def _instants(terms: Terms, records: Records) -> list[datetime]:
    """Lists the instants at which anything may change."""
    found = {terms.starts, terms.upto, *_edges(records.gaps)}
    for stay in records.stays:
        found |= {stay.began, stay.ended}
        for spans in stay.states.values():
            found |= set(_edges(spans))
    for spans in records.roles.values():
        found |= set(_edges(spans))
    found |= set(_edges(records.roles_unknown))
    return sorted(found)


def _edges(spans: Sequence[Span]) -> Iterator[datetime]:
    for began, ended in spans:
        yield began
        if ended is not None:
            yield ended


def _credited_gaps(terms: Terms, records: Records) -> list[tuple[datetime, datetime]]:
    """Gives the gaps just before or just after which the member's time counted."""
    edges = _instants(terms, records)
    counting = [
        (began, ended)
        for began, ended in pairwise(edges)
        if (stay := _stay_at(records, began)) is not None
        and _in_stay(terms, records, began, stay) == Why.COUNTED
    ]
    return [
        (began, ended)
        for began, ended in records.gaps
        if began < ended and any(first <= ended and last >= began for first, last in counting)
    ]


def _stay_at(records: Records, instant: datetime) -> Stay | None:
    """Finds the session that goes on at an instant; one that counts before one that does not."""
    there = [stay for stay in records.stays if stay.began <= instant < stay.ended]
    return max(there, key=lambda stay: (stay.counts, stay.began), default=None)


def _why(
    terms: Terms,
    records: Records,
    instant: datetime,
    stay: Stay | None,
    *,
    credited: Sequence[tuple[datetime, datetime]],
) -> Why:
    is_blind = _holds(records.gaps, instant)
    if is_blind and not terms.credits_gaps:
        return Why.BLIND
    if _roles_unknown(terms, records, instant) and not terms.credits_gaps:
        return Why.ROLES_UNKNOWN
    why = Why.AWAY if stay is None else _in_stay(terms, records, instant, stay)
    if why != Why.COUNTED and _holds(credited, instant):
        return Why.CREDITED
    return why


def _in_stay(terms: Terms, records: Records, instant: datetime, stay: Stay) -> Why:
    """Tells whether an instant within a session counts, gaps apart."""
    if not stay.counts:
        return Why.ELSEWHERE
    for state in STATES:
        if state in terms.idle and _holds(stay.states.get(state, ()), instant):
            return state
    if _roles_unknown(terms, records, instant):
        return Why.COUNTED if terms.credits_gaps else Why.ROLES_UNKNOWN
    held = {role_id for role_id, spans in records.roles.items() if _holds(spans, instant)}
    has_one = not terms.any_role_ids or bool(terms.any_role_ids & held)
    has_all = terms.all_role_ids <= held
    return Why.COUNTED if has_one and has_all and not terms.no_role_ids & held else Why.NO_ROLE


def _roles_unknown(terms: Terms, records: Records, instant: datetime) -> bool:
    return terms.asks_for_roles and _holds(records.roles_unknown, instant)


def _holds(spans: Sequence[Span], instant: datetime) -> bool:
    return any(began <= instant and (ended is None or instant < ended) for began, ended in spans)
