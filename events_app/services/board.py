"""Who is there, who has left and who is missing, while an event is on and afterwards."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from community.models import Member
from events_app.domain.counting import Why, explain
from events_app.models import Interest
from events_app.services.finding import find_event
from events_app.services.member_records import (
    counted_sessions,
    known_of,
    members_about,
    terms_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from events_app.domain.counting import Piece
    from events_app.models import Event

MOST_STEPS: Final = 400
"""A curve has no more steps than a screen can show."""

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Presence:
    """When a member was there, and whether that time counts.

    Attributes:
        user_id: the member's user id.
        name: as shown in the guild; ``user`` and the id where they are not mirrored.
        spans: from, until, and whether it counts; in order, within the window.
    """

    user_id: int
    name: str
    spans: list[tuple[datetime, datetime, bool]]


@dataclass(frozen=True, slots=True)
class Board:
    """An event at a glance; of one that is over, as it was at its end.

    Attributes:
        event: the event.
        expected: those who said that they are interested; without any, those who came.
        present: those who are there; who is away for less than the rejoin grace is, too.
        left: those who were there in the window and are not now.
        missing: those expected who never came.
        curve: how many were there from each instant on.
    """

    event: Event
    expected: list[int]
    present: list[int]
    left: list[int]
    missing: list[int]
    curve: list[tuple[datetime, int]]


def board_of(event_id: UUID, *, now: datetime) -> Board:
    """Tells who is there, has left or is missing; user ids are in the order of arrival.

    Before the window begins, those are there who are in a channel that counts already.

    Raises:
        NoSuchEventError: there is no such event.
    """
    event = find_event(event_id)
    since, moment = min(event.starts_at, now), min(event.ends_at, now)
    stays = _stays(event, since=since, moment=moment)
    grace = timedelta(seconds=event.rejoin_grace_seconds)
    present = [
        user_id
        for user_id, stretches in stays.items()
        if (ended := max(until for _, until in stretches)) == moment
        or (now < event.ends_at and moment - ended <= grace)
    ]
    came = list(stays)
    interested = list(
        Interest.objects.filter(event=event)
        .order_by("since", "user_id")
        .values_list("user_id", flat=True)
    )
    here, known = set(present), set(came)
    return Board(
        event=event,
        expected=interested or came,
        present=present,
        left=[user_id for user_id in came if user_id not in here],
        missing=[user_id for user_id in interested if user_id not in known],
        curve=_curve(stays.values(), starts=since, upto=moment) if since < moment else [],
    )


def presences_of(event_id: UUID, *, now: datetime) -> list[Presence]:
    """Tells when each member was there, and which of it counts; by their first arrival.

    Time in a channel that does not count is none; a blind gap that is credited is.

    Raises:
        NoSuchEventError: there is no such event.
    """
    event = find_event(event_id)
    upto = min(event.ends_at, now)
    if not event.is_on or upto <= event.starts_at:
        return []
    first, last = event.starts_at, upto
    members = members_about(event, since=first, until=last)
    known = known_of(event, members, now=now)
    for gap in known.gaps:
        first, last = min(first, gap.began_at), max(last, gap.ended_at)
    if (first, last) != (event.starts_at, upto):
        # Who was seen just before a gap may be credited with it.
        members |= members_about(event, since=first, until=last)
        known = known_of(event, members, now=now)
    names = dict(
        Member.objects.order_by()
        .filter(guild_id=event.guild_id, user_id__in=members)
        .values_list("user_id", "display_name")
    )
    terms = terms_of(event, upto=upto)
    found = [
        Presence(user_id, names.get(user_id, f"user {user_id}"), spans)
        for user_id in members
        if (spans := _spans(explain(terms, known.records[user_id])))
    ]
    return sorted(found, key=lambda presence: (presence.spans[0][0], presence.user_id))


def _stays(event: Event, *, since: datetime, moment: datetime) -> dict[int, list[Stretch]]:
    """Gives who was there when, cut to the window so far; in the order of arrival."""
    found: dict[int, list[Stretch]] = defaultdict(list)
    rows = counted_sessions(event, since=since, until=moment)
    for user_id, began, ended in rows.values_list("user_id", "started_at", "ended_at"):
        until = moment if ended is None else min(ended, moment)
        from_ = max(began, since)
        if from_ < until or (ended is None and from_ == until == moment == since):
            found[user_id].append((from_, until))
    in_order = sorted(found, key=lambda user_id: (found[user_id][0], user_id))
    return {user_id: found[user_id] for user_id in in_order}


def _curve(
    members: Iterable[Sequence[Stretch]], *, starts: datetime, upto: datetime
) -> list[tuple[datetime, int]]:
    """Counts heads at each instant at which their number changes, or evenly over the window."""
    changes: dict[datetime, int] = defaultdict(int)
    for stretches in members:
        for began, ended in stretches:
            changes[began] += 1
            if ended < upto:
                changes[ended] -= 1
    heads, steps = 0, [(starts, 0)]
    for instant in sorted(changes):
        heads += changes[instant]
        if steps[-1][0] == instant:
            steps.pop()
        if not steps or steps[-1][1] != heads:
            steps.append((instant, heads))
    return steps if len(steps) <= MOST_STEPS else _thinned(steps, starts=starts, upto=upto)


def _thinned(
    steps: Sequence[tuple[datetime, int]], *, starts: datetime, upto: datetime
) -> list[tuple[datetime, int]]:
    """Reads a curve at even distances."""
    width = (upto - starts) / MOST_STEPS
    thin: list[tuple[datetime, int]] = []
    following = 0
    for index in range(MOST_STEPS):
        instant = starts + index * width
        while following < len(steps) and steps[following][0] <= instant:
            following += 1
        thin.append((instant, steps[following - 1][1]))
    return thin


def _spans(pieces: Sequence[Piece]) -> list[tuple[datetime, datetime, bool]]:
    """Gives the pieces in which a member was there, neighbours that count alike as one."""
    spans: list[tuple[datetime, datetime, bool]] = []
    for piece in pieces:
        is_there = piece.stay is not None and piece.stay.counts and piece.why != Why.ELSEWHERE
        if not is_there and not piece.counts:
            continue
        if spans and spans[-1][1] == piece.began and spans[-1][2] == piece.counts:
            spans[-1] = (spans[-1][0], piece.ended, piece.counts)
        else:
            spans.append((piece.began, piece.ended, piece.counts))
    return spans
