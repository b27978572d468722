"""Events in the small Discord: what is told of them, and what Discord does by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.scheduled_event import EntityType, EventStatus, Frequency, Recurrence
from botrunner.sandbox.verbs import WrongVerbError, do
from botrunner.sandbox.world import World, build_world
from tests.botrunner.sandbox.gateway_client import GUILDS, GatewayClient

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from botrunner.sandbox.server import Sandbox

SCHEDULED_EVENTS = 1 << 16
FRIDAY = datetime(2026, 11, 20, 20, tzinfo=UTC)
EVENTS = (
    "GUILD_SCHEDULED_EVENT_CREATE",
    "GUILD_SCHEDULED_EVENT_UPDATE",
    "GUILD_SCHEDULED_EVENT_DELETE",
)


class Stage:
    """A world on a clock that a test sets, and what is told of its events."""

    def __init__(self) -> None:
        self.now = FRIDAY - timedelta(hours=1)
        self.world: World = build_world(seed=7, guilds=1, members=12, clock=lambda: self.now)
        self.guild: Guild = next(iter(self.world.guilds.values()))
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.world.on_dispatch.append(self.hear)
        self.channel = next(
            channel.id
            for channel in self.guild.channels.values()
            if channel.is_voice and not channel.overwrites and not channel.user_limit
        )

    def hear(self, _: int, name: str, payload: dict[str, Any]) -> None:
        if name.startswith("GUILD_SCHEDULED_EVENT"):
            self.told.append((name.removeprefix("GUILD_SCHEDULED_EVENT_"), payload))

    def announced(self, **fields: Any) -> ScheduledEvent:
        given: dict[str, Any] = {
            "name": "Game night",
            "channel_id": self.channel,
            "scheduled_start_time": FRIDAY,
        } | fields
        return self.world.create_scheduled_event(self.guild.id, **given)

    def become(self, event: ScheduledEvent, status: EventStatus) -> None:
        self.world.update_scheduled_event(self.guild.id, event.id, status=status)

    def after(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.world.pass_time()

    @property
    def statuses(self) -> list[int]:
        return [payload["status"] for _, payload in self.told]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_event_is_told_with_all_its_fields(stage: Stage) -> None:
    event = stage.announced(scheduled_end_time=FRIDAY + timedelta(hours=2))

    [(what, payload)] = stage.told
    assert what == "CREATE"
    assert payload == event.payload(stage.guild.id)
    assert payload["guild_id"] == str(stage.guild.id)
    assert payload["creator_id"] == str(stage.guild.owner_id)
    assert payload["scheduled_start_time"] == "2026-11-20T20:00:00.000000+00:00"
    assert payload["scheduled_end_time"] == "2026-11-20T22:00:00.000000+00:00"
    assert (payload["status"], payload["entity_type"], payload["privacy_level"]) == (1, 2, 2)
    assert payload["recurrence_rule"] is None
    assert stage.guild.create_payload()["guild_scheduled_events"] == [payload]


def test_an_event_that_is_over_is_listed_no_more(stage: Stage) -> None:
    event = stage.announced()

    stage.become(event, EventStatus.ACTIVE)
    assert len(stage.guild.create_payload()["guild_scheduled_events"]) == 1
    stage.become(event, EventStatus.COMPLETED)

    assert stage.statuses == [1, 2, 3]
    assert stage.guild.create_payload()["guild_scheduled_events"] == []
    assert event.id in stage.guild.past_events


def test_what_changes_nothing_is_not_told(stage: Stage) -> None:
    event = stage.announced()

    stage.world.update_scheduled_event(stage.guild.id, event.id, name="Game night")

    assert len(stage.told) == 1


def test_one_that_repeats_goes_on_to_its_next_time_without_a_word_of_its_end(
    stage: Stage,
) -> None:
    weekly = Recurrence(FRIDAY, Frequency.WEEKLY, by_weekday=(4,))
    event = stage.announced(scheduled_end_time=FRIDAY + timedelta(hours=2), recurrence_rule=weekly)
    stage.become(event, EventStatus.ACTIVE)

    stage.become(event, EventStatus.COMPLETED)

    last = stage.told[-1][1]
    assert stage.statuses == [1, 2, 1]
    assert last["scheduled_start_time"] == "2026-11-27T20:00:00.000000+00:00"
    assert last["scheduled_end_time"] == "2026-11-27T22:00:00.000000+00:00"
    assert last["recurrence_rule"]["start"] == "2026-11-20T20:00:00.000000+00:00"
    assert event.id in stage.guild.scheduled_events


@pytest.mark.parametrize(
    ("rule", "following"),
    [
        (Recurrence(FRIDAY, Frequency.DAILY), FRIDAY + timedelta(days=1)),
        (
            Recurrence(FRIDAY, Frequency.DAILY, by_weekday=(0, 1, 2, 3, 4)),
            FRIDAY + timedelta(days=3),
        ),
        (Recurrence(FRIDAY, Frequency.WEEKLY, 2, by_weekday=(4,)), FRIDAY + timedelta(days=14)),
        (
            Recurrence(FRIDAY, Frequency.MONTHLY, by_n_weekday=((3, 4),)),
            datetime(2026, 12, 18, 20, tzinfo=UTC),
        ),
        (
            Recurrence(FRIDAY, Frequency.YEARLY, by_month=(11,), by_month_day=(20,)),
            FRIDAY.replace(year=2027),
        ),
    ],
)
def test_a_rule_finds_the_next_time(rule: Recurrence, following: datetime) -> None:
    assert rule.after(FRIDAY) == following
    assert Recurrence.read(rule.payload()) == rule


def test_interest_is_told_once(stage: Stage) -> None:
    event = stage.announced()
    user_id = next(iter(stage.guild.members))

    for _ in range(2):
        stage.world.add_interest(stage.guild.id, event.id, user_id)
    for _ in range(2):
        stage.world.remove_interest(stage.guild.id, event.id, user_id)

    assert [what for what, _ in stage.told] == ["CREATE", "USER_ADD", "USER_REMOVE"]
    assert stage.told[1][1] == {
        "guild_scheduled_event_id": str(event.id),
        "user_id": str(user_id),
        "guild_id": str(stage.guild.id),
    }


def test_an_event_goes_with_its_channel(stage: Stage) -> None:
    event = stage.announced()

    stage.world.delete_channel(stage.guild.id, stage.channel)

    assert [what for what, _ in stage.told] == ["CREATE", "DELETE"]
    assert event.id not in stage.guild.scheduled_events


def test_an_external_event_begins_and_ends_by_itself(stage: Stage) -> None:
    stage.announced(
        entity_type=EntityType.EXTERNAL,
        channel_id=None,
        location="The park",
        scheduled_end_time=FRIDAY + timedelta(hours=1),
    )

    stage.after(minutes=59)
    stage.after(minutes=1)
    stage.after(minutes=59)
    stage.after(minutes=1)

    assert stage.statuses == [1, 2, 3]


def test_an_event_that_nobody_begins_is_canceled_hours_later(stage: Stage) -> None:
    stage.announced()

    stage.after(hours=3)
    stage.after(hours=1)

    assert stage.statuses == [1, 4]


def test_an_event_ends_minutes_after_its_channel_empties(stage: Stage) -> None:
    event = stage.announced()
    user_id = next(iter(stage.guild.members))
    stage.become(event, EventStatus.ACTIVE)
    stage.world.join(stage.guild.id, user_id, stage.channel)

    stage.after(hours=2)
    stage.world.leave(stage.guild.id, user_id)
    stage.after(minutes=1)
    stage.after(minutes=2)
    assert stage.statuses == [1, 2]
    stage.after(minutes=1)

    assert stage.statuses == [1, 2, 3]


def test_verbs_take_what_json_has(stage: Stage) -> None:
    event_id = do(
        stage.world,
        "create_scheduled_event",
        {
            "guild_id": str(stage.guild.id),
            "name": "Raid",
            "entity_type": 2,
            "channel_id": str(stage.channel),
            "scheduled_start_time": "2026-11-20T21:00:00+01:00",
            "recurrence_rule": {
                "start": "2026-11-20T20:00:00+00:00",
                "frequency": 2,
                "by_weekday": [4],
            },
        },
    )
    do(
        stage.world,
        "update_scheduled_event",
        {"guild_id": str(stage.guild.id), "event_id": event_id, "status": 2},
    )

    event = stage.guild.scheduled_events[int(event_id)]
    assert event.scheduled_start_time == FRIDAY
    assert event.status is EventStatus.ACTIVE
    assert event.recurrence_rule == Recurrence(FRIDAY, Frequency.WEEKLY, by_weekday=(4,))
    with pytest.raises(WrongVerbError, match="9 is not from 0 to 6"):
        do(
            stage.world,
            "update_scheduled_event",
            {
                "guild_id": stage.guild.id,
                "event_id": event_id,
                "recurrence_rule": {"start": "2026-11-20", "frequency": 2, "by_weekday": [9]},
            },
        )


async def test_events_are_heard_of_with_their_intent_alone(
    sandbox: Sandbox, world: World, guild: Guild, rooms: list[int], people: list[int]
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    event = world.create_scheduled_event(
        guild.id, name="Raid", channel_id=rooms[0], scheduled_start_time=soon
    )
    async with GatewayClient(sandbox) as hears, GatewayClient(sandbox) as deaf:
        await hears.identify(GUILDS | SCHEDULED_EVENTS)
        await deaf.identify(GUILDS)
        stated = {payload["id"]: payload for payload in await hears.events("GUILD_CREATE", 2)}
        hidden = await deaf.events("GUILD_CREATE", 2)

        world.add_interest(guild.id, event.id, people[0])
        world.update_scheduled_event(guild.id, event.id, name="Raids")
        world.remove_interest(guild.id, event.id, people[0])
        world.delete_scheduled_event(guild.id, event.id)

        assert [shown["id"] for shown in stated[str(guild.id)]["guild_scheduled_events"]] == [
            str(event.id)
        ]
        assert [payload["guild_scheduled_events"] for payload in hidden] == [[], []]
        assert await hears.settle() == [
            "GUILD_SCHEDULED_EVENT_USER_ADD",
            "GUILD_SCHEDULED_EVENT_UPDATE",
            "GUILD_SCHEDULED_EVENT_USER_REMOVE",
            "GUILD_SCHEDULED_EVENT_DELETE",
        ]
        assert await deaf.settle() == []


def test_a_single_time_that_is_moved_or_called_off_is_told_as_an_exception() -> None:
    stage = Stage()
    rule = Recurrence(FRIDAY, Frequency.WEEKLY)
    event = stage.announced(recurrence_rule=rule)
    week = timedelta(days=7)
    stage.told.clear()

    stage.world.deviate(stage.guild.id, event.id, FRIDAY, starts_at=FRIDAY + timedelta(hours=1))
    stage.world.deviate(stage.guild.id, event.id, FRIDAY + week, is_canceled=True)
    stage.world.deviate(stage.guild.id, event.id, FRIDAY + week, is_canceled=True)
    stage.world.follow_rule(stage.guild.id, event.id, FRIDAY)

    assert [what for what, _ in stage.told] == [
        "EXCEPTION_CREATE",
        "EXCEPTION_CREATE",
        "EXCEPTION_UPDATE",
        "EXCEPTION_DELETE",
    ]
    moved = stage.told[0][1]
    assert moved["event_id"] == str(event.id)
    assert int(moved["event_exception_id"]) & ((1 << 22) - 1) == 0
    assert moved["scheduled_start_time"] == "2026-11-20T21:00:00.000000+00:00"
    # The event is stated as its rule has it, and goes on to the next time that takes place.
    assert event.scheduled_start_time == FRIDAY
    [shown] = event.payload(stage.guild.id)["guild_scheduled_event_exceptions"]
    assert shown["is_canceled"] is True
    stage.become(event, EventStatus.ACTIVE)
    stage.become(event, EventStatus.COMPLETED)
    assert event.scheduled_start_time == FRIDAY + 2 * week

    stage.world.follow_rule_always(stage.guild.id, event.id)
    assert stage.told[-1] == ("EXCEPTIONS_DELETE", {"event_id": str(event.id)})
    assert event.exceptions == {}
