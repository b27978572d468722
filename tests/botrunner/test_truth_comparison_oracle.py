"""The comparison against an oracle: the same questions asked of every tick, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from botrunner.domain.comparison import Measure
from botrunner.domain.tracked_session import TrackedSession
from botrunner.domain.truth_comparison import compare
from botrunner.domain.truth_file import TrueStay

GUILD, ANNA = 1, 20
CHANNELS = (300, 301, 302)
TICKS = 24


@dataclass
class Story:
    stays: list[TrueStay]
    sessions: list[TrackedSession]
    sight: int | None
    micro: int


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A member's stays that do not overlap, and sessions that are as wrong as can be."""
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
            draw(st.sampled_from(["completed", "completed", "cancelled"])),
            start,
            min(start + draw(st.integers(0, 9)), TICKS),
            start_uncertainty=draw(st.integers(0, 3)),
            end_uncertainty=draw(st.integers(0, 3)),
        )
        for index, start in enumerate(draw(st.lists(st.integers(0, TICKS - 1), max_size=6)))
    ]
    sight = draw(st.one_of(st.none(), st.integers(0, TICKS)))
    return Story(stays, sessions, sight, draw(st.integers(0, 4)))


def true_place(story: Story, tick: int) -> int | None:
    for each in story.stays:
        if each.began <= tick < (TICKS if each.ended is None else each.ended):
            return each.channel_id
    return None


def seen_place(story: Story, tick: int) -> int | None:
    return None if story.sight is not None and tick < story.sight else true_place(story, tick)


def tracked_places(story: Story, tick: int) -> list[int]:
    beginning = min((each.began for each in story.stays), default=TICKS)
    return [
        each.channel_id
        for each in story.sessions
        if each.status != "cancelled"
        and (each.ended or 0) >= beginning
        and each.started <= tick < (each.ended or 0)
    ]


@given(stories())
def test_raw_sums_are_those_of_every_tick(story: Story) -> None:
    story.sessions = [each for each in story.sessions if each.status != "cancelled"]
    measure = Measure(at=TICKS, tolerance=0, micro=0, orphaned_after=0)

    result = compare(
        story.stays,
        story.sessions,
        measure,
        {} if story.sight is None else {GUILD: story.sight},
    )

    expected = {"true": 0, "tracked": 0, "lost": 0, "phantom": 0, "double": 0, "unseen": 0}
    for tick in range(TICKS) if story.stays else ():
        seen, tracked = seen_place(story, tick), tracked_places(story, tick)
        expected["true"] += seen is not None
        expected["tracked"] += len(set(tracked))
        expected["lost"] += seen is not None and seen not in tracked
        expected["phantom"] += len(set(tracked) - {true_place(story, tick)})
        expected["double"] += len(tracked) > 1
        expected["unseen"] += seen is None and true_place(story, tick) is not None
    assert expected == {
        "true": result.true,
        "tracked": result.tracked,
        "lost": result.lost.raw,
        "phantom": result.phantom.raw,
        "double": result.double,
        "unseen": result.before_sight,
    }


def place_after_v4(story: Story) -> list[int | None]:
    """Gives where each tick belongs once the micro-stays are dropped, stay by stay, by hand."""
    places = [true_place(story, tick) for tick in range(TICKS)]
    for index, each in enumerate(story.stays):
        ended = TICKS if each.ended is None else each.ended
        if ended - each.began >= story.micro:
            continue
        heir, reached = None, ended
        for later in story.stays[index + 1 :]:
            if later.began != reached:
                break
            reached = TICKS if later.ended is None else later.ended
            if reached - later.began >= story.micro:
                heir = later.channel_id
                break
        for tick in range(each.began, ended):
            places[tick] = heir
    return places


@given(stories())
def test_rest_and_beyond_are_those_of_every_tick_after_v4(story: Story) -> None:
    story.sight = None
    last = story.stays[-1] if story.stays else None
    if last and last.ended is None and TICKS - last.began < story.micro:
        story.stays.pop()  # in doubt: the sessions decide, see the tests above
    measure = Measure(at=TICKS, tolerance=0, micro=story.micro, orphaned_after=0)

    result = compare(story.stays, story.sessions, measure, {})

    places = place_after_v4(story)
    beginning = min((each.began for each in story.stays), default=TICKS)
    story.sessions = [each for each in story.sessions if (each.ended or 0) >= beginning]
    rows = [each for each in story.sessions if each.status != "cancelled"]
    voided = {
        (each.channel_id, tick)
        for each in story.sessions
        if each.status == "cancelled"
        for tick in range(each.started, each.ended or 0)
    }
    lost = beyond = 0
    for tick in range(TICKS) if story.stays else ():
        place = places[tick]
        if place is None or place in tracked_places(story, tick):
            continue
        if any((place, other) in voided for other in same_stay(story, places, tick)):
            continue
        lost += 1
        beyond += not any(
            abs_within(tick, edge, width)
            for each in rows
            for edge, width in (
                (each.started, each.start_uncertainty),
                (each.ended or 0, each.end_uncertainty),
            )
        )
    assert (result.lost.rest, result.lost.beyond) == (lost, beyond)


def abs_within(tick: int, edge: int, width: int) -> bool:
    return edge - width <= tick < edge + width


def same_stay(story: Story, places: list[int | None], tick: int) -> list[int]:
    """Gives the ticks of the expected stay that a tick belongs to."""
    kept = [
        each
        for each in story.stays
        if (TICKS if each.ended is None else each.ended) - each.began >= story.micro
    ]
    owner = next(each for each in kept if (TICKS if each.ended is None else each.ended) > tick)
    end = TICKS if owner.ended is None else owner.ended
    begin = owner.began
    while (
        begin > 0
        and places[begin - 1] == owner.channel_id
        and not any(each.ended == begin for each in kept)
    ):
        begin -= 1
    return list(range(begin, end))
