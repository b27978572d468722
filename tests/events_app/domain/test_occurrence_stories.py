"""Any story of a scheduled event on Discord, against what really took place there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from events_app.domain import occurrences, words
from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, SCHEDULED, ScheduledRecord
from tests.events_app.scheduled_records import EVENING, WEEK, raid

if TYPE_CHECKING:
    from events_app.domain.occurrences import Occurrence

HOUR = timedelta(hours=1)


@dataclass
class Discord:
    """The event as Discord has it, and what it tells."""

    repeats: bool
    record: ScheduledRecord
    now: datetime
    held: list[datetime]
    is_gone: bool = False

    @classmethod
    def of(cls, *, repeats: bool, has_end: bool) -> Discord:
        record = raid(
            ends_at=EVENING + HOUR if has_end else None,
            repeats_from=EVENING if repeats else None,
        )
        return cls(repeats, record, EVENING - timedelta(days=1), [])

    @property
    def is_over(self) -> bool:
        return self.is_gone or self.record.status in {COMPLETED, CANCELED}

    def do(self, deed: str) -> bool:
        """Does something if it can be done; tells whether Discord speaks of it."""
        record, start = self.record, self.record.starts_at
        if self.is_over:
            return False
        if deed == "rename":
            self.record = replace(record, title=record.title + "!")
        elif deed == "move" and record.status == SCHEDULED and self.now < start:
            self._move(start + HOUR)
        elif deed == "begin" and record.status == SCHEDULED and self.now >= start:
            self.record = replace(record, status=ACTIVE)
        elif self._can_be_over(deed):
            self.held.append(start)
            self._go_on()
        elif deed == "cancel" and record.status == SCHEDULED and self.now < start:
            self.record = replace(record, status=CANCELED)
        elif deed == "delete" and record.status == SCHEDULED and self.now < start:
            self.is_gone = True
        else:
            return False
        return True

    def _can_be_over(self, deed: str) -> bool:
        """Tells whether its host can end it, or whether Discord goes on, since nobody began it."""
        if deed == "end":
            return self.record.status == ACTIVE
        is_late = self.record.status == SCHEDULED and self.now >= self.record.starts_at
        return deed == "miss" and self.repeats and is_late

    def _move(self, start: datetime) -> None:
        by = start - self.record.starts_at
        ends_at = self.record.ends_at
        self.record = replace(
            self.record,
            starts_at=start,
            ends_at=None if ends_at is None else ends_at + by,
            repeats_from=start if self.repeats else None,
        )

    def _go_on(self) -> None:
        if not self.repeats:
            self.record = replace(self.record, status=COMPLETED)
            return
        start = self.record.starts_at + WEEK
        ends_at = self.record.ends_at
        self.record = replace(
            self.record,
            status=SCHEDULED,
            starts_at=start,
            ends_at=None if ends_at is None else ends_at + WEEK,
        )


deeds = st.sampled_from(
    ["wait", "wait", "pass", "rename", "move", "begin", "end", "miss", "cancel", "delete"]
)
stories = st.lists(deeds, max_size=25)


def play(
    story: list[str], discord: Discord, *, twice: bool
) -> tuple[list[Occurrence], list[tuple[ScheduledRecord | None, datetime]]]:
    """Tells the story; gives what is kept of it, and all that was said."""
    kept: list[Occurrence] = []
    said: list[tuple[ScheduledRecord | None, datetime]] = [(discord.record, discord.now)]
    tell(kept, *said[0])
    for deed in story:
        discord.now += timedelta(minutes=1)
        if deed == "wait":
            discord.now += timedelta(hours=7)
        elif deed == "pass" and discord.record.starts_at > discord.now:
            discord.now = discord.record.starts_at + timedelta(minutes=1)
        elif discord.do(deed):
            said.append((None if discord.is_gone else discord.record, discord.now))
            tell(kept, *said[-1])
            if twice:
                tell(kept, said[-1][0], discord.now + timedelta(seconds=1))
    return kept, said


def tell(kept: list[Occurrence], record: ScheduledRecord | None, at: datetime) -> None:
    changed = (
        occurrences.gone(kept, at=at) if record is None else occurrences.stated(kept, record, at=at)
    )
    for occurrence in changed:
        if occurrence.id is None:
            kept.append(replace(occurrence, id=UUID(int=len(kept) + 1)))
        else:
            kept[:] = [occurrence if each.id == occurrence.id else each for each in kept]


@given(stories, st.booleans(), st.booleans(), st.booleans())
def test_what_is_kept_is_what_took_place(
    story: list[str], repeats: bool, has_end: bool, twice: bool
) -> None:
    discord = Discord.of(repeats=repeats, has_end=has_end)

    kept, _ = play(story, discord, twice=twice)

    over = sorted(each.starts_at for each in kept if each.state == words.ENDED)
    assert over == discord.held
    ahead = [each for each in kept if each.state in {words.SCHEDULED, words.LIVE}]
    if discord.is_over:
        assert ahead == []
    else:
        [current] = ahead
        assert current.title == discord.record.title
        assert current.starts_at == discord.record.starts_at
        assert (current.state == words.LIVE) == (discord.record.status == ACTIVE)


@given(stories, st.booleans(), st.booleans())
def test_windows_are_windows_and_times_are_told_apart(
    story: list[str], repeats: bool, has_end: bool
) -> None:
    kept, _ = play(story, Discord.of(repeats=repeats, has_end=has_end), twice=False)

    assert all(each.ends_at > each.starts_at for each in kept)
    planned = [each.planned_start for each in kept]
    assert len(set(planned)) == len(planned)


@given(stories, st.booleans(), st.booleans(), st.data())
def test_what_was_said_before_changes_nothing_afterwards(
    story: list[str], repeats: bool, has_end: bool, data: st.DataObject
) -> None:
    kept, said = play(story, Discord.of(repeats=repeats, has_end=has_end), twice=False)
    before = list(kept)

    for record, at in data.draw(st.permutations(said)):
        tell(kept, record, at)

    assert kept == before
