from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from events_app.models import Event, Participation
from tests.events_app.planned import make_event
from tests.factories import NOW, at, make_channel, make_guild, make_member, make_session

pytestmark = pytest.mark.django_db


def rebuilt(*options: str) -> str:
    out = StringIO()
    call_command("rebuild_participation", *options, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def events() -> list[Event]:
    """Two events of a guild, two hours and one hour ago, and one of another."""
    made = []
    first, second = make_guild(), make_guild()
    for guild, starts in ((first, -120), (first, -60), (second, -60)):
        make_session(
            make_member(guild),
            make_channel(guild),
            started_at=at(starts),
            ended_at=at(starts + 30),
        )
        made.append(make_event(guild, starts_at=at(starts), ends_at=at(starts + 60)))
    return made


def counted() -> set[object]:
    return set(Participation.objects.values_list("event_id", flat=True))


def test_all_events_are_worked_out_and_nothing_is_written_twice(events: list[Event]) -> None:
    first, again = rebuilt(), rebuilt()

    assert first == (
        "3 events worked out: 3 rows written, 0 taken away, 3 sessions linked, 0 unlinked."
    )
    assert again == (
        "3 events worked out: 0 rows written, 0 taken away, 0 sessions linked, 0 unlinked."
    )
    assert counted() == {event.pk for event in events}


def test_only_what_was_asked_for_is_worked_out(events: list[Event]) -> None:
    old, late, foreign = events

    rebuilt("--event", str(old.pk))
    assert counted() == {old.pk}
    rebuilt("--guild", str(foreign.guild_id))
    assert counted() == {old.pk, foreign.pk}
    Participation.objects.all().delete()
    said = rebuilt("--guild", str(old.guild_id), "--since", NOW.replace(hour=11).isoformat())
    assert counted() == {late.pk}
    assert said.startswith("1 events worked out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--guild", "kitchen"], "'kitchen' is no Discord id"),
        (["--guild", "12345"], "There is no guild 12345."),
        (["--event", "12345"], "'12345' is no event's id (a UUID)"),
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--since", "2026-10-01T00:00:00"], "names no zone"),
    ],
)
def test_what_cannot_be_is_said(options: list[str], message: str) -> None:
    with pytest.raises(CommandError) as raised:
        rebuilt(*options)

    assert message in str(raised.value)


def test_an_event_that_is_none_or_anothers_is_said(events: list[Event]) -> None:
    nowhere = uuid4()

    with pytest.raises(CommandError, match=f"There is no event {nowhere}."):
        rebuilt("--event", str(nowhere))
    with pytest.raises(CommandError, match="of this guild"):
        rebuilt("--event", str(events[0].pk), "--guild", str(events[2].guild_id))
    assert not Participation.objects.exists()
