from __future__ import annotations

from collections import Counter

from community.domain.permissions import Permission
from tests.botrunner.sandbox.test_actors import HOUR, Watched

PREFIX = "GUILD_SCHEDULED_EVENT_"


def told_of_events(watched: Watched) -> list[tuple[str, dict[str, object]]]:
    return [
        (name.removeprefix(PREFIX), payload)
        for name, payload in watched.events
        if name.startswith(PREFIX)
    ]


def test_members_announce_hold_and_end_events() -> None:
    told = told_of_events(Watched(members=60).play(48 * HOUR))

    counted = Counter(name for name, _ in told)
    statuses = Counter(payload["status"] for name, payload in told if name == "UPDATE")
    assert counted["CREATE"] > 10
    assert counted["USER_ADD"] > counted["USER_REMOVE"] > 0
    assert counted["DELETE"] > 0
    assert statuses[2] > 5
    assert statuses[3] > 5
    assert statuses[1] > 0


def test_events_are_announced_by_those_who_may_in_open_channels() -> None:
    watched = Watched(members=60).play(12 * HOUR)
    [guild] = watched.world.guilds.values()

    events = [payload for name, payload in told_of_events(watched) if name == "CREATE"]
    assert events
    for payload in events:
        creator_id = int(str(payload["creator_id"]))
        assert guild.permissions_of(creator_id, now=watched.clock()) & Permission.CREATE_EVENTS
        assert not guild.channels[int(str(payload["channel_id"]))].overwrites


def test_the_same_seed_gives_the_same_events() -> None:
    first = told_of_events(Watched(members=60).play(12 * HOUR))
    second = told_of_events(Watched(members=60).play(12 * HOUR))
    other = told_of_events(Watched(members=60, seed=8).play(12 * HOUR))

    assert first == second
    assert [payload["name"] for _, payload in first if "name" in payload] != [
        payload["name"] for _, payload in other if "name" in payload
    ]
