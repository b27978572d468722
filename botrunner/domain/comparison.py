"""What a comparison of truth and sessions is asked, and what it finds.

All times are integers of microseconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from botrunner.domain.blind_gaps import GapSums
from botrunner.domain.boundary_errors import BoundaryErrors


@dataclass(frozen=True, slots=True)
class Measure:
    """How the comparison measures; everything in microseconds.

    Attributes:
        at: up to when truth and sessions are compared.
        tolerance: by how much a live fact's arrival may lag behind the truth.
        micro: below which a stay is not kept (row V4).
        orphaned_after: how long after a member left an active session is an orphan.
    """

    at: int
    tolerance: int
    micro: int
    orphaned_after: int


class Piece(NamedTuple):
    """Time that is wrong beyond what its rows allow for."""

    length: int
    kind: str
    guild_id: int
    user_id: int
    channel_id: int
    began: int
    ended: int


class Orphan(NamedTuple):
    """A session that nobody's stay explains."""

    session_id: str
    guild_id: int
    user_id: int
    channel_id: int
    why: str


@dataclass(slots=True)
class Wrong:
    """Lost or phantom time, told apart.

    Attributes:
        raw: all of it.
        micro: the part of it that comes from dropped micro-stays, as it should.
        in_gaps: the part of it that lies in blind gaps, whoever they concern.
        rest: what is wrong against the stays that V4 leaves.
        beyond: the part of the rest that neither the rows' uncertainty nor a gap states.
    """

    raw: int = 0
    micro: int = 0
    in_gaps: int = 0
    rest: int = 0
    beyond: int = 0


@dataclass(slots=True)
class Comparison:
    """The sums; times in microseconds.

    Attributes:
        before_sight: true time before its guild, or the member, was first seen.
        set_aside: true time without a session that is left out with staff's corrections.
        ignored: sessions in guilds that the truth does not know, or over before it begins.
        left_out: sessions that are not compared, by why.
        negative: sessions that end before they start.
        gaps: what there is of blind gaps, and what is wrong beyond them.
        worst: the longest pieces beyond the stated uncertainty.
        excesses: the longest pieces that gaps do not account for.
        orphans: the first of the orphaned sessions.
    """

    stays: int = 0
    sessions: int = 0
    true: int = 0
    tracked: int = 0
    before_sight: int = 0
    set_aside: int = 0
    lost: Wrong = field(default_factory=Wrong)
    phantom: Wrong = field(default_factory=Wrong)
    double: int = 0
    negative: int = 0
    micro_stays: int = 0
    orphaned: int = 0
    ignored: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    boundaries: BoundaryErrors = field(default_factory=BoundaryErrors)
    gaps: GapSums = field(default_factory=GapSums)
    orphans: list[Orphan] = field(default_factory=list)
    worst: list[Piece] = field(default_factory=list)
    excesses: list[Piece] = field(default_factory=list)
