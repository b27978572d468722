"""What Rollcall is to make of the true stays: row V4, micro-stays are not kept.

A stay shorter than the limit, by its own length in its channel, leaves no session; its
time goes to the session that follows in the visit. The last one of a visit is dropped,
with or without its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class SeenStay:
    """A true stay cut to what Rollcall could see of it. Times are microseconds.

    Attributes:
        ended: its end, or the comparison's instant where it goes on.
        under_way: whether it goes on.
        cut: whether it had begun before the guild was first seen.
        hidden: whether a gap hid a part of it.
    """

    channel_id: int
    began: int
    ended: int
    under_way: bool = False
    cut: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedStay:
    """A session as it should have been tracked.

    Attributes:
        entered: where it entered its channel.
        began: the same, or the beginning of the first of the micro-stays dropped before it.
        latest_end: up to where it may reach instead of ``ended``: over the micro-stays
            that ended the visit after it.
    """

    channel_id: int
    entered: int
    began: int
    ended: int
    latest_end: int
    under_way: bool


def visits_of(stays: Sequence[SeenStay]) -> Iterator[Sequence[SeenStay]]:
    """Splits a member's stays, in order, into visits: stays that touch end to start exactly.

    Nobody moves to where they are: a stay in the same channel begins a new visit.
    """
    first = 0
    for index in range(1, len(stays) + 1):
        if (
            index == len(stays)
            or stays[index].began != stays[index - 1].ended
            or stays[index].channel_id == stays[index - 1].channel_id
        ):
            yield stays[first:index]
            first = index


def without_micro_stays(
    visit: Sequence[SeenStay],
    *,
    micro: int,
    tolerance: int,
    has_session: Callable[[SeenStay], bool],
    is_late: Callable[[SeenStay], bool],
) -> tuple[list[ExpectedStay], list[SeenStay]]:
    """Applies V4 to a visit.

    Args:
        visit: its stays in order.
        micro: microseconds below which a stay is not kept.
        tolerance: microseconds by which a measured length may differ from the true one.
        has_session: decides where either is right: within the tolerance of the limit,
            and for a stay whose whole length was not to be seen (yet).
        is_late: whether a stay was heard of late, so that its length was not to be seen.

    Returns:
        The stays to expect, and those that were dropped.
    """
    expected: list[ExpectedStay] = []
    dropped: list[SeenStay] = []
    carried: int | None = None
    for stay in visit:
        own_length = stay.ended - stay.began
        in_doubt = abs(own_length - micro) < tolerance or (
            (stay.under_way or stay.cut or stay.hidden or is_late(stay))
            and own_length < micro + tolerance
        )
        if has_session(stay) if in_doubt else own_length >= micro:
            began = stay.began if carried is None else carried
            expected.append(
                ExpectedStay(
                    stay.channel_id, stay.began, began, stay.ended, stay.ended, stay.under_way
                )
            )
            carried = None
        else:
            dropped.append(stay)
            carried = stay.began if carried is None else carried
    if carried is not None and expected:
        expected[-1] = replace(expected[-1], latest_end=visit[-1].ended)
    return expected, dropped
