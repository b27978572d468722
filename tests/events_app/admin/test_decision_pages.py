"""The pages on which staff explain, credit, answer and look on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import AuditEntry
from events_app.models import Credit, Dispute, Event, EventState, Participation
from events_app.services.series import create_series
from tests.events_app.admin.evenings import make_evening, organizer, page
from tests.events_app.planned import make_event, make_plan
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_gap,
    make_guild,
    make_member,
    make_session,
)
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_evening(guild)


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(organizer(guild))


def only(event: Event) -> Participation:
    return Participation.objects.get(event=event)


def errors_of(response: Any) -> set[str]:
    assert response.status_code == 200
    return set(response.context["form"].errors)


def test_every_stretch_of_the_window_is_told_with_its_reason(client: Client, event: Event) -> None:
    shown = client.get(page("event_member", event.pk, only(event).user_id))

    told = [(line.why, line.length, line.counts) for line in shown.context["pieces"]]
    assert told == [
        ("not in voice", "20 min", False),
        ("counts", "20 min", True),
        ("left out: nobody watched", "30 s", False),
        ("counts", "9 min 30 s", True),
        ("not in voice", "1 h 10 min", False),
    ]
    assert shown.context["summary"].time == "29 min 30 s, credited 1 min"


def test_a_credit_is_given_and_withdrawn(client: Client, event: Event) -> None:
    user_id = only(event).user_id
    back = page("event_member", event.pk, user_id)

    given = client.post(
        page("event_credit", event.pk, user_id), {"seconds": "2.5", "reason": "their line"}
    )
    credit = Credit.objects.get(reason="their line")
    assert given["Location"] == back
    assert (credit.seconds, credit.verdict, credit.actor_name) == (150, "", "sam")
    assert only(event).credited_seconds == 210

    withdrawn = client.post(page("event_withdraw", event.pk, credit.pk), {"reason": "mistaken"})
    credit.refresh_from_db()
    assert withdrawn["Location"] == back
    assert (credit.withdrawn_by, only(event).credited_seconds) == ("sam", 60)
    again = client.post(page("event_withdraw", event.pk, credit.pk), {"reason": "mistaken"})
    assert errors_of(again) == {"__all__"}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"seconds": "5", "reason": ""}, "reason"),
        ({"seconds": "5", "reason": "x" * 1001}, "reason"),
        ({"seconds": "-5", "reason": "x"}, "seconds"),
        ({"seconds": "nan", "reason": "x"}, "seconds"),
        ({"seconds": "999999", "reason": "x"}, "seconds"),
        ({"seconds": "", "reason": "x"}, "seconds"),
        ({"verdict": "hero", "reason": "x"}, "verdict"),
    ],
)
def test_a_wrong_credit_is_refused_at_its_field(
    client: Client, event: Event, sent: dict[str, str], field: str
) -> None:
    response = client.post(page("event_credit", event.pk, only(event).user_id), sent)

    assert errors_of(response) == {field}
    assert Credit.objects.count() == 1


def test_a_credit_of_another_event_is_not_withdrawn_here(
    client: Client, guild: Guild, event: Event
) -> None:
    other = make_evening(guild)
    credit = Credit.objects.get(event=other)

    response = client.post(page("event_withdraw", event.pk, credit.pk), {"reason": "x"})

    assert response.status_code == 404
    credit.refresh_from_db()
    assert credit.withdrawn_at is None


def test_a_gap_is_tried_first_and_then_made_good_once(
    client: Client, guild: Guild, event: Event
) -> None:
    gap = guild.blind_gaps.get()
    url = page("event_gap", event.pk, gap.pk)

    shown = client.get(url).context
    assert [tuple(line[1:]) for line in shown["lines"]] == [("30 s", "30 s", False)]
    assert Credit.objects.filter(gap=gap).count() == 0

    assert errors_of(client.post(url, {"reason": ""})) == {"reason"}
    client.post(url, {"reason": "the bot was down"})
    client.post(url, {"reason": "the bot was down"})
    assert Credit.objects.get(gap=gap).seconds == 30
    assert client.get(url).context["to_give"] == 0
    assert client.get(page("event_gaps", event.pk)).context["lines"][0][4] == "credited"


def test_a_gap_that_gives_nobody_anything_is_said_to(client: Client, guild: Guild) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    session = make_session(
        make_member(guild), make_channel(guild), started_at=event.starts_at, ended_at=NOW
    )
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))
    url = page("event_gap", event.pk, gap.pk)

    shown = client.get(url)
    assert [tuple(line[1:]) for line in shown.context["lines"]] == [("2 min", "", False)]
    words = shown.content.decode()
    assert "leaves gaps out" in words
    assert "would change nobody" in words
    told = client.post(url, {"reason": "the bot was down"}, follow=True)
    assert "nobody&#x27;s time grew by it" in told.content.decode()

    gap.began_at, gap.ended_at = at(-20), at(-15)
    gap.save()
    session.ended_at = at(-20)
    session.save()
    Credit.objects.all().delete()
    shown = client.get(url)
    assert [tuple(line[1:]) for line in shown.context["lines"]] == [("5 min", "5 min", False)]
    assert "would change nobody" not in shown.content.decode()


def test_a_gap_outside_the_window_or_of_another_guild_has_no_page(
    client: Client, guild: Guild, event: Event
) -> None:
    gap = guild.blind_gaps.get()
    foreign = make_evening(make_guild("Elsewhere")).guild.blind_gaps.get()
    guild.blind_gaps.filter(pk=gap.pk).update(
        began_at=event.starts_at - timedelta(hours=2), ended_at=event.starts_at
    )

    for one in (gap, foreign):
        assert client.get(page("event_gap", event.pk, one.pk)).status_code == 404


def test_a_dispute_is_answered_once_with_a_credit(client: Client, event: Event) -> None:
    dispute = Dispute.objects.get()
    url = page("dispute_change", dispute.pk)

    assert errors_of(client.post(url, {"decision": "accept"})) == {"answer"}
    wrong = {"decision": "decline", "answer": "no", "seconds": "5"}
    assert errors_of(client.post(url, wrong)) == {"seconds"}
    right = {"decision": "accept", "answer": "So it was.", "seconds": "5"}
    client.post(url, right)

    dispute.refresh_from_db()
    assert (dispute.state, dispute.answer, dispute.answered_by) == ("accepted", "So it was.", "sam")
    assert only(event).credited_seconds == 360
    assert AuditEntry.objects.filter(action="dispute.answer").count() == 1
    assert client.get(url).context["form"] is None
    again = client.post(url, right)
    assert (again.status_code, again.context["form"]) == (200, None)
    assert only(event).credited_seconds == 360


def test_the_board_says_who_is_there_and_gives_its_part_alone(client: Client, event: Event) -> None:
    whole = client.get(page("event_board", event.pk))
    part = client.get(page("event_board", event.pk), {"part": "1"})

    figures = dict(whole.context["figures"])
    assert (figures["expected"], figures["missing"], figures["left"]) == (1, 1, 1)
    assert whole.context["curve"].most == 1
    assert b"<html" in whole.content
    assert b"events_app/board.js" in whole.content
    assert b"<html" not in part.content
    assert b'<polyline points="' in part.content


def test_the_timeline_draws_what_counted_and_says_it_in_words(client: Client, event: Event) -> None:
    shown = client.get(page("event_timeline", event.pk))

    (row,) = shown.context["rows"]
    assert (row.name, row.counted) == ("Mira 0", "29 min 30 s")
    assert sum(float(bar.width) for bar in row.bars if bar.counts) == pytest.approx(245.8, abs=0.3)
    assert float(row.bars[0].x) == pytest.approx(1000 * 20 / 120, abs=0.1)
    assert row.words.encode() in shown.content


def test_exports_are_files_of_the_event(client: Client, event: Event) -> None:
    table = client.get(page("event_csv", event.pk))
    data = client.get(page("event_json", event.pk))

    text = table.getvalue().decode("utf-8-sig")
    assert "Mira 0" in text
    assert table["Content-Disposition"].endswith(f'{event.pk}.csv"')
    assert json.loads(data.content)["event"]["id"] == str(event.pk)
    assert data["Content-Disposition"].endswith(f'{event.pk}.json"')


def test_who_never_came_is_named_on_the_events_page(client: Client, event: Event) -> None:
    shown = client.get(page("event_change", event.pk))

    count, names = shown.context["missing"]
    assert count == 1
    assert "Mira -0" in names[0]


def test_what_is_to_come_of_a_series_is_cancelled(client: Client, guild: Guild) -> None:
    start = timezone.now() + timedelta(days=1)
    plan = make_plan(starts_at=start, ends_at=start + timedelta(hours=1))
    series = create_series(
        plan, "FREQ=DAILY;COUNT=2", guild_id=guild.pk, actor=None, now=timezone.now()
    )
    url = page("eventseries_cancel", series.pk)

    assert errors_of(client.post(url, {"reason": ""})) == {"reason"}
    client.post(url, {"reason": "holidays"})

    assert set(series.events.values_list("state", flat=True)) == {EventState.CANCELLED}
