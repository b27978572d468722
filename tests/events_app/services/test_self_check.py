from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events_app.models import Change, Event, Participation, SessionLink
from events_app.services.changes import note_event
from events_app.services.linking import sessions_written
from events_app.services.rollup import rebuild
from events_app.services.self_check import look_at_participation
from sessions_app.domain.self_check import Look, Seen
from sessions_app.models import VoiceSession
from sessions_app.registry import book_checks
from sessions_app.services.self_check import check_books
from tests.events_app.planned import make_event
from tests.factories import NOW, at, make_channel, make_member, make_session

if TYPE_CHECKING:
    from uuid import UUID

    from community.models import Guild

pytestmark = pytest.mark.django_db


def look(*, place: str = "", least_rows: int = 5000, known: tuple[UUID, ...] = ()) -> Seen:
    return look_at_participation(
        Look(
            now=NOW,
            since=at(-5),
            stale_after=timedelta(minutes=5),
            share=0.0001,
            least_rows=least_rows,
            place=place,
            known=known,
        )
    )


def wrong(seen: Seen) -> dict[str, set[UUID]]:
    assert all(finding.rows == len(finding.ids) for finding in seen.findings)
    return {finding.kind: set(finding.ids) for finding in seen.findings}


@pytest.fixture
def event(guild: Guild) -> Event:
    """An event with seven members, worked out."""
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    for _ in range(7):
        make_session(make_member(guild), make_channel(guild))
    rebuild([event.pk], now=NOW)
    Change.objects.all().delete()
    return event


@pytest.fixture
def row(event: Event) -> Participation:
    return Participation.objects.filter(event=event)[3]


def test_what_was_worked_out_is_right(event: Event) -> None:
    assert look() == Seen(14, (), "")
    assert event.participations.count() == 7


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"seconds": -1.0}, "negative"),
        ({"uncertainty": float("nan")}, "negative"),
        ({"credited_seconds": -1.0}, "negative"),
        ({"seconds": 3601.0}, "too_long"),
        ({"credited_seconds": 1.0}, "too_long"),
        ({"window_seconds": 3601.0}, "too_long"),
    ],
)
def test_a_row_that_cannot_be_is_found(
    row: Participation, columns: dict[str, float], kind: str
) -> None:
    Participation.objects.filter(pk=row.pk).update(**columns)

    assert wrong(look()) == {kind: {row.pk}}


def test_an_event_that_is_not_on_or_is_about_to_be_worked_out_is_left(
    event: Event, row: Participation
) -> None:
    Event.objects.update(ends_at=at(-30))
    assert len(wrong(look())["too_long"]) == 7

    note_event(event.pk, now=NOW)
    about_to_be = look()
    Change.objects.all().delete()
    Event.objects.update(state="cancelled")
    cancelled = look()

    assert row.seconds == 3600
    assert (wrong(about_to_be), wrong(cancelled)) == ({}, {})


def test_links_to_sessions_that_are_gone_or_voided_are_found(event: Event) -> None:
    voided, gone, changed = VoiceSession.objects.order_by("pk")[:3]
    VoiceSession.objects.filter(pk__in=[voided.pk, changed.pk]).update(status="cancelled")
    VoiceSession.objects.filter(pk=gone.pk).delete()
    sessions_written(began=[], changed=[changed.pk], gaps=[])

    assert wrong(look()) == {"orphan": {voided.pk, gone.pk}}
    assert SessionLink.objects.filter(event=event).count() == 7


def test_all_has_its_turn_share_by_share_and_what_was_wrong_is_seen_again(event: Event) -> None:
    Participation.objects.filter(event=event).update(seconds=-1.0)
    found: list[set[UUID]] = []
    place = ""
    known: tuple[UUID, ...] = ()

    for _ in range(3):
        seen = look(place=place, least_rows=3, known=known)
        place, known = seen.place, tuple(wrong(seen)["negative"])
        found.append(set(known))

    assert [len(ids) for ids in found] == [3, 6, 7]
    assert found[0] < found[1] < found[2]
    assert place == ""


def test_a_book_that_is_through_waits_for_the_other(event: Event) -> None:
    SessionLink.objects.filter(event=event).delete()
    first = look(least_rows=4)

    second = look(place=first.place, least_rows=4)

    assert first.place.endswith(" -")
    assert (first.rows, second.rows, second.place) == (4, 3, "")


def test_the_check_is_one_of_the_books(row: Participation) -> None:
    Participation.objects.filter(pk=row.pk).update(seconds=3601.0)

    result = check_books(now=NOW, stale_after=timedelta(minutes=5))

    assert book_checks()["participation"] is look_at_participation
    assert result.by_kind()["too_long"] == 1
    assert result.outcome()["ids"]["too_long"] == [str(row.pk)]
