"""The comparison against an oracle: the same questions asked of every tick, one by one."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from botrunner.domain.blind_gaps import Gap
from botrunner.domain.comparison import Comparison, Measure
from botrunner.domain.tracked_session import TrackedSession
from botrunner.domain.truth_comparison import compare
from botrunner.domain.truth_file import TrueStay

GUILD, ANNA, BELA = 1, 20, 21
CHANNELS = (300, 301, 302)
TICKS = 24


@dataclass
class Story:
    stays: list[TrueStay]
    sessions: list[TrackedSession]
    sight: int | None
    micro: int
    gaps: list[Gap] = field(default_factory=list)

    @property
    def beginning(self) -> int:
        return min((each.began for each in self.stays), default=TICKS)

    def compared(self, *, micro: int) -> Comparison:
        measure = Measure(at=TICKS, tolerance=0, micro=micro, orphaned_after=0)
        sights = {} if self.sight is None else {GUILD: self.sight}
        return compare(self.stays, self.sessions, measure, sights, self.gaps)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A member's stays that do not overlap, sessions that are as wrong as can be, and gaps."""
    edges = sorted(draw(st.sets(st.integers(0, TICKS), max_size=8)))
    stays: list[TrueStay] = []
    before: int | None = None
    for start, end in pairwise(edges):
        channel = draw(st.sampled_from([None, *CHANNELS]))
        if channel is not None and channel != before:
            stays.append(TrueStay(GUILD, ANNA, channel, start, end))
        before = channel
    goes_on = draw(st.booleans())
    if stays and goes_on:
        last = stays.pop()
        stays.append(TrueStay(GUILD, ANNA, last.channel_id, last.began, None))
    sessions = [
        TrackedSession(
            str(index),
            GUILD,
            ANNA,
            draw(st.sampled_from(CHANNELS)),
            draw(st.sampled_from(["completed", "completed", "stale", "cancelled"])),
            start,
            min(start + draw(st.integers(0, 9)), TICKS),
            start_uncertainty=draw(st.integers(0, 3)),
            end_uncertainty=draw(st.integers(0, 3)),
        )
        for index, start in enumerate(draw(st.lists(st.integers(0, TICKS - 1), max_size=6)))
    ]
    gaps = [
        Gap(
            draw(st.sampled_from([GUILD, GUILD, GUILD, 2])),
            draw(st.sampled_from([None, None, ANNA, BELA])),
            start,
            start + draw(st.integers(0, 6)),
            draw(st.sampled_from(["bot_down", "bot_down", "bot_removed"])),
            draw(st.sampled_from([False, False, True])),
        )
        for start in draw(st.lists(st.integers(0, TICKS), max_size=3))
    ]
    sight = draw(st.one_of(st.none(), st.integers(0, TICKS)))
    return Story(stays, sessions, sight, draw(st.integers(0, 4)), gaps)


# The truth and the sessions --------------------------------------------------------------


def end_of(stay: TrueStay) -> int:
    return TICKS if stay.ended is None else stay.ended


def true_place(story: Story, tick: int) -> int | None:
    for each in story.stays:
        if each.began <= tick < end_of(each):
            return each.channel_id
    return None


def seen_place(story: Story, tick: int) -> int | None:
    return None if story.sight is not None and tick < story.sight else true_place(story, tick)


def rows_of(story: Story) -> list[TrackedSession]:
    return [
        each
        for each in story.sessions
        if each.status != "cancelled" and (each.ended or 0) >= story.beginning
    ]


def tracked_places(story: Story, tick: int) -> list[int]:
    return [each.channel_id for each in rows_of(story) if each.started <= tick < (each.ended or 0)]


# The gaps --------------------------------------------------------------------------------


def runs(ticks: set[int]) -> list[tuple[int, int]]:
    """Gives the first tick of each unbroken run, and the one after its last."""
    starts = sorted(tick for tick in ticks if tick - 1 not in ticks)
    return [(tick, next(t for t in range(tick, TICKS + 1) if t not in ticks)) for tick in starts]


def gap_ticks(story: Story, *, cause: str | None = None) -> set[int]:
    """Gives when Anna was not seen."""
    return {
        tick
        for gap in story.gaps
        if gap.guild_id == GUILD
        and not gap.is_replayed
        and (gap.user_id is None if cause else gap.user_id in {None, ANNA})
        and cause in {None, gap.cause}
        for tick in range(max(gap.began, story.beginning), min(gap.ended, TICKS))
    }


def hidden_ticks(story: Story) -> set[int]:
    """Gives when something of Anna's may have been missed."""
    changes = {each.began for each in story.stays} | {each.ended for each in story.stays}
    hidden = {
        tick
        for start, end in runs(gap_ticks(story))
        if any(instant in changes for instant in range(start, end + 1))
        for tick in range(start, end)
    }
    removed = gap_ticks(story, cause="bot_removed")
    return hidden | {tick for tick in removed if true_place(story, tick) is not None}


def is_kept(story: Story, stay: TrueStay) -> bool:
    if end_of(stay) - stay.began >= story.micro:
        return True
    if stay in heard_late(story):
        return True
    if not hidden_ticks(story) & set(range(stay.began, end_of(stay))):
        return False
    # Its session may stand for any part of it, or for one moment.
    return any(
        stay.channel_id in tracked_places(story, tick) for tick in range(stay.began, end_of(stay))
    ) or any(
        each.channel_id == stay.channel_id
        and each.ended == each.started
        and stay.began <= each.started <= end_of(stay)
        for each in rows_of(story)
    )


def heard_late(story: Story) -> list[TrueStay]:
    """Pairs stays with sessions that were heard late, in order: as many as can be."""
    edges = {instant for start, end in runs(hidden_ticks(story)) for instant in (start, end)}
    in_gaps = hidden_ticks(story) | edges
    unsure = [
        each
        for each in sorted(rows_of(story), key=lambda each: (each.started, each.ended or 0))
        if (each.start_uncertainty and each.started not in in_gaps)
        or (each.end_uncertainty and (each.ended or 0) not in in_gaps)
    ]
    around = {
        tick
        for each in unsure
        for edge, width in (
            (each.started, each.start_uncertainty),
            (each.ended or 0, each.end_uncertainty),
        )
        for tick in range(edge - width, edge + width)
    }
    stays = [stay for stay in story.stays if around & set(range(stay.began, end_of(stay)))]

    def are_one(stay: TrueStay, row: TrackedSession) -> bool:
        reach = range(row.started - row.start_uncertainty, (row.ended or 0) + row.end_uncertainty)
        return stay.channel_id == row.channel_id and bool(
            set(reach) & set(range(stay.began, end_of(stay)))
        )

    @functools.cache
    def best(i: int, j: int) -> tuple[TrueStay, ...]:
        """The longest row of pairs of the first i stays and the first j sessions."""
        if not i or not j:
            return ()
        if are_one(stays[i - 1], unsure[j - 1]):
            return (*best(i - 1, j - 1), stays[i - 1])
        fewer_sessions, fewer_stays = best(i, j - 1), best(i - 1, j)
        return fewer_sessions if len(fewer_sessions) >= len(fewer_stays) else fewer_stays

    return list(best(len(stays), len(unsure)))


# What is to be expected ------------------------------------------------------------------


def visits_of(story: Story) -> list[list[TrueStay]]:
    visits: list[list[TrueStay]] = []
    for each in story.stays:
        if visits and visits[-1][-1].ended == each.began:
            visits[-1].append(each)
        else:
            visits.append([each])
    return visits


def heirs(story: Story) -> dict[TrueStay, TrueStay | None]:
    """Gives whose each stay's time is once the micro-stays are dropped, by hand."""
    heirs: dict[TrueStay, TrueStay | None] = {}
    for visit in visits_of(story):
        heir = None
        for each in reversed(visit):
            heir = each if is_kept(story, each) else heir
            heirs[each] = heir
    return heirs


def places_after_v4(story: Story) -> list[int | None]:
    places: list[int | None] = [None] * TICKS
    for stay, heir in heirs(story).items():
        for tick in range(stay.began, end_of(stay)):
            places[tick] = None if heir is None else heir.channel_id
    return places


def tails(story: Story) -> dict[int, int]:
    """Gives the ticks of micro-stays that ended a visit, and the channel that may have them."""
    found: dict[int, int] = {}
    for visit in visits_of(story):
        kept = [each for each in visit if is_kept(story, each)]
        for tick in range(end_of(kept[-1]), end_of(visit[-1])) if kept else ():
            found[tick] = kept[-1].channel_id
    return found


def allowed_by_gaps(story: Story) -> set[int]:
    hidden = hidden_ticks(story)
    allowed = set(hidden)
    for stay in story.stays:
        if not is_kept(story, stay):
            continue
        began = min(each.began for each, heir in heirs(story).items() if heir is stay)
        for start, end in runs(hidden):
            if start <= end_of(stay) and end >= stay.began:
                if start - stay.began < story.micro:
                    allowed |= set(range(began, start))
                if end_of(stay) - end < story.micro:
                    allowed |= set(range(end, end_of(stay)))
    return allowed


def allowed_by_rows(story: Story, *, apart_from_gaps: bool) -> set[int]:
    instants = {
        instant for start, end in runs(gap_ticks(story)) for instant in range(start, end + 1)
    }
    return {
        tick
        for each in rows_of(story)
        for edge, width, is_estimate in (
            (each.started, each.start_uncertainty, False),
            (each.ended or 0, each.end_uncertainty, each.status == "stale"),
        )
        if is_estimate or not (apart_from_gaps and edge in instants)
        for tick in range(edge - width, edge + width)
    }


# The comparison --------------------------------------------------------------------------


@given(stories())
def test_raw_sums_are_those_of_every_tick(story: Story) -> None:
    story.sessions = [each for each in story.sessions if each.status != "cancelled"]

    result = story.compared(micro=0)

    names = ("true", "tracked", "lost", "lost_in_gaps", "phantom", "phantom_in_gaps", "double")
    expected = dict.fromkeys((*names, "unseen"), 0)
    blind = gap_ticks(story)
    for tick in range(TICKS) if story.stays else ():
        seen, tracked = seen_place(story, tick), tracked_places(story, tick)
        lost = seen is not None and seen not in tracked
        phantom = len(set(tracked) - {true_place(story, tick)})
        expected["true"] += seen is not None
        expected["tracked"] += len(set(tracked))
        expected["lost"] += lost
        expected["lost_in_gaps"] += lost and tick in blind
        expected["phantom"] += phantom
        expected["phantom_in_gaps"] += phantom if tick in blind else 0
        expected["double"] += len(tracked) > 1
        expected["unseen"] += seen is None and true_place(story, tick) is not None
    assert expected == {
        "true": result.true,
        "tracked": result.tracked,
        "lost": result.lost.raw,
        "lost_in_gaps": result.lost.in_gaps,
        "phantom": result.phantom.raw,
        "phantom_in_gaps": result.phantom.in_gaps,
        "double": result.double,
        "unseen": result.before_sight,
    }


@settings(max_examples=400)
@given(stories())
def test_rest_beyond_and_excess_are_those_of_every_tick_after_v4(story: Story) -> None:
    story.sight = None
    last = story.stays[-1] if story.stays else None
    if last and last.ended is None and TICKS - last.began < story.micro:
        story.stays.pop()  # in doubt: the sessions decide, see the tests of each case

    result = story.compared(micro=story.micro)

    lost, phantom = wrong_ticks(story)
    by_gaps = allowed_by_gaps(story)
    stated = by_gaps | allowed_by_rows(story, apart_from_gaps=False)
    excessive = (stated | gap_ticks(story)) - allowed_by_rows(story, apart_from_gaps=True) - by_gaps
    assert (result.lost.rest, result.lost.beyond) == (len(lost), len(lost - stated))
    assert result.phantom.rest == len(phantom)
    assert result.phantom.beyond == len([tick for tick, _ in phantom if tick not in stated])
    assert result.gaps.excess == len((lost | {tick for tick, _ in phantom}) & excessive)
    assert result.gaps.changed == len(runs(hidden_ticks(story)))
    assert result.gaps.allowed == len(hidden_ticks(story))


def wrong_ticks(story: Story) -> tuple[set[int], set[tuple[int, int]]]:
    """Gives the ticks that are lost, and those that are phantom with their channels."""
    if not story.stays:
        return set(), set()
    places, after_visits, owners = places_after_v4(story), tails(story), heirs(story)
    voided = {
        (each.channel_id, tick)
        for each in story.sessions
        if each.status == "cancelled" and (each.ended or 0) >= story.beginning
        for tick in range(each.started, each.ended or 0)
    }
    lost: set[int] = set()
    phantom: set[tuple[int, int]] = set()
    for tick in range(TICKS):
        place, tracked = places[tick], tracked_places(story, tick)
        allowed = {place, after_visits.get(tick)}
        phantom |= {(tick, channel) for channel in tracked if channel not in allowed}
        if place is None or place in tracked:
            continue
        owner = next(
            heir for each, heir in owners.items() if each.began <= tick < end_of(each) and heir
        )
        theirs = [each for each, heir in owners.items() if heir is owner]
        if not any(
            (place, other) in voided for each in theirs for other in range(each.began, end_of(each))
        ):
            lost.add(tick)
    return lost, phantom
