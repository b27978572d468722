"""What a check of the books is asked to look at, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

OVERLAP: Final = "overlap"
NEGATIVE: Final = "negative"
ENDLESS: Final = "endless"
SUM: Final = "sum"
VISIT: Final = "visit"
ORPHAN: Final = "orphan"

KINDS: Final = (OVERLAP, NEGATIVE, ENDLESS, SUM, VISIT, ORPHAN)
"""``overlap``: a counted session that begins before an earlier one of the member in the guild
has ended. ``negative``: an end before its start, a stretch outside its session, a sum or an
uncertainty below zero. ``endless``: a session that goes on for longer than one may, or that
nobody is in any more. ``sum``: seconds that differ from their stretches. ``visit``: a visit
that differs from its sessions, or has none. ``orphan``: a row whose visit or session is
another member's, or gone."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check is to look at: all that changed, a share of the rest, and what was wrong.

    Attributes:
        now: the instant of the check.
        since: what changed from then on is looked at now.
        stale_after: how long a session may go on without a checkpoint.
        share: what part of all rows is looked at beside, above 0 and at most 1, so that
            all have their turn within a day.
        least_rows: so many of them at least.
        place: behind which row the last share ended, as the check itself has written it;
            empty for the beginning.
        known: ids of rows that were wrong lately, which are looked at again.
    """

    now: datetime
    since: datetime
    stale_after: timedelta
    share: float
    least_rows: int
    place: str
    known: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows that are wrong in one way.

    Attributes:
        kind: one of :data:`KINDS`, or a kind of an upper floor's own.
        rows: how many.
        ids: the first hundred, those that were not known before first.
    """

    kind: str
    rows: int
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check has seen.

    Attributes:
        rows: how many rows it looked at.
        findings: those among them that are wrong, by kind.
        place: behind which row its share ended; empty where it came to the last one.
    """

    rows: int
    findings: tuple[Finding, ...]
    place: str = ""


BookCheck = Callable[[Look], Seen]
"""A check of some of the books; one that looks at everything each time leaves ``place`` empty."""
