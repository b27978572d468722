"""Blind gaps as a comparison reads them: when whom nobody watched.

A gap that was replayed hid nothing: what it makes uncertain stands in the rows. Of the
others this much may be wrong: the time in the gap of those whose truth changed in it.
Whoever stayed where they were all the time is found there again, and their session goes on.
The one exception is a gap in which the bot was not in the guild, which ends all sessions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from botrunner.domain import spans
from sessions_app.domain.words import BOT_REMOVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from botrunner.domain.spans import Span
    from botrunner.domain.truth_file import TrueStay


@dataclass(frozen=True, slots=True)
class Gap:
    """A row of the table of blind gaps. Times are microseconds.

    Attributes:
        user_id: the one member whom it concerns; None for everyone.
    """

    guild_id: int
    user_id: int | None
    began: int
    ended: int
    cause: str = ""
    is_replayed: bool = False


@dataclass(slots=True)
class GapSums:
    """What there is of gaps; times in microseconds.

    Attributes:
        rows: those that concern everyone in a guild, and were not replayed.
        of_members: those that concern one member, and were not replayed.
        replayed: the others.
        length: of the first, where they overlap in a guild only once.
        length_of_members: of the second, likewise.
        changed: members whose truth changed in a gap, added up over the gaps.
        allowed: the lengths of those gaps, added up over those members.
        excess: wrong time in gaps and about them that they do not account for.
    """

    rows: int = 0
    of_members: int = 0
    replayed: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    length: int = 0
    length_of_members: int = 0
    changed: int = 0
    allowed: int = 0
    excess: int = 0


class MemberGaps(NamedTuple):
    """The gaps of one member, in order and apart.

    Attributes:
        unseen: all of them, but for the replayed ones.
        unwatched: those among them in which the bot was not in the guild.
    """

    unseen: list[Span]
    unwatched: list[Span]

    def concerning(self, stays: Sequence[TrueStay], *, tolerance: int) -> list[Span]:
        """Gives the gaps in which something of a member's stays may have been missed.

        Args:
            stays: all of the member's, in any order.
            tolerance: what delivery may cost, in microseconds: what happened so shortly
                before or after a gap may count as in it.
        """
        if not self.unseen:
            return []
        changes = sorted(
            instant for stay in stays for instant in (stay.began, stay.ended) if instant is not None
        )
        concerning = list(spans.common(self.unwatched, _covered(stays)))
        for began, ended in self.unseen:
            index = bisect_left(changes, began - tolerance)
            if index < len(changes) and changes[index] <= ended + tolerance:
                concerning.append((began, ended))
        return spans.merged(concerning)


def _covered(stays: Iterable[TrueStay]) -> list[Span]:
    forever = 2**63
    return spans.merged(
        (stay.began, forever if stay.ended is None else stay.ended) for stay in stays
    )


class BlindGaps:
    """All gaps of a comparison, by guild and member."""

    def __init__(
        self, gaps: Iterable[Gap], *, guilds: Collection[int], beginning: int, at: int
    ) -> None:
        """Sorts them, and cuts them to the time that is compared.

        Args:
            gaps: rows of the table, in any order.
            guilds: those that are compared.
            beginning: where the comparison begins.
            at: where it ends.
        """
        self.sums = GapSums()
        of_guild: defaultdict[int, list[Span]] = defaultdict(list)
        of_member: defaultdict[tuple[int, int], list[Span]] = defaultdict(list)
        unwatched: defaultdict[int, list[Span]] = defaultdict(list)
        for gap in gaps:
            span = max(gap.began, beginning), min(gap.ended, at)
            if gap.guild_id not in guilds or span[0] > span[1]:
                continue
            self.sums.causes[gap.cause] += 1
            if gap.is_replayed:
                self.sums.replayed += 1
            elif gap.user_id is not None:
                self.sums.of_members += 1
                of_member[gap.guild_id, gap.user_id].append(span)
            else:
                self.sums.rows += 1
                of_guild[gap.guild_id].append(span)
                if gap.cause == BOT_REMOVED:
                    unwatched[gap.guild_id].append(span)
        self._of_guild = {key: spans.merged(found) for key, found in of_guild.items()}
        self._of_member = {key: spans.merged(found) for key, found in of_member.items()}
        self._unwatched = {key: spans.merged(found) for key, found in unwatched.items()}
        self.sums.length = sum(map(spans.length, self._of_guild.values()))
        self.sums.length_of_members = sum(map(spans.length, self._of_member.values()))

    def of(self, guild_id: int, user_id: int) -> MemberGaps:
        """Gives a member's: the guild's and their own."""
        of_guild = self._of_guild.get(guild_id, [])
        own = self._of_member.get((guild_id, user_id))
        return MemberGaps(
            of_guild if own is None else spans.merged([*of_guild, *own]),
            self._unwatched.get(guild_id, []),
        )
