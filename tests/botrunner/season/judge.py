"""Holds the database against the oracle: participation, links, gaps, and a full rebuild."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from events_app.models import Event, Participation, SessionLink
from events_app.services import rollup
from sessions_app.models import BlindGap, VoiceSession
from tests.botrunner.season.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from tests.botrunner.season.oracle import Expected, Span, Wish
    from tests.botrunner.season.truth import Truth

# Sums of microseconds in floating point.
ROUNDING = 1e-5


@dataclass
class Figures:
    """What was compared.

    Attributes:
        exact: rows of those of whom nothing changed while the bot was blind.
        seconds: those that participation says.
        unsure: those by which it says to be unsure.
        off: those by which it is off, where it says so.
        outside: those by which it is off beyond what it says.
    """

    rows: int = 0
    exact: int = 0
    seconds: float = 0.0
    unsure: float = 0.0
    off: float = 0.0
    outside: float = 0.0
    links: int = 0
    wrong: list[str] = field(default_factory=list)


class Judge:
    """Compares one event at a time, for those in the worker's thread."""

    def __init__(
        self,
        truth: Truth,
        dark: list[tuple[datetime, datetime, bool]],
        *,
        watches_members: bool,
    ) -> None:
        """Has compared nothing yet.

        Args:
            truth: what happened.
            dark: when a bot was blind, and whether Discord told it afterwards.
            watches_members: whether bots are told of roles that change.
        """
        self.truth, self.dark, self.watches_members = truth, dark, watches_members
        self.figures = Figures()

    def judge(self, event_id: UUID, wish: Wish, *, now: datetime) -> None:
        """Compares what the database says of an event with what has to be."""
        figures = self.figures
        event = Event.objects.get(pk=event_id)
        rows = {row.user_id: row for row in Participation.objects.filter(event=event)}
        if wish.is_cancelled:
            self._check(f"{event_id}: cancelled, and counts", not rows)
            return
        for name in ("starts_at", "ends_at", "gap_policy", "minimum_share", "capacity"):
            is_so = getattr(event, name) == getattr(wish.plan, name)
            self._check(f"{event_id}: {name} is {getattr(event, name)}", is_so)
        counted = event.counted_channel_ids
        channels = None if counted is None else frozenset(counted)
        self._check(f"{event_id}: other channels count", channels == wish.channels)

        known_since = None if self.watches_members else self.truth.met
        oracle = Oracle(self.truth, wish, gaps_of(event), known_since, now=now)
        wanted = {user_id: oracle.expected(user_id) for user_id in self.truth.people()}
        places = self._places(wish, wanted)
        for user_id, expected in wanted.items():
            row = rows.pop(user_id, None)
            who = f"{event_id} of {event.starts_at:%m-%d}, member {user_id}"
            if expected is None or row is None:
                unseen = (
                    expected is not None
                    and expected.seconds + expected.credited == 0
                    and self._is_unseen(expected, oracle)
                )
                self._check(
                    f"{who}: row {row}, expected {expected}",
                    (expected is None and row is None) or unseen,
                )
                continue
            figures.rows += 1
            figures.seconds += row.seconds
            figures.unsure += row.uncertainty
            off = abs(row.seconds - expected.seconds)
            figures.off += off
            figures.outside += max(0.0, off - row.uncertainty - ROUNDING)
            for what, is_so in self._rules(row, expected, oracle, user_id, places):
                self._check(f"{who}: {what}", is_so)
        self._check(f"{event_id}: rows of {sorted(rows)}", not rows)
        self._links(event, wanted, oracle)

    def all_is_as_rebuilt(self, *, now: datetime) -> None:
        """A full rebuild changes nothing."""
        before = self._rows()
        rollup.rebuild(now=now)
        after = self._rows()
        self._check("a rebuild changes rows", before == after)

    def gaps_cover_the_dark(self) -> None:
        """Whenever the bot was blind, gaps say so."""
        for began, ended, was_told in self.dark:
            if began == ended:
                continue
            rows = BlindGap.objects.filter(user_id=None, began_at__lte=began, ended_at__gte=ended)
            if not was_told:
                # The other way round is right: a bot that was cut off for long starts anew.
                rows = rows.filter(is_replayed=False)
            was_empty = not any(
                stay.began <= ended and (stay.ended is None or stay.ended >= began)
                for stay in self.truth.stays
            )
            is_so = rows.exists() or (was_told and was_empty)
            self._check(f"no gap for the dark from {began} to {ended}", is_so)
        watched = BlindGap.objects.filter(user_id=None)
        for gap in watched:
            is_so = any(
                gap.began_at <= ended and gap.ended_at >= began for began, ended, _ in self.dark
            )
            self._check(
                f"a gap from {gap.began_at} to {gap.ended_at}, where all was watched", is_so
            )

    def _check(self, what: str, is_so: bool) -> None:
        if not is_so:
            self.figures.wrong.append(what)

    # One row ------------------------------------------------------------------------------

    def _rules(
        self,
        row: Participation,
        expected: Expected,
        oracle: Oracle,
        user_id: int,
        places: dict[int, bool],
    ) -> Iterator[tuple[str, bool]]:
        off = abs(row.seconds - expected.seconds)
        yield (
            f"{row.seconds} s ± {row.uncertainty}, truly {expected.seconds}",
            off <= row.uncertainty + ROUNDING,
        )
        yield (
            f"window of {row.window_seconds} s, truly {expected.window}",
            abs(row.window_seconds - expected.window) <= ROUNDING,
        )
        yield (
            f"credited {row.credited_seconds} s, truly {expected.credited}",
            abs(row.credited_seconds - expected.credited) <= row.uncertainty + ROUNDING,
        )
        share = (row.seconds + row.credited_seconds) / expected.window if expected.window else None
        yield f"share {row.share}", share is None or abs((row.share or 0) - share) <= ROUNDING
        is_qualified = expected.verdict == "qualified" or (
            not expected.verdict and expected.meets and places[user_id]
        )
        yield (
            f"qualified: {row.is_qualified}, {row.reasons}, truly {is_qualified}",
            row.is_in_doubt or row.is_qualified == is_qualified,
        )
        if self._changed_in_the_dark(user_id, oracle):
            return
        self.figures.exact += 1
        yield f"off by {off} s though all was watched", off <= ROUNDING
        most = self._told_later(oracle) + ROUNDING
        yield f"± {row.uncertainty} though all was watched", row.uncertainty <= most
        for name, found, true in (
            ("first_arrival_at", row.first_arrival_at, expected.first),
            ("last_departure_at", row.last_departure_at, expected.last),
            ("counted_from", row.counted_from, expected.counted_from),
            ("sessions", row.sessions, len(expected.sessions)),
            ("stretches", row.stretches, expected.stretches),
            ("is_late", row.is_late, expected.is_late),
            ("left_early", row.left_early, expected.left_early),
        ):
            yield f"{name} is {found}, truly {true}", found == true

    def _places(self, wish: Wish, wanted: dict[int, Expected | None]) -> dict[int, bool]:
        """Says who has a place."""
        in_line = sorted(
            (expected.counted_from or wish.plan.ends_at, user_id)
            for user_id, expected in wanted.items()
            if expected is not None and expected.meets and not expected.verdict
        )
        full = {user_id for _, user_id in in_line[wish.plan.capacity or len(in_line) :]}
        return {user_id: user_id not in full for user_id in wanted}

    def _spans_of_dark(self, oracle: Oracle) -> Iterator[Span]:
        for began, ended, _ in self.dark:
            if began < oracle.upto and ended > oracle.starts:
                yield began, ended

    def _told_later(self, oracle: Oracle) -> float:
        """By how much those may be off who were there while Discord could not say when."""
        plan = oracle.plan
        if plan.counts_muted and plan.counts_deafened and plan.counts_alone:
            return 0.0
        told = (
            ended - began
            for began, ended, was_told in self.dark
            if was_told and began < oracle.upto and ended > oracle.starts
        )
        # From the last that was heard on, which is a minute old at most.
        return sum(each.total_seconds() + 60 for each in told)

    def _changed_in_the_dark(self, user_id: int, oracle: Oracle) -> bool:
        """Whether anything of a member, or of their company, changed while nobody watched."""
        for began, ended in self._spans_of_dark(oracle):
            photos = [p for p in self.truth.photos if began < p.at <= ended]
            before = oracle.photo(began)
            pictures = {
                (photo.voice.get(user_id), photo.roles.get(user_id)) for photo in (before, *photos)
            }
            ends = {began, ended}
            came_back = any(
                stay.user_id == user_id
                and (began < stay.began <= ended or (stay.ended and began < stay.ended <= ended))
                for stay in self.truth.stays
            )
            if len(pictures) > 1 or came_back or ends & {oracle.starts, oracle.upto}:
                return True
        held = {p.roles.get(user_id) for p in self.truth.photos if p.at < oracle.upto}
        return not self.watches_members and len(held) > 1

    def _is_unseen(self, expected: Expected, oracle: Oracle) -> bool:
        """Whether a member was there in the dark alone."""
        return all(
            visit.ended is not None
            and any(
                began <= max(visit.began, oracle.starts) and visit.ended <= ended
                for began, ended in self._spans_of_dark(oracle)
            )
            for visit in expected.sessions
        )

    # Links --------------------------------------------------------------------------------

    def _links(self, event: Event, wanted: dict[int, Expected | None], oracle: Oracle) -> None:
        linked = VoiceSession.objects.filter(
            pk__in=SessionLink.objects.filter(event=event).values("session_id")
        )
        found: dict[int, set[tuple[int | None, datetime]]] = {}
        for session in linked:
            found.setdefault(session.user_id, set()).add((session.channel_id, session.started_at))
        for user_id, expected in wanted.items():
            has = found.pop(user_id, set())
            if self._changed_in_the_dark(user_id, oracle):
                continue
            self.figures.links += len(has)
            wants = set() if expected is None else expected.is_linked
            self._check(f"{event.pk}: links of {user_id}: {has ^ wants}", has == wants)
        self._check(f"{event.pk}: links of strangers", not found)

    @staticmethod
    def _rows() -> list[Any]:
        rows = Participation.objects.order_by("event_id", "user_id")
        links = SessionLink.objects.order_by("event_id", "session_id")
        values = [
            {name: value for name, value in row.items() if name != "id"} for row in rows.values()
        ]
        return [*values, *links.values_list("event_id", "session_id", "user_id")]


def gaps_of(event: Event) -> list[Span]:
    """Gives the blind gaps of a guild as it admits them, without those that Discord told."""
    gaps = BlindGap.objects.filter(guild_id=event.guild_id, user_id=None, is_replayed=False)
    return list(gaps.values_list("began_at", "ended_at"))
