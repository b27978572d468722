from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from community.domain.scopes import Scope
from community.models import AuditEntry
from events_app.models import Event, EventSeries
from events_app.services.series import create_series
from tests.events_app.api.keys import EVENTS, PLAN, SERIES, client_with, send
from tests.events_app.planned import make_event, make_plan
from tests.factories import NOW, at, make_guild

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild

pytestmark = pytest.mark.django_db

RULE = "FREQ=WEEKLY;COUNT=3"


def series(guild: Guild, rule: str = RULE, **fields: Any) -> EventSeries:
    return create_series(make_plan(**fields), rule, guild_id=guild.pk, actor=None, now=NOW)


def first_of(row: EventSeries, place: int = 0) -> Event:
    return row.events.order_by("starts_at")[place]


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["series"]]


def test_a_series_is_made_with_its_events(client: Client, guild: Guild) -> None:
    response = send(client, "POST", SERIES, PLAN | {"guild_id": str(guild.pk), "rule": RULE})

    assert response.status_code == 201, response.content
    answer = response.json()
    assert (answer["rule"], answer["first_date"], answer["start_time"]) == (
        RULE,
        "2026-11-20",
        "14:00:00",
    )
    assert [each["starts_at"] for each in answer["occurrences"]] == [
        "2026-11-20T13:00:00Z",
        "2026-11-27T13:00:00Z",
        "2026-12-04T13:00:00Z",
    ]
    assert client.get(answer["links"]["self"]).json() == answer
    assert len(client.get(answer["links"]["events"]).json()["events"]) == 3
    assert AuditEntry.objects.get(action="series.create").actor == User.objects.get()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rule": "FREQ=WEEKLY"}, "rule"),
        ({"rule": "FREQ=DAILY;COUNT=501"}, "rule"),
        ({"rule": f"{RULE};BYMONTH={','.join(['11'] * 160)}"}, "rule"),
        ({"rule": None}, "rule"),
        ({"title": ""}, "title"),
        ({"guild_id": "77"}, "guild_id"),
        ({"reason": "\0"}, "reason"),
        ({"as_draft": True}, "as_draft"),
    ],
)
def test_making_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, fields: dict[str, Any], field: str
) -> None:
    body = PLAN | {"guild_id": str(guild.pk), "rule": RULE} | fields

    response = send(client, "POST", SERIES, body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    assert not Event.objects.exists()


def test_a_change_goes_on_from_the_event_at_hand(client: Client, guild: Guild) -> None:
    row = series(guild)
    second = first_of(row, 1)
    body = {"title": "Film night", "reason": "new host", "expected_version": 1}

    response = send(client, "POST", f"{EVENTS}/{second.pk}/change-series", body)

    assert response.status_code == 200, response.content
    answer = response.json()
    assert answer["id"] != str(row.pk)
    assert (answer["title"], answer["rule"]) == ("Film night", "FREQ=WEEKLY;COUNT=2")
    assert answer["occurrences"][0]["id"] == str(second.pk)
    assert list(row.events.values_list("title", flat=True)) == ["Game night"]
    assert AuditEntry.objects.filter(reason="new host", actor=User.objects.get()).exists()


def test_a_change_takes_another_rule(client: Client, guild: Guild) -> None:
    row = series(guild)
    body = {"rule": "FREQ=WEEKLY;COUNT=5"}

    answer = send(client, "POST", f"{EVENTS}/{first_of(row).pk}/change-series", body).json()

    assert answer["id"] == str(row.pk)
    assert len(answer["occurrences"]) == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [({"rule": "FREQ=WEEKLY"}, "rule"), ({"rule": None}, "rule"), ({"title": " "}, "title")],
)
def test_a_change_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, body: dict[str, Any], field: str
) -> None:
    event = first_of(series(guild))

    response = send(client, "POST", f"{EVENTS}/{event.pk}/change-series", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field


def test_an_event_of_no_series_and_one_of_another_version_are_conflicts(
    client: Client, guild: Guild
) -> None:
    alone, event = make_event(guild), first_of(series(guild))

    none = send(client, "POST", f"{EVENTS}/{alone.pk}/change-series", {"title": "Other"})
    old = send(client, "POST", f"{EVENTS}/{event.pk}/change-series", {"expected_version": 2})

    assert (none.status_code, none.json()["code"]) == (409, "not_in_series")
    assert (old.status_code, old.json()["code"]) == (409, "changed_meanwhile")


def test_an_occurrence_changed_alone_is_edited_apart(client: Client, guild: Guild) -> None:
    event = first_of(series(guild))

    answer = send(client, "PATCH", f"{EVENTS}/{event.pk}", {"title": "Once"}).json()

    assert (answer["is_apart"], answer["series_id"]) == (True, str(event.series_id))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "ba"),
        ({"guild_id": "9"}, ""),
        ({"from": "2026-12-05T00:00:00Z"}, "b"),
        ({"until": "2026-11-21T00:00:00Z"}, "a"),
    ],
)
def test_list_filters(client: Client, guild: Guild, query: dict[str, Any], found: str) -> None:
    rows = {
        "a": series(guild),
        "b": series(guild, starts_at=at(60 + 5 * 1440), ends_at=at(180 + 5 * 1440)),
    }

    assert ids(client.get(SERIES, query).json()) == [str(rows[name].pk) for name in found]


def test_pages_follow_each_other_without_loss(client: Client, guild: Guild) -> None:
    expected = {str(series(guild).pk) for _ in range(3)}
    expected.add(str(series(guild, starts_at=at(1500), ends_at=at(1560)).pk))
    series(make_guild())

    found, path = [], f"{SERIES}?limit=2&guild_id={guild.pk}"
    while path:
        page = client.get(path).json()
        found += ids(page)
        path = page["next"]

    assert len(found) == 4
    assert set(found) == expected


def test_reading_takes_as_many_queries_whatever_there_is(
    client: Client, guild: Guild, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(SERIES)

    for count in (1, 4):
        row = series(guild, f"FREQ=WEEKLY;COUNT={count}")
        with django_assert_num_queries(3):  # key, its guilds, series
            client.get(SERIES)
        with django_assert_num_queries(5):  # key, its guilds, reach, series, events
            client.get(f"{SERIES}/{row.pk}")


def test_a_key_sees_the_series_of_its_guilds_alone(guild: Guild) -> None:
    mine, others = series(guild), series(make_guild())
    client = client_with(Scope.EVENTS_READ, guilds=[guild])

    assert ids(client.get(SERIES).json()) == [str(mine.pk)]
    assert client.get(f"{SERIES}/{others.pk}").status_code == 404


def test_what_is_to_come_of_a_series_is_cancelled_once(client: Client, guild: Guild) -> None:
    row = series(guild, "FREQ=DAILY;COUNT=3", starts_at=at(-120), ends_at=at(-60))
    apart = row.events.latest("starts_at")
    send(client, "PATCH", f"{EVENTS}/{apart.pk}", {"title": "Once"})

    first = send(client, "POST", f"{SERIES}/{row.pk}/cancel", {"reason": "ill"})
    second = send(client, "POST", f"{SERIES}/{row.pk}/cancel")

    assert first.status_code == 200, first.content
    states = [event["state"] for event in first.json()["occurrences"]]
    assert states == ["ended", "cancelled", "cancelled"]
    assert second.json() == first.json()
    entry = AuditEntry.objects.get(action="series.cancel")
    assert (entry.actor, entry.reason) == (User.objects.get(), "ill")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"reason": "x" * 1001}, "reason"), ({"reason": "\0"}, "reason"), ({"rule": ""}, "rule")],
)
def test_cancelling_a_series_refuses_bad_input_at_its_field(
    client: Client, guild: Guild, body: dict[str, Any], field: str
) -> None:
    row = series(guild)

    response = send(client, "POST", f"{SERIES}/{row.pk}/cancel", body)

    assert (response.status_code, response.json()["field"]) == (422, field)
    assert not row.events.filter(state="cancelled").exists()
