"""What Rollcall tracked, held against what really was.

All times are integers of microseconds. A member's time is compared channel by channel:
``lost`` is true time that no session in that channel covers, ``phantom`` a session's time
in which the member was not in that channel.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from botrunner.domain.blind_gaps import BlindGaps
from botrunner.domain.comparison import Comparison
from botrunner.domain.member_comparison import MemberComparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botrunner.domain.blind_gaps import Gap
    from botrunner.domain.comparison import Measure
    from botrunner.domain.tracked_session import TrackedSession
    from botrunner.domain.truth_file import TrueStay


def compare(
    stays: Iterable[TrueStay],
    sessions: Iterable[TrackedSession],
    measure: Measure,
    first_sights: Mapping[int, int],
    gaps: Iterable[Gap] = (),
) -> Comparison:
    """Compares the truth with the tracked sessions, member by member.

    Args:
        stays: the truth, in any order; a member's stays in a guild do not overlap.
        sessions: rows of the table, in any order.
        measure: up to when, and how closely.
        first_sights: guild id to when its voice was first seen: earlier truth could not
            be known and is only counted.
        gaps: rows of the table of blind gaps, in any order.
    """
    true_of: defaultdict[tuple[int, int], list[TrueStay]] = defaultdict(list)
    beginning = measure.at
    for stay in stays:
        if stay.began < measure.at:
            true_of[stay.guild_id, stay.user_id].append(stay)
            beginning = min(beginning, stay.began)
    guilds = {guild_id for guild_id, _ in true_of}
    blind = BlindGaps(gaps, guilds=guilds, beginning=beginning, at=measure.at)
    result = Comparison(stays=sum(map(len, true_of.values())), gaps=blind.sums)
    tracked_of: defaultdict[tuple[int, int], list[TrackedSession]] = defaultdict(list)
    for session in sessions:
        is_negative = session.ended is not None and session.ended < session.started
        is_over_before = session.ended is not None and session.ended < beginning
        if session.guild_id not in guilds:
            result.ignored += 1
            continue
        result.negative += is_negative
        if is_over_before and not is_negative:
            result.ignored += 1
        elif session.started < measure.at:
            tracked_of[session.guild_id, session.user_id].append(session)
    for guild_id, user_id in sorted(true_of.keys() | tracked_of.keys()):
        MemberComparison(guild_id, user_id, measure, result).compare(
            true_of.get((guild_id, user_id), ()),
            tracked_of.get((guild_id, user_id), ()),
            sight=first_sights.get(guild_id),
            gaps=blind.of(guild_id, user_id),
        )
    return result
