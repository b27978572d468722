"""What participation has to be, from the truth and the organizers' wishes alone."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from events_app.domain.plan import Plan
    from tests.botrunner.season.truth import Photo, Seen, Truth, Visit

NOTHING = timedelta(0)
Span = tuple["datetime", "datetime"]


@dataclass
class Wish:
    """What the organizers want of one event in the end, as the story itself remembers it.

    Attributes:
        channels: those that count, categories resolved; None for the whole guild.
        credits: what staff gave, by member: seconds and verdicts, in order.
    """

    plan: Plan
    channels: frozenset[int] | None
    is_cancelled: bool = False
    credits: dict[int, list[tuple[float, str]]] = field(default_factory=dict)


@dataclass
class Expected:
    """What is to be told of one member in one event, a full event apart."""

    first: datetime | None
    last: datetime | None
    counted_from: datetime | None
    seconds: float
    credited: float
    window: float
    sessions: list[Visit]
    stretches: int
    is_late: bool
    left_early: bool
    meets: bool
    verdict: str
    is_linked: set[tuple[int | None, datetime]]


class Oracle:
    """One event, piece by piece of time in which nothing changes."""

    def __init__(
        self,
        truth: Truth,
        wish: Wish,
        gaps: Sequence[Span],
        known_since: Mapping[int, datetime] | None,
        *,
        now: datetime,
    ) -> None:
        """Looks at one event.

        Args:
            truth: what happened.
            wish: what was asked.
            gaps: when nobody watched, as it is admitted; without what was replayed.
            known_since: since when each member's roles can be known; None where they always are.
            now: up to when.
        """
        self.truth, self.wish, self.plan, self.now = truth, wish, wish.plan, now
        self.starts, self.upto = wish.plan.starts_at, min(wish.plan.ends_at, now)
        self.known_since = known_since
        self.gaps = [gap for gap in gaps if gap[0] < self.upto and gap[1] > self.starts]
        self.credits_gaps = wish.plan.gap_policy == "credit"
        self.asks_for_roles = bool(plan_roles(wish.plan))
        self._taken = [photo.at for photo in truth.photos]

    def photo(self, instant: datetime) -> Photo:
        return self.truth.photos[bisect_right(self._taken, instant) - 1]

    def is_blind(self, instant: datetime) -> bool:
        return any(began <= instant < ended for began, ended in self.gaps)

    def has_roles(self, user_id: int, instant: datetime) -> bool:
        plan, held = self.plan, self.photo(instant).roles.get(user_id, frozenset())
        return (
            (not plan.any_role_ids or bool(plan.any_role_ids & held))
            and plan.all_role_ids <= held
            and not plan.no_role_ids & held
        )

    def is_idle(self, seen: Seen | None) -> bool:
        plan = self.plan
        return seen is None or (
            (seen.is_muted and not plan.counts_muted)
            or (seen.is_deafened and not plan.counts_deafened)
            or (seen.is_alone and not plan.counts_alone)
            or (seen.is_afk and not plan.counts_afk)
        )

    def expected(self, user_id: int) -> Expected | None:
        """Gives what is to be told; None for no row."""
        wish = self.wish
        sessions = [
            (visit, ended)
            for visit, ended in self.truth.sessions_of(user_id, now=self.now)
            if not visit.is_void and (wish.channels is None or visit.channel_id in wish.channels)
        ]
        pieces = self._pieces(sessions)

        def counts(instant: datetime) -> bool:
            there = any(visit.began <= instant < ended for visit, ended in sessions)
            return (
                there
                and not self.is_idle(self.photo(instant).voice.get(user_id))
                and self.has_roles(user_id, instant)
            )

        gifts = [
            gap
            for gap in self.gaps
            if self.credits_gaps and (counts(gap[0] - timedelta.resolution) or counts(gap[1]))
        ]
        known_since = self.starts
        if self.asks_for_roles and self.known_since is not None:
            known_since = self.known_since.get(user_id, self.now)
        # Before they joined they held none.
        joined = self.truth.joined[user_id]
        here, counted, room = [], [], NOTHING
        for began, ended in pieces:
            if any(visit.began <= began < end for visit, end in sessions):
                here.append((began, ended))
            blind = self.is_blind(began)
            is_unknown = joined <= began < known_since
            if (blind or is_unknown) and not self.credits_gaps:
                continue
            room += ended - began
            gift = any(first <= began < last for first, last in gifts)
            if gift if blind else counts(began):
                counted.append((began, ended))
        decided = wish.credits.get(user_id, [])
        if not here and not counted and not decided:
            return None
        return self._sum_up(user_id, sessions, here, counted, room)

    def _pieces(self, sessions: Sequence[tuple[Visit, datetime]]) -> list[Span]:
        edges = {self.starts, self.upto, *self._taken}
        for gap in self.gaps:
            edges.update(gap)
        edges.update((self.known_since or {}).values(), self.truth.joined.values())
        for visit, ended in sessions:
            edges |= {visit.began, ended}
        return list(pairwise(sorted(e for e in edges if self.starts <= e <= self.upto)))

    def _sum_up(
        self,
        user_id: int,
        sessions: Sequence[tuple[Visit, datetime]],
        here: list[Span],
        counted: list[Span],
        room: timedelta,
    ) -> Expected:
        plan, wish = self.plan, self.wish
        decided = wish.credits.get(user_id, [])
        seconds, window = length(counted), room.total_seconds()
        credited = min(sum(each for each, _ in decided), window - seconds)
        total = seconds + credited
        seen = [piece for piece in self._pieces([]) if not self.is_blind(piece[0])]
        in_window = [
            visit for visit, ended in sessions if visit.began < self.upto and ended > self.starts
        ]
        late, early = (
            timedelta(seconds=each) for each in (plan.late_grace_seconds, plan.early_grace_seconds)
        )
        is_over = self.now >= plan.ends_at
        last = here[-1][1] if here else None
        is_there = not is_over and user_id in self.photo(self.now).voice and last == self.upto
        return Expected(
            first=here[0][0] if here else None,
            last=None if is_there else last,
            counted_from=counted[0][0] if counted else None,
            seconds=seconds,
            credited=credited,
            window=window,
            sessions=in_window,
            stretches=came(here, timedelta(seconds=plan.rejoin_grace_seconds)),
            is_late=bool(here and seen) and here[0][0] > seen[0][0] + late,
            left_early=is_over and bool(here and seen) and here[-1][1] < seen[-1][1] - early,
            meets=total > 0
            and total >= (plan.minimum_seconds or 0)
            and total >= (plan.minimum_share or 0) * window,
            verdict=next((verdict for _, verdict in reversed(decided) if verdict), ""),
            is_linked={
                (visit.channel_id, visit.began)
                for visit, ended in sessions
                if any(
                    self.has_roles(user_id, began)
                    for began, _ in here
                    if visit.began <= began < ended
                )
            },
        )


def plan_roles(plan: Plan) -> frozenset[int]:
    return plan.any_role_ids | plan.all_role_ids | plan.no_role_ids


def length(spans: Sequence[Span]) -> float:
    return sum((ended - began for began, ended in spans), NOTHING).total_seconds()


def came(here: Sequence[Span], grace: timedelta) -> int:
    """How often a member came who was there at these times."""
    return sum(
        index == 0 or began - here[index - 1][1] > grace for index, (began, _) in enumerate(here)
    )
