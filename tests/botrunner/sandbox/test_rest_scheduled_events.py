from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.sandbox.scheduled_event import EventStatus
from community.domain.permissions import Overwrite, Permission

if TYPE_CHECKING:
    from botrunner.sandbox.entities import Guild
    from botrunner.sandbox.world import World
    from tests.botrunner.sandbox.rest_client import Rest

BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


def moment(hours: float = 0) -> str:
    return (BEGIN + timedelta(hours=hours)).isoformat()


def raid(room: int, **changed: Any) -> dict[str, Any]:
    return {
        "name": "Raid",
        "privacy_level": 2,
        "entity_type": 2,
        "channel_id": str(room),
        "scheduled_start_time": moment(),
    } | changed


def picnic(**changed: Any) -> dict[str, Any]:
    return {
        "name": "Picnic",
        "privacy_level": 2,
        "entity_type": 3,
        "entity_metadata": {"location": "The park"},
        "scheduled_start_time": moment(),
        "scheduled_end_time": moment(2),
    } | changed


@pytest.fixture
def path(guild: Guild) -> str:
    return f"/guilds/{guild.id}/scheduled-events"


async def test_an_event_is_made_listed_changed_and_deleted(
    rest: Rest, guild: Guild, world: World, rooms: list[int], path: str
) -> None:
    status, made = await rest(
        "POST", path, raid(rooms[0], description="Bring a torch"), **{"X-Audit-Log-Reason": "r"}
    )
    assert status == 200
    assert (made["creator_id"], made["status"]) == (str(world.bot.id), 1)
    assert datetime.fromisoformat(made["scheduled_start_time"]) == BEGIN
    one = f"{path}/{made['id']}"

    assert (await rest("GET", path))[1] == [made]
    assert (await rest("GET", f"{one}?with_user_count=1"))[1] == made | {"user_count": 0}
    _, changed = await rest("PATCH", one, {"name": "Raids", "scheduled_start_time": moment(1)})
    assert (changed["name"], changed["description"]) == ("Raids", "Bring a torch")
    assert (await rest("DELETE", one))[0] == 204
    assert await rest.code("GET", one) == (404, 10070)
    assert [entry["action_type"] for entry in guild.audit_log] == [100, 101, 102]
    assert guild.audit_log[0]["reason"] == "r"


async def test_an_external_event_has_a_place_and_an_end(rest: Rest, path: str) -> None:
    status, made = await rest("POST", path, picnic())

    assert (status, made["channel_id"]) == (200, None)
    assert made["entity_metadata"] == {"location": "The park"}


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"name": ""}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x" * 101}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": None}, "name", "BASE_TYPE_REQUIRED"),
        ({"description": "x" * 1_001}, "description", "BASE_TYPE_BAD_LENGTH"),
        ({"privacy_level": None}, "privacy_level", "BASE_TYPE_REQUIRED"),
        ({"privacy_level": 1}, "privacy_level", "BASE_TYPE_CHOICES"),
        ({"entity_type": None}, "entity_type", "BASE_TYPE_REQUIRED"),
        ({"entity_type": 4}, "entity_type", "BASE_TYPE_CHOICES"),
        ({"entity_type": 1}, "channel_id", "CHANNEL_TYPE_INVALID"),
        ({"channel_id": None}, "channel_id", "BASE_TYPE_REQUIRED"),
        ({"channel_id": "17"}, "channel_id", "CHANNEL_TYPE_INVALID"),
        (
            {"entity_metadata": {"location": "x"}},
            "entity_metadata",
            "GUILD_SCHEDULED_EVENT_ENTITY_METADATA_UNSUPPORTED",
        ),
        ({"scheduled_start_time": None}, "scheduled_start_time", "BASE_TYPE_REQUIRED"),
        ({"scheduled_start_time": "soon"}, "scheduled_start_time", "DATE_TIME_TYPE_PARSE"),
        (
            {"scheduled_start_time": moment(-2)},
            "scheduled_start_time",
            "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST",
        ),
        (
            {"scheduled_end_time": moment()},
            "scheduled_end_time",
            "GUILD_SCHEDULED_EVENT_SCHEDULE_END_BEFORE_START",
        ),
        ({"recurrence_rule": {"start": moment()}}, "recurrence_rule", "MODEL_TYPE_CONVERT"),
        ({"recurrence_rule": [1]}, "recurrence_rule", "MODEL_TYPE_CONVERT"),
        (
            {"recurrence_rule": {"start": moment(), "frequency": 3, "interval": 2}},
            "recurrence_rule",
            "RECURRENCE_RULE_INVALID",
        ),
        (
            {"recurrence_rule": {"start": moment(), "frequency": 2, "by_weekday": [1, 2]}},
            "recurrence_rule",
            "RECURRENCE_RULE_INVALID",
        ),
        (
            {"recurrence_rule": {"start": moment(), "frequency": 0}},
            "recurrence_rule",
            "RECURRENCE_RULE_INVALID",
        ),
        (
            {"recurrence_rule": {"start": moment(), "frequency": 3, "count": 2}},
            "recurrence_rule",
            "RECURRENCE_RULE_INVALID",
        ),
    ],
)
async def test_a_wrong_event_is_refused_by_field(
    rest: Rest,
    guild: Guild,
    rooms: list[int],
    path: str,
    changed: dict[str, Any],
    field: str,
    code: str,
) -> None:
    status, answer = await rest("POST", path, raid(rooms[0], **changed))

    assert (status, answer["code"]) == (400, 50035)
    assert [error["code"] for error in answer["errors"][field]["_errors"]] == [code]
    assert not guild.scheduled_events


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"channel_id": "17"}, "channel_id"),
        ({"scheduled_end_time": None}, "scheduled_end_time"),
        ({"entity_metadata": None}, "entity_metadata"),
        ({"entity_metadata": {"location": "x" * 101}}, "entity_metadata"),
    ],
)
async def test_a_wrong_external_event_is_refused_by_field(
    rest: Rest, path: str, changed: dict[str, Any], field: str
) -> None:
    status, answer = await rest("POST", path, picnic(**changed))

    assert (status, answer["code"], list(answer["errors"])) == (400, 50035, [field])


async def test_an_event_repeats_by_its_rule(rest: Rest, rooms: list[int], path: str) -> None:
    rule = {"start": moment(), "frequency": 2, "interval": 2, "by_weekday": [BEGIN.weekday()]}

    _, made = await rest("POST", path, raid(rooms[0], recurrence_rule=rule))
    one = f"{path}/{made['id']}"
    await rest("PATCH", one, {"status": 2})
    _, ended = await rest("PATCH", one, {"status": 3})
    _, single = await rest("PATCH", one, {"recurrence_rule": None})

    assert made["recurrence_rule"]["interval"] == 2
    assert ended["status"] == 1
    begins = datetime.fromisoformat(ended["scheduled_start_time"])
    assert begins == BEGIN + timedelta(days=14)
    assert single["recurrence_rule"] is None


async def test_an_event_goes_through_its_statuses_in_order(
    rest: Rest, world: World, guild: Guild, rooms: list[int], path: str
) -> None:
    _, made = await rest("POST", path, raid(rooms[0]))
    one = f"{path}/{made['id']}"

    assert await rest.code("PATCH", one, {"status": 3}) == (400, 50035)
    assert (await rest("PATCH", one, {"status": 2}))[1]["status"] == 2
    assert await rest.code("PATCH", one, {"status": 4}) == (400, 50035)
    _, answer = await rest("PATCH", one, {"scheduled_start_time": moment(1)})
    assert answer["errors"]["scheduled_start_time"]["_errors"][0]["code"].endswith("BY_STATUS")
    assert (await rest("PATCH", one, {"name": "Still on"}))[0] == 200
    assert (await rest("PATCH", one, {"status": 3}))[1]["status"] == 3
    assert await rest.code("PATCH", one, {"name": "Over"}) == (400, 180000)
    assert (await rest("GET", one))[1]["status"] == 3
    assert (await rest("GET", path))[1] == []

    other = world.create_scheduled_event(
        guild.id,
        by=world.bot.id,
        name="Called off",
        channel_id=rooms[0],
        scheduled_start_time=BEGIN,
    )
    assert (await rest("PATCH", f"{path}/{other.id}", {"status": 4}))[1]["status"] == 4


async def test_an_event_changes_its_kind_with_all_that_belongs_to_it(
    rest: Rest, rooms: list[int], path: str
) -> None:
    _, made = await rest("POST", path, raid(rooms[0]))
    one = f"{path}/{made['id']}"
    place = {"entity_metadata": {"location": "The park"}, "channel_id": None}

    assert await rest.code("PATCH", one, {"entity_type": 3}) == (400, 50035)
    status, moved = await rest(
        "PATCH", one, {"entity_type": 3, "scheduled_end_time": moment(2)} | place
    )
    assert (status, moved["channel_id"]) == (200, None)
    _, back = await rest("PATCH", one, {"entity_type": 2, "channel_id": str(rooms[1])})

    assert (back["channel_id"], back["entity_metadata"]) == (str(rooms[1]), None)


async def test_a_hundred_events_are_the_most(
    rest: Rest, world: World, guild: Guild, rooms: list[int], path: str
) -> None:
    for _ in range(100):
        world.create_scheduled_event(
            guild.id, name="x", channel_id=rooms[0], scheduled_start_time=BEGIN
        )

    assert await rest.code("POST", path, raid(rooms[0])) == (400, 30038)


async def test_events_need_their_permissions(
    rest: Rest, world: World, guild: Guild, rooms: list[int], path: str
) -> None:
    theirs = world.create_scheduled_event(
        guild.id, name="Theirs", channel_id=rooms[0], scheduled_start_time=BEGIN
    )
    _, ours = await rest("POST", path, raid(rooms[0]))
    hidden = Overwrite(world.bot.id, is_role=False, deny=int(Permission.VIEW_CHANNEL))

    assert await rest.code("PATCH", f"{path}/{theirs.id}", {"name": "x"}) == (403, 50013)
    assert await rest.code("DELETE", f"{path}/{theirs.id}") == (403, 50013)
    assert (await rest("PATCH", f"{path}/{ours['id']}", {"name": "x"}))[0] == 200
    world.set_overwrite(guild.id, rooms[0], hidden)
    assert (await rest("GET", path))[1] == []
    assert await rest.code("GET", f"{path}/{theirs.id}") == (404, 10070)
    assert await rest.code("POST", path, raid(rooms[0])) == (403, 50001)
    world.update_member(guild.id, world.bot.id, roles=[])
    assert await rest.code("POST", path, picnic()) == (403, 50013)


async def test_a_stage_event_needs_the_stages_moderators_permissions(
    rest: Rest, world: World, guild: Guild, path: str
) -> None:
    stage = next(c.id for c in guild.channels.values() if c.type == 13)
    denied = Overwrite(world.bot.id, is_role=False, deny=int(Permission.MUTE_MEMBERS))

    assert (await rest("POST", path, raid(stage, entity_type=1)))[0] == 200
    world.set_overwrite(guild.id, stage, denied)

    assert await rest.code("POST", path, raid(stage, entity_type=1)) == (403, 50013)


async def test_who_is_interested_comes_in_pages(
    rest: Rest, world: World, guild: Guild, rooms: list[int], people: list[int], path: str
) -> None:
    event = world.create_scheduled_event(
        guild.id, name="Raid", channel_id=rooms[0], scheduled_start_time=BEGIN
    )
    for user_id in people[:5]:
        world.add_interest(guild.id, event.id, user_id)
    ids = sorted(people[:5])

    async def page(query: str) -> list[int]:
        _, users = await rest("GET", f"{path}/{event.id}/users?{query}")
        return [int(entry["user"]["id"]) for entry in users]

    assert await page("") == ids
    assert await page("limit=2") == ids[:2]
    assert await page(f"limit=2&after={ids[1]}") == ids[2:4]
    assert await page(f"limit=2&before={ids[4]}") == ids[2:4]
    assert await rest.code("GET", f"{path}/{event.id}/users?limit=101") == (400, 50035)
    world.remove_member(guild.id, ids[0])
    _, users = await rest("GET", f"{path}/{event.id}/users?with_member=true")
    assert ["member" in entry for entry in users] == [False, True, True, True, True]
    assert await rest.code("GET", f"{path}/17/users") == (404, 10070)


async def test_an_event_that_is_made_though_an_error_is_answered(
    rest: Rest, guild: Guild, rooms: list[int], path: str
) -> None:
    rest.sandbox.faults.rates = {"aftermath": 1.0}

    assert (await rest("POST", path, raid(rooms[0])))[0] == 502

    [event] = guild.scheduled_events.values()
    assert event.status is EventStatus.SCHEDULED
