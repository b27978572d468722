from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events_app.models import Event, Interest, Participation
from events_app.services.exports import BOM, csv_of, harmless, json_of
from events_app.services.rollup import rebuild
from tests.events_app.planned import berlin, make_event
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_session_of,
)

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild


def table(event: Event) -> list[dict[str, str]]:
    text = "".join(csv_of(event, now=NOW))
    assert text.startswith(BOM)
    return list(csv.DictReader(text.removeprefix(BOM).splitlines(keepends=True)))


def without_mark(cell: str) -> str:
    return cell.removeprefix("'")


@pytest.mark.django_db
def test_the_file_has_what_was_worked_out(guild: Guild) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW, minimum_seconds=3000)
    mira, sam = make_member(guild, 'Mira "M", of\nthe hill'), make_member(guild, "Sam")
    lounge = make_channel(guild)
    make_session(mira, lounge)
    make_session(sam, lounge, started_at=at(-15))
    rebuild([event.pk], now=NOW)

    first, second = table(event)

    assert without_mark(first["user_id"]) == str(mira.user_id)
    assert first["name"] == 'Mira "M", of\nthe hill'
    assert first["first_arrival_at (Europe/Berlin)"] == "2026-11-20T12:00:00+01:00"
    assert first["exported_at (Europe/Berlin)"] == "2026-11-20T13:00:00+01:00"
    assert (first["seconds"], first["share"], first["is_qualified"]) == ("3600.0", "1.0", "yes")
    assert (second["is_late"], second["is_qualified"]) == ("yes", "no")
    assert second["reasons"] == "stayed for less than the minimum"
    assert without_mark(second["event_id"]) == str(event.pk)


@pytest.mark.django_db
def test_a_spreadsheet_keeps_all_digits_of_an_id(guild: Guild) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    make_session(make_member(guild), make_channel(guild))
    rebuild([event.pk], now=NOW)

    [row] = table(event)

    assert not row["user_id"].isdecimal()
    assert not row["event_id"][0].isdecimal()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t1", "\r1", "  =1", "'quoted"])
def test_no_text_is_taken_for_a_formula(guild: Guild, text: str) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    Event.objects.update(title=text)
    event.refresh_from_db()
    make_session(make_member(guild, text), make_channel(guild))
    rebuild([event.pk], now=NOW)

    [row] = csv.DictReader([line.removeprefix(BOM) for line in csv_of(event, now=NOW)])

    assert (row["name"], row["event"]) == ("'" + text, "'" + text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mira;=1+1", "Mira;'=1+1"),
        ("Mira; @SUM(A1)", "Mira; '@SUM(A1)"),
        ("Mira\n=1", "Mira\n'=1"),
        ("\t=1", "'\t'=1"),
        ("a-b;c=d", "a-b;c=d"),
        ("\uff1d1+1", "'\uff1d1+1"),
    ],
)
def test_no_part_of_a_text_becomes_a_formula_where_other_signs_part_cells(
    text: str, shown: str
) -> None:
    assert harmless(text) == shown


@given(text=st.text() | st.text(alphabet=";'= \n\tx"))
def test_a_harmless_text_is_read_back_as_it_was(text: str) -> None:
    shown = harmless(text)

    within = re.sub(
        r"([;\t\r\n]\s*)'(?=[=+\-@\uff1d\uff0b\uff0d\uff20'])", r"\1", without_mark(shown)
    )
    assert within == text
    for cell in re.split("[;\t\r\n]", shown)[1:]:
        assert not cell.strip().startswith(("=", "+", "-", "@"))
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.django_db
def test_in_the_night_with_two_of_an_hour_each_time_is_told_apart(guild: Guild) -> None:
    event = make_event(guild, starts_at=berlin(2026, 10, 24, 22), ends_at=berlin(2026, 10, 25, 4))
    lounge = make_channel(guild)
    for hour in (0, 1):
        began = berlin(2026, 10, 25, 2, 30).replace(hour=hour)
        make_session(make_member(guild), lounge, started_at=began, ended_at=event.ends_at)
    rebuild([event.pk], now=NOW)

    arrivals = [row["first_arrival_at (Europe/Berlin)"] for row in table(event)]

    assert arrivals == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


@pytest.mark.django_db
def test_json_has_ids_as_text_and_who_did_not_come(guild: Guild) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=at(60))
    lounge, missing = make_channel(guild), make_member(guild)
    mira = make_member(guild, "=Mira")
    make_session(mira, lounge, ended_at=None)
    make_session_of(77, guild_id=guild.pk, channel_id=lounge.pk, started_at=at(-50))
    for user_id in (mira.user_id, missing.user_id):
        Interest.objects.create(event=event, guild=guild, user_id=user_id, since=NOW)
    rebuild([event.pk], now=NOW)

    told = json.loads(json.dumps(json_of(event, now=NOW)))

    first, second = told["participation"]
    assert (first["user_id"], first["name"]) == (str(mira.user_id), "=Mira")
    assert (first["last_departure_at"], first["seconds"]) == (None, 3600)
    assert (second["user_id"], second["name"]) == ("77", None)
    assert second["last_departure_at"] == "2026-11-20T13:00:00+01:00"
    assert told["no_shows"] == [str(missing.user_id)]
    assert told["event"]["guild_id"] == str(guild.pk)
    assert told["time_zone"] == "Europe/Berlin"


@pytest.mark.django_db
def test_the_file_takes_two_statements(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    guild = make_guild()
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    for _ in range(5):
        make_session(make_member(guild), make_channel(guild))
    rebuild([event.pk], now=NOW)
    assert Participation.objects.count() == 5

    with django_assert_num_queries(2):
        assert len(list(csv_of(event, now=NOW))) == 6
