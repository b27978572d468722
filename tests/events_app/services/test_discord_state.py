"""What Discord is told of the events that were planned here and are announced there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from community.models import OutboxItem
from events_app.domain.scheduled import ACTIVE, CANCELED, COMPLETED, SCHEDULED, next_status
from events_app.models import DiscordStatus, Event, EventState
from events_app.services import discord_state, planning, states
from events_app.services.revisions import plan_of
from tests.events_app.event_rows import make_event
from tests.factories import NOW, at, make_guild, make_user

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

SHOWN = 7_000


@pytest.fixture
def guild() -> Guild:
    return make_guild()


def announced(guild: Guild, **columns: Any) -> Event:
    values: dict[str, Any] = {
        "starts_at": at(60),
        "ends_at": at(120),
        "state": "scheduled",
        "discord_event_id": SHOWN,
        "discord_status": "scheduled",
    }
    return make_event(guild, **(values | columns))


def told() -> list[tuple[int, int] | None]:
    """What the bot would do now, for each item."""
    items = OutboxItem.objects.filter(kind=discord_state.STATUS).order_by("created_at", "id")
    return [discord_state.to_be_told(item) for item in items]


@pytest.mark.parametrize(
    ("wanted", "way"),
    [
        (ACTIVE, [ACTIVE]),
        (COMPLETED, [ACTIVE, COMPLETED]),
        (CANCELED, [CANCELED]),
        (None, []),
    ],
)
def test_a_status_is_reached_step_by_step(wanted: int | None, way: list[int]) -> None:
    status: int | None = SCHEDULED
    steps = []
    while (status := next_status(status, wanted)) is not None:
        steps.append(status)

    assert steps == way


@pytest.mark.parametrize(
    ("shown", "wanted", "step"),
    [
        (ACTIVE, ACTIVE, None),
        (COMPLETED, ACTIVE, None),
        (CANCELED, COMPLETED, None),
        (ACTIVE, CANCELED, COMPLETED),
        (None, ACTIVE, None),
    ],
)
def test_no_step_goes_back(shown: int | None, wanted: int, step: int | None) -> None:
    assert next_status(shown, wanted) == step


def test_an_announced_event_that_begins_and_ends_is_told(guild: Guild) -> None:
    announced(guild)

    states.advance_states(now=at(61))
    assert told() == [(SHOWN, ACTIVE)]
    states.advance_states(now=at(62))
    assert len(told()) == 1

    states.advance_states(now=at(121))
    assert told() == [(SHOWN, COMPLETED)] * 2


@pytest.mark.parametrize(
    "columns",
    [
        {"discord_event_id": None, "discord_status": ""},
        {"is_from_discord": True},
        {"state": "draft"},
        {"discord_status": "active"},
        {"discord_status": "completed"},
    ],
)
def test_what_needs_no_telling_is_not_told(guild: Guild, columns: dict[str, Any]) -> None:
    announced(guild, **columns)

    states.advance_states(now=at(61))

    assert told() == []


def test_what_staff_do_is_told_at_once(guild: Guild) -> None:
    actor = make_user()
    event = announced(guild)
    plan = plan_of(event)

    planning.change_event(event.pk, replace(plan, title="Raids"), actor=actor, reason="x", now=NOW)
    assert told() == []
    planning.change_event(
        event.pk, replace(plan, starts_at=at(-10)), actor=actor, reason="x", now=NOW
    )
    assert told() == [(SHOWN, ACTIVE)]
    planning.cancel_event(event.pk, actor=actor, reason="x", now=NOW)
    assert told() == [(SHOWN, CANCELED)] * 2


def test_what_was_taken_back_before_the_bot_came_is_not_done(guild: Guild) -> None:
    event = announced(guild)
    actor = make_user()
    planning.cancel_event(event.pk, actor=actor, reason="x", now=NOW)
    planning.undo(event.pk, version=1, actor=actor, reason="x", now=NOW)

    assert Event.objects.get().state == EventState.SCHEDULED
    assert told() == [None]


def test_an_event_that_is_gone_or_parted_is_not_told(guild: Guild) -> None:
    event = announced(guild)
    states.advance_states(now=at(61))

    Event.objects.update(discord_event_id=None)
    assert told() == [None]
    event.delete()
    assert told() == [None]


def test_a_window_that_discord_ended_stays(guild: Guild) -> None:
    event = announced(guild, state="live", discord_status=DiscordStatus.COMPLETED)

    states.advance_states(now=at(90))

    event.refresh_from_db()
    assert (event.state, event.length) == ("live", timedelta(hours=1))
    assert told() == []
