"""Sessions that nobody's stay explains."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from botrunner.domain.comparison import Orphan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from botrunner.domain.comparison import Measure
    from botrunner.domain.expected_stays import SeenStay
    from botrunner.domain.tracked_session import TrackedSession


def orphans_among(
    sessions: Iterable[TrackedSession],
    stays_in: Mapping[int, Sequence[SeenStay]],
    measure: Measure,
) -> Iterator[Orphan]:
    """Finds them among a member's sessions.

    Args:
        sessions: the member's.
        stays_in: channel id to the member's stays there, in order and apart.
        measure: up to when, and how closely.
    """
    for session in sessions:
        if session.started >= measure.at - measure.tolerance:
            continue
        stays = stays_in.get(session.channel_id, ())
        ended = measure.at if session.ended is None else min(session.ended, measure.at)
        earliest = session.started - session.start_uncertainty - measure.tolerance
        latest = max(session.started, ended) + session.end_uncertainty + measure.tolerance
        if not _any_touches(stays, earliest, latest):
            why = "no stay of the member in that channel"
        elif session.ended is None and not _any_touches(
            stays, measure.at - measure.orphaned_after, measure.at
        ):
            why = "still active though the member has left"
        else:
            continue
        yield Orphan(session.id, session.guild_id, session.user_id, session.channel_id, why)


def _any_touches(stays: Sequence[SeenStay], earliest: int, latest: int) -> bool:
    index = bisect_left(stays, earliest, key=lambda stay: stay.ended)
    return index < len(stays) and stays[index].began <= latest
