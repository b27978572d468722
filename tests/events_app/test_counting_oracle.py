"""Participation against an oracle that looks at every second, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from events_app.domain.counting import Why, explain
from events_app.models import Event, Participation
from events_app.services.rollup import rebuild
from tests.events_app.stories import (
    FIRST,
    STATES,
    Person,
    Story,
    Told,
    at,
    lay,
    records_of,
    stories,
    terms_of,
)

SWITCHED = ("muted", "deafened", "alone")


class Oracle:
    """One member, second by second."""

    def __init__(self, story: Story, person: Person) -> None:
        self.story, self.person = story, person
        self.window = range(story.starts, story.upto)
        self.gaps = [*story.unseen(), *person.gaps]
        self.blind = {tick for began, ended in self.gaps for tick in range(began, ended)}
        self.guild_blind = {tick for began, ended in story.unseen() for tick in range(began, ended)}
        self.credits = story.rules["gap_policy"] == "credit"
        # Of what Discord told afterwards nobody knows when in it somebody was switched.
        excluded = [state for state in SWITCHED if not story.rules[f"counts_{state}"]]
        self.told_late = {
            tick
            for began, ended, is_replayed in story.gaps
            if is_replayed and excluded
            for tick in range(began, ended)
        }

    def session(self, tick: int) -> Told | None:
        for told in self.person.sessions:
            ended = self.story.now if told.ended is None else told.ended
            channels = self.story.channel_ids
            if (
                told.began <= tick < ended
                and told.status != "cancelled"
                and (channels is None or told.channel_id in channels)
            ):
                return told
        return None

    def asks_for_roles(self) -> bool:
        return any(self.story.rules[f"{kind}_role_ids"] for kind in ("any", "all", "no"))

    def knows_roles(self, tick: int) -> bool:
        return not self.asks_for_roles() or not any(
            began <= tick < ended for began, ended in self.story.roles_unknown(self.person)
        )

    def holds_roles(self, tick: int) -> bool:
        rules = self.story.rules
        held = {
            role_id
            for role_id, spans in self.person.roles.items()
            for began, ended in spans
            if began <= tick and (ended is None or tick < ended)
        }
        if not self.knows_roles(tick) and self.credits:
            return True
        return (
            (not rules["any_role_ids"] or bool(held & set(rules["any_role_ids"])))
            and set(rules["all_role_ids"]) <= held
            and not held & set(rules["no_role_ids"])
        )

    def is_idle(self, tick: int, told: Told, states: tuple[str, ...] = STATES) -> bool:
        return any(
            not self.story.rules[f"counts_{state}"]
            and any(began <= tick < ended for began, ended in told.states.get(state, ()))
            for state in states
        )

    def counts_by_itself(self, tick: int, states: tuple[str, ...] = STATES) -> bool:
        told = self.session(tick)
        return told is not None and not self.is_idle(tick, told, states) and self.holds_roles(tick)

    def uncertainty(self) -> int:
        unsure = [t for t in self.room() if t in self.told_late and t not in self.gifts()]
        counted = sum(self.counts_by_itself(tick) for tick in unsure)
        return max(counted, sum(self.counts_by_itself(tick, ("afk",)) for tick in unsure) - counted)

    def room(self) -> list[int]:
        if self.credits:
            return list(self.window)
        return [t for t in self.window if t not in self.blind and self.knows_roles(t)]

    def gifts(self) -> set[int]:
        gifts: set[int] = set()
        for began, ended in self.gaps:
            if any(self.counts_by_itself(tick) for tick in range(began - 1, ended + 1)):
                gifts |= set(range(began, ended))
        return gifts if self.credits else set()

    def counted(self) -> list[int]:
        gifts = self.gifts()
        return [t for t in self.room() if self.counts_by_itself(t) or t in gifts]

    def here(self) -> list[int]:
        return [t for t in self.window if self.session(t) is not None]

    def stretches(self) -> int:
        here = self.here()
        grace = self.story.rules["rejoin_grace_seconds"]
        return sum(
            index == 0 or tick - here[index - 1] - 1 > grace for index, tick in enumerate(here)
        )

    def meets(self, seconds: float, room: list[int]) -> bool:
        rules = self.story.rules
        least = max(rules["minimum_seconds"] or 0, (rules["minimum_share"] or 0) * len(room))
        return seconds > 0 and seconds >= least

    def verdict(self) -> str:
        return next((verdict for _, verdict in reversed(self.person.credits) if verdict), "")

    def row(self) -> dict[str, Any] | None:
        """What is to be told, a full event apart; None for no row."""
        story, rules = self.story, self.story.rules
        here, counted, room = self.here(), self.counted(), self.room()
        if not here and not counted and not self.person.credits:
            return None
        given = sum(seconds for seconds, _ in self.person.credits)
        credited = min(given, len(room) - len(counted))
        total = len(counted) + credited
        joined = FIRST - 9 if self.person.joined is None else self.person.joined
        # Who was there had joined, whenever they came back.
        joined = min([joined, *here])
        member_room = [t for t in room if t >= joined]
        seen = [t for t in self.window if t not in self.guild_blind]
        off = self.uncertainty()
        is_there = story.now < story.ends and bool(here) and here[-1] == story.upto - 1
        goes_on = any(told.ended is None for told in self.person.sessions)
        reasons = []
        if not room:
            reasons.append("unseen")
        elif (
            not total
            and self.asks_for_roles()
            and here
            and not any(self.holds_roles(t) for t in here)
        ):
            reasons.append("no_role")
        elif not total:
            reasons.append("not_counted")
        if total and total < (rules["minimum_seconds"] or 0):
            reasons.append("too_short")
        if total and total < (rules["minimum_share"] or 0) * len(room):
            reasons.append("share_too_small")
        return {
            "first_arrival_at": at(here[0]) if here else None,
            "last_departure_at": (None if not here or (is_there and goes_on) else at(here[-1] + 1)),
            "counted_from": at(counted[0]) if counted else None,
            "seconds": len(counted),
            "credited_seconds": credited,
            "uncertainty": off,
            "window_seconds": len(room),
            "share": pytest.approx(total / len(room)) if room else None,
            "member_window_seconds": len(member_room),
            "share_since_joining": (
                pytest.approx(min(total / len(member_room), 1)) if member_room else None
            ),
            "sessions": sum(
                told.status != "cancelled"
                and (story.channel_ids is None or told.channel_id in story.channel_ids)
                and told.began < story.upto
                and (story.now if told.ended is None else told.ended) > story.starts
                for told in self.person.sessions
            ),
            "stretches": self.stretches(),
            "is_late": bool(here and seen) and here[0] > seen[0] + rules["late_grace_seconds"],
            "left_early": story.now >= story.ends
            and bool(here and seen)
            and here[-1] + 1 < seen[-1] + 1 - rules["early_grace_seconds"],
            "is_qualified": not reasons,
            "is_in_doubt": self.meets(total - off, room) != self.meets(total + off, room),
            "reasons": reasons,
        }


def expected(story: Story) -> list[dict[str, Any] | None]:
    """What is to be told of each member, a full event and verdicts included."""
    rows = [Oracle(story, person).row() for person in story.people]
    verdicts = [Oracle(story, person).verdict() for person in story.people]
    in_line = sorted(
        (row["counted_from"] or at(10_000), index)
        for index, row in enumerate(rows)
        if row is not None and row["is_qualified"] and not verdicts[index]
    )
    for _, index in in_line[story.rules["capacity"] or len(in_line) :]:
        row = rows[index]
        assert row is not None
        row |= {"is_qualified": False, "reasons": ["full"]}
    for row, verdict in zip(rows, verdicts, strict=True):
        if row is not None and verdict == "qualified":
            row |= {"is_qualified": True, "is_in_doubt": False, "reasons": []}
        elif row is not None and verdict == "refused":
            row |= {"is_qualified": False, "is_in_doubt": False, "reasons": ["refused"]}
    return rows


@pytest.mark.django_db
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories())
def test_participation_is_that_of_every_second(story: Story) -> None:
    Event.objects.all().delete()  # what an example left that failed
    event, members = lay(story)

    rebuild([event.pk], now=at(story.now))

    rows: dict[int, dict[str, Any]] = {
        row["user_id"]: dict(row) for row in Participation.objects.filter(event=event).values()
    }
    for member, person, wanted in zip(members, story.people, expected(story), strict=True):
        found = rows.pop(member.user_id, None)
        if wanted is None:
            assert found is None
            continue
        assert found is not None
        assert {name: found[name] for name in wanted} == wanted
        pieces = explain(terms_of(story), records_of(story, person))
        left_out = {Why.BLIND, Why.ROLES_UNKNOWN}
        seen = [piece for piece in pieces if piece.why not in left_out]
        assert sum(piece.seconds for piece in pieces if piece.counts) == found["seconds"]
        assert sum(piece.seconds for piece in seen) == found["window_seconds"]
        assert sum(piece.seconds for piece in pieces) == story.upto - story.starts
    assert not rows
