"""How an event repeats: said in words on the plan's page, and of an event that is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from events_app.models import Event, EventSeries, EventState, Participation
from events_app.services.planning import cancel_event, change_event, create_event
from events_app.services.revisions import plan_of
from events_app.services.series import cancel_series, create_series
from tests.events_app.admin.evenings import make_evening, organizer, page, sent
from tests.events_app.planned import berlin, make_plan
from tests.factories import make_guild, make_user, make_viewer
from tests.pages import as_

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild

pytestmark = pytest.mark.django_db

# The Saturday before the clocks go back.
START = "2026-10-24T20:00"


@pytest.fixture
def guild() -> Guild:
    return make_guild("Lantern House", time_zone="Europe/Berlin")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(organizer(guild))


def new(client: Client, **fields: Any) -> dict[str, Any]:
    given = {"title": "Game night", "starts_at": START, "ends_at": "2026-10-24T22:00"}
    return sent(client, page("event_add")) | given | fields


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["form"].errors)


def saved(client: Client, url: str, data: dict[str, Any]) -> Any:
    """Looks at the preview and saves, as a person would."""
    shown = client.post(url, data | {"_preview": "1"})
    seen = shown.context["form"]["previewed"].value()
    return client.post(url, data | {"previewed": seen, "_save": "1"})


def make_series(guild: Guild, rule: str, **fields: Any) -> EventSeries:
    times = {"starts_at": berlin(2027, 1, 2, 20), "ends_at": berlin(2027, 1, 2, 22)}
    plan = make_plan(**times | fields)
    return create_series(plan, rule, guild_id=guild.pk, actor=None, now=timezone.now())


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"repeats": "daily"}, "FREQ=DAILY;COUNT=4"),
        ({"repeats": "weekly"}, "FREQ=WEEKLY;COUNT=4"),
        ({"repeats": "weekly", "weekdays": ["5", "6"]}, "FREQ=WEEKLY;BYDAY=SA,SU;COUNT=4"),
        ({"repeats": "fortnightly"}, "FREQ=WEEKLY;INTERVAL=2;COUNT=4"),
        ({"repeats": "monthly_date", "weekdays": ["1"]}, "FREQ=MONTHLY;COUNT=4"),
        ({"repeats": "monthly_weekday"}, "FREQ=MONTHLY;BYDAY=4SA;COUNT=4"),
        (
            {"repeats": "monthly_weekday", "nth": "-1", "weekdays": ["4"]},
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=4",
        ),
        ({"repeats": "yearly"}, "FREQ=YEARLY;COUNT=4"),
        (
            {"repeats": "weekly", "repeat_ends": "until", "repeat_until": "2026-11-14"},
            "FREQ=WEEKLY;UNTIL=20261114",
        ),
        (
            {"repeats": "own", "rule": "freq=daily;interval=3;count=2"},
            "FREQ=DAILY;INTERVAL=3;COUNT=2",
        ),
    ],
)
def test_what_is_said_in_words_makes_the_series(
    client: Client, fields: dict[str, Any], rule: str
) -> None:
    response = saved(client, page("event_add"), new(client, repeat_count="4") | fields)

    assert response.status_code == 302
    assert EventSeries.objects.get().rule == rule


def test_the_dates_are_told_before_anything_is_saved_each_in_its_own_zone(client: Client) -> None:
    data = new(client, repeats="weekly", repeat_count="12")

    shown = client.post(page("event_add"), data | {"_preview": "1"}).content.decode()

    assert "12 events:" in shown
    assert "Sat 24 Oct 2026 20:00 CEST, Sat 31 Oct 20:00 CET, Sat 7 Nov 20:00 CET" in shown
    assert "and 4 more, the last on Sat 9 Jan 2027 20:00 CET" in shown
    assert not Event.objects.exists()


def test_a_zone_without_letters_is_told_by_its_distance_and_the_new_year_is_named(
    client: Client,
) -> None:
    data = new(client, repeats="monthly_date", repeat_count="4", time_zone="America/Sao_Paulo")

    shown = client.post(page("event_add"), data | {"_preview": "1"}).content.decode()

    assert "Sat 24 Oct 2026 20:00 UTC-03" in shown
    assert "Thu 24 Dec 20:00 UTC-03, Sun 24 Jan 2027 20:00 UTC-03" in shown


def test_the_dates_alone_are_given_while_the_rest_is_unfinished(client: Client) -> None:
    data = new(client, title="", repeats="weekly", repeat_count="2")

    def part(**fields: str) -> str:
        response = client.post(page("event_add") + "?part=dates", data | fields)
        assert response.status_code == 200
        shown: str = response.content.decode()
        assert "<form" not in shown
        return shown

    assert "Sat 24 Oct 2026 20:00 CEST, Sat 31 Oct 20:00 CET" in part(_save="1")
    assert "A series has 500 events at most." in part(repeat_count="10000")
    assert "It takes place once" in part(repeats="once")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"repeat_count": ""}, "repeat_count", "After how many events does it end?"),
        ({"repeat_count": "10000"}, "repeat_count", "500 events at most"),
        ({"repeat_count": "0"}, "repeat_count", "greater than or equal to 1"),
        ({"repeat_count": "often"}, "repeat_count", "whole number"),
        ({"repeat_ends": "until"}, "repeat_until", "On which day"),
        ({"repeat_ends": "until", "repeat_until": "soon"}, "repeat_until", "Enter a day"),
        (
            {"repeat_ends": "until", "repeat_until": "2026-10-23"},
            "repeat_until",
            "before it begins",
        ),
        ({"repeat_ends": "until", "repeat_until": "2099-12-31"}, "repeat_until", "500 events"),
        ({"repeat_ends": "until", "repeat_until": "2150-01-01"}, "repeat_until", "500 events"),
        (
            {"repeats": "yearly", "repeat_ends": "until", "repeat_until": "2150-01-01"},
            "repeat_until",
            "after 2099",
        ),
        ({"repeats": "yearly", "repeat_count": "400"}, "repeat_count", "before the year 2100"),
        ({"repeats": "daily", "ends_at": "2026-10-26T22:00"}, "repeats", "would go on until"),
        ({"repeats": "now and then"}, "repeats", "valid choice"),
        ({"weekdays": ["7"]}, "weekdays", "valid choice"),
        ({"repeats": "own", "rule": "FREQ=DAILY"}, "rule", "needs an end"),
        ({"repeats": "own", "rule": ""}, "rule", "needs a rule"),
        ({"repeats": "own", "rule": "FREQ=DAILY;COUNT=10000"}, "rule", "500 events"),
        ({"repeats": "once", "rule": "FREQ=DAILY"}, "rule", "needs an end"),
        ({"ends_at": "2026-10-24T19:00"}, "ends_at", "after the start"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "valid choice"),
        ({"as_draft": "on"}, "as_draft", "made at once"),
        ({"minimum_seconds": "121"}, "minimum_seconds", "Nobody can stay"),
    ],
)
def test_what_is_wrong_is_said_where_it_was_entered(
    client: Client, fields: dict[str, Any], field: str, words: str
) -> None:
    data = new(client, repeats="weekly", repeat_count="4") | fields

    for button in ("_preview", "_save"):
        errors = errors_of(client.post(page("event_add"), data | {button: "1"}))
        assert set(errors) == {field}
        assert words in errors[field][0]
    assert not EventSeries.objects.exists()


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (
            "FREQ=WEEKLY;BYDAY=SA;COUNT=4",
            {"repeats": "weekly", "weekdays": [5], "repeat_count": 4, "repeat_ends": "count"},
        ),
        (
            "FREQ=MONTHLY;BYDAY=1SA;UNTIL=20270601",
            {"repeats": "monthly_weekday", "nth": 1, "weekdays": [5], "repeat_until": "2027-06-01"},
        ),
        (
            "FREQ=WEEKLY;INTERVAL=3;COUNT=4",
            {"repeats": "own", "rule": "FREQ=WEEKLY;INTERVAL=3;COUNT=4"},
        ),
    ],
)
def test_a_rule_is_shown_in_words_where_there_are_any_and_comes_back_unchanged(
    client: Client, guild: Guild, rule: str, shown: dict[str, Any]
) -> None:
    series = make_series(guild, rule)
    url = page("event_edit", series.events.earliest("starts_at").pk)

    data = sent(client, url)
    response = client.post(url, data | {"scope": "from_here", "title": "New", "_save": "1"})

    assert {name: data[name] for name in shown} == shown
    assert b"Sat 2 Jan 2027 20:00 CET" in client.get(url).content
    assert response.status_code == 302
    series.refresh_from_db()
    assert (series.rule, series.title) == (rule, "New")


def test_one_event_alone_is_not_changed_by_another_rule(client: Client, guild: Guild) -> None:
    series = make_series(guild, "FREQ=WEEKLY;COUNT=4")
    url = page("event_edit", series.events.earliest("starts_at").pk)
    data = sent(client, url) | {"title": "New", "_save": "1"}

    for fields in ({"repeat_count": "5"}, {"repeats": "daily"}, {"repeat_count": ""}):
        assert set(errors_of(client.post(url, data | fields))) == {"scope"}

    assert client.post(url, data).status_code == 302
    assert series.events.filter(title="New").count() == 1


def test_a_series_page_tells_its_next_dates_as_they_are(client: Client, guild: Guild) -> None:
    series = make_series(guild, "FREQ=WEEKLY;COUNT=12")
    first, second, *_ = series.events.order_by("starts_at")
    cancel_event(first.pk, actor=None, reason="", now=timezone.now())
    moved = plan_of(second)
    hour = timedelta(hours=1)
    moved = replace(moved, starts_at=moved.starts_at + hour, ends_at=moved.ends_at + hour)
    change_event(second.pk, moved, actor=None, reason="", now=timezone.now())
    url = page("eventseries_change", series.pk)

    assert "Sat 9 Jan 2027 21:00 CET, Sat 16 Jan 20:00 CET" in client.get(url).content.decode()
    assert "and 3 more" in client.get(url).content.decode()
    cancel_series(series.pk, actor=None, reason="", now=timezone.now())
    assert "nothing is to come" in client.get(url).content.decode()


# An event that is there already ------------------------------------------------------------


def test_an_event_is_repeated_once_its_dates_were_seen(client: Client, guild: Guild) -> None:
    event = make_evening(guild)
    url = page("event_repeat", event.pk)
    assert url in client.get(page("event_change", event.pk)).content.decode()
    data = sent(client, url) | {"repeat_count": "3", "reason": "they liked it"}

    unseen = client.post(url, data | {"_save": "1"})
    assert "Preview: nothing is saved yet" in unseen.content.decode()
    assert not EventSeries.objects.exists()
    shown = client.post(url, data | {"_preview": "1"})
    seen = data | {"previewed": shown.context["form"]["previewed"].value(), "_save": "1"}
    client.post(url, seen | {"repeat_count": "4"})
    assert not EventSeries.objects.exists()
    response = client.post(url, seen)

    assert response["Location"] == page("event_change", event.pk)
    event.refresh_from_db()
    series = EventSeries.objects.get()
    assert (event.series, series.rule, series.events.count()) == (series, "FREQ=WEEKLY;COUNT=3", 3)
    assert event.versions.get().reason == "they liked it"
    assert Participation.objects.filter(event=event).count() == 1
    assert url not in client.get(page("event_change", event.pk)).content.decode()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"repeat_count": ""}, "repeat_count", "After how many"),
        ({"repeat_count": "501"}, "repeat_count", "500 events at most"),
        ({"weekdays": ["0"]}, "repeats", "and not with this event"),
        ({"repeats": "own", "rule": "FREQ=WEEKLY;BYDAY=MO;COUNT=2"}, "rule", "not with this event"),
        ({"repeats": "own"}, "rule", "needs a rule"),
        ({"repeats": ""}, "repeats", "Say how it repeats"),
        ({"reason": "x" * 1001}, "reason", "1000 characters"),
    ],
)
def test_a_repeat_that_does_not_hold_is_refused_at_its_field(
    client: Client, guild: Guild, fields: dict[str, Any], field: str, words: str
) -> None:
    plan = make_plan(starts_at=berlin(2027, 1, 2, 20), ends_at=berlin(2027, 1, 2, 22))
    event = create_event(plan, guild_id=guild.pk, actor=None, now=timezone.now())
    url = page("event_repeat", event.pk)

    errors = errors_of(client.post(url, sent(client, url) | {"repeat_count": "3"} | fields))

    assert set(errors) == {field}
    assert words in errors[field][0]


def test_what_cannot_repeat_says_why_and_is_not_offered(client: Client, guild: Guild) -> None:
    event = make_evening(guild)
    cancel_event(event.pk, actor=None, reason="", now=timezone.now())
    url = page("event_repeat", event.pk)

    response = client.post(
        url, {"repeats": "weekly", "repeat_count": "3", "_save": "1"}, follow=True
    )

    assert "The event was cancelled" in response.content.decode()
    assert not EventSeries.objects.exists()
    Event.objects.update(state=EventState.ENDED, is_from_discord=True)
    assert "made on Discord" in client.get(url, follow=True).content.decode()
    assert url not in client.get(page("event_change", event.pk)).content.decode()


def test_who_saw_another_version_of_it_is_told(client: Client, guild: Guild) -> None:
    event = make_evening(guild)
    url = page("event_repeat", event.pk)
    data = sent(client, url) | {"repeat_count": "3"}
    Event.objects.update(version=7)

    response = saved(client, url, data)

    assert "meanwhile" in errors_of(response)["__all__"][0]


def test_who_may_not_make_events_repeats_none(guild: Guild) -> None:
    event = make_evening(guild)
    editor = as_(make_viewer("editor", guild, "change_event"))
    stranger = as_(organizer(make_guild("Elsewhere"), "other"))
    url = page("event_repeat", event.pk)
    data = {"repeats": "weekly", "repeat_count": "3", "_save": "1"}

    assert editor.get(url).status_code == editor.post(url, data).status_code == 403
    assert stranger.get(url).status_code == stranger.post(url, data).status_code == 404
    assert url not in editor.get(page("event_change", event.pk)).content.decode()
    root = as_(make_user("root", is_staff=True, is_superuser=True))
    assert root.get(url).status_code == 200
    assert timedelta(hours=2) == event.length
    assert not EventSeries.objects.exists()
