"""Since when a member's roles are known, and how far back a change of them may lie. Pure.

With the members intent Discord tells each change of roles as it happens, and what a gap hid
happened in the gap. Without it, a member's roles are seen only when a payload about their
voice passes by: a change that is found then may have happened at any time since such a
payload was last seen. The gateway remembers when that was, for the members of its memory.
Of others (after a restart, or where too many passed by since) the stored rows say when at
least: a span's boundary, and the instant since which the roles are known, are instants at
which the member was seen. The newest of them is earlier than the last sight or equal to it,
so that the uncertainty reaches too far rather than not far enough.

Whoever switches the intent on should know that the first statement after it takes the
members for watched since the bot was last seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from community.domain.directory import MemberRecord
    from community.domain.role_spans import Span


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as they are stored; ``gone_at`` is None while they are in the guild.

    Attributes:
        roles_known_since: from when on it is known which roles they hold; None where it is
            not, or not any more.
    """

    record: MemberRecord
    gone_at: datetime | None = None
    roles_known_since: datetime | None = None


def known_since(
    known: MemberRow | None, member: MemberRecord, *, at: datetime, saw_them_join: bool
) -> datetime:
    """Tells since when the roles of a member who is seen now are known.

    From their first sight on; where their joining was seen, from that on. One who left and
    is back, as the time of their joining tells too, is known anew.

    Args:
        known: how they are stored; None at their first sight.
        member: how they are stated.
        at: when they are seen.
        saw_them_join: whether they joined while changes of members were told.
    """
    if known is not None and known.roles_known_since is not None and not is_back(known, member):
        return known.roles_known_since
    if saw_them_join and member.joined_at is not None:
        return min(member.joined_at, at)
    return at


def is_back(known: MemberRow, member: MemberRecord) -> bool:
    """Tells whether a member who is seen had left since they were stored."""
    if known.gone_at is not None:
        return True
    before, now = known.record.joined_at, member.joined_at
    return before is not None and now is not None and now > before


def seen_last(
    known: MemberRow | None, spans: Iterable[Span], *, told: datetime | None
) -> datetime | None:
    """Tells when a member was seen last, or an earlier instant at which they were seen.

    Args:
        known: how they are stored.
        spans: theirs, those at least that are held.
        told: what the gateway remembers; None where it remembers nothing.

    Returns:
        None where nothing tells.
    """
    if told is not None:
        return told
    sights = [] if known is None else [known.roles_known_since]
    for span in spans:
        sights.append(_before(span.started_at, span.start_uncertainty))
        if span.ended_at is not None:
            sights.append(_before(span.ended_at, span.end_uncertainty))
    return max((sight for sight in sights if sight is not None), default=None)


def _before(moment: datetime, seconds: float) -> datetime:
    """Gives the earliest instant that a boundary may stand for: what was read may have waited."""
    return moment - timedelta(seconds=seconds)
