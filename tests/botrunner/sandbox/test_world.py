from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botrunner.sandbox.entities import ChannelType, Guild, Stay, User
from botrunner.sandbox.errors import (
    NotAVoiceChannelError,
    NotConnectedError,
    UnknownThingError,
)
from botrunner.sandbox.world import World, build_world
from community.domain.permissions import Overwrite, Permission

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Ear:
    """Writes down what the world tells."""

    def __init__(self, world: World) -> None:
        self.dispatches: list[tuple[int, str, dict[str, Any]]] = []
        self.stays: list[Stay] = []
        world.on_dispatch.append(lambda *told: self.dispatches.append(told))
        world.on_stay.append(self.stays.append)

    @property
    def names(self) -> list[str]:
        return [name for _, name, _ in self.dispatches]

    @property
    def last(self) -> dict[str, Any]:
        return self.dispatches[-1][2]


@pytest.fixture
def ear(world: World) -> Ear:
    return Ear(world)


def room_of(guild: Guild, kind: ChannelType) -> int:
    return next(channel.id for channel in guild.channels.values() if channel.type is kind)


def test_world_of_the_same_seed_is_the_same() -> None:
    one = build_world(seed=3, guilds=2, members=40, clock=lambda: NOON)

    other = build_world(seed=3, guilds=2, members=40, clock=lambda: NOON + timedelta(days=9))

    assert one.guilds == other.guilds
    assert one.bot == other.bot
    assert one.guilds != build_world(seed=4, guilds=2, members=40, clock=lambda: NOON).guilds


def test_guild_has_what_a_community_has(world: World, guild: Guild) -> None:
    kinds = [channel.type for channel in guild.channels.values()]

    assert 8 <= sum(kind in {ChannelType.VOICE, ChannelType.STAGE} for kind in kinds) <= 12
    assert ChannelType.STAGE in kinds
    assert guild.channels[guild.afk_channel_id or 0].is_voice
    assert sum(not member.user.bot for member in guild.members.values()) == 30
    assert world.permissions(guild.id, world.bot.id) & Permission.MOVE_MEMBERS


def test_join_tells_voice_state_and_stay(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], rooms[0], self_mute=True)

    told_of, name, payload = ear.dispatches[-1]
    assert (told_of, name) == (guild.id, "VOICE_STATE_UPDATE")
    assert payload["channel_id"] == str(rooms[0])
    assert payload["user_id"] == payload["member"]["user"]["id"] == str(people[0])
    assert payload["self_mute"] is True
    assert "self_stream" not in payload
    assert ear.stays == [
        Stay(guild.id, people[0], rooms[0], guild.voice_states[people[0]].since, None)
    ]


def test_move_keeps_the_session_and_ends_one_stay_where_the_next_begins(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], rooms[0])
    session_id = ear.last["session_id"]

    world.move(guild.id, people[0], rooms[1])

    _, left, entered = ear.stays
    assert ear.last["session_id"] == session_id
    assert (left.channel_id, entered.channel_id) == (rooms[0], rooms[1])
    assert left.ended == entered.began
    assert entered.ended is None


def test_joining_again_has_another_session(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], rooms[0])
    world.leave(guild.id, people[0])
    left = ear.last

    world.join(guild.id, people[0], rooms[0])

    assert left["channel_id"] is None
    assert ear.last["session_id"] != left["session_id"]


def test_move_to_where_one_is_tells_nothing(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], rooms[0])

    world.move(guild.id, people[0], rooms[0])

    assert len(ear.dispatches) == len(ear.stays) == 1


def test_voice_verbs_refuse_what_cannot_be(
    world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    with pytest.raises(NotConnectedError):
        world.leave(guild.id, people[0])
    with pytest.raises(NotAVoiceChannelError):
        world.join(guild.id, people[0], room_of(guild, ChannelType.TEXT))
    with pytest.raises(UnknownThingError):
        world.join(guild.id, 1, rooms[0])
    world.join(guild.id, people[0], rooms[0])
    with pytest.raises(TypeError):
        world.set_voice(guild.id, people[0], shouting=True)


def test_a_moderators_move_disconnect_and_kick_are_in_the_audit_log(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    member, moderator = people[:2]
    world.join(guild.id, member, rooms[0])

    world.move(guild.id, member, rooms[1], by=moderator)
    world.leave(guild.id, member, by=moderator, reason="shouting")
    world.remove_member(guild.id, member, by=moderator)

    entries = [payload for _, name, payload in ear.dispatches if name.startswith("GUILD_AUDIT")]
    assert [entry["action_type"] for entry in entries] == [26, 27, 20]
    assert entries[0]["options"] == {"channel_id": str(rooms[1]), "count": "1"}
    assert entries[1]["reason"] == "shouting"
    assert entries[2]["target_id"] == str(member)
    assert {entry["user_id"] for entry in entries} == {str(moderator)}


def test_a_member_who_acts_alone_is_in_no_audit_log(
    world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.join(guild.id, people[0], rooms[0])
    world.move(guild.id, people[0], rooms[1])
    world.leave(guild.id, people[0])

    assert guild.audit_log == []


def test_deleting_a_channel_empties_it(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    for member in people[:3]:
        world.join(guild.id, member, rooms[0])

    world.delete_channel(guild.id, rooms[0])

    assert ear.names[-4:] == ["CHANNEL_DELETE", *["VOICE_STATE_UPDATE"] * 3]
    assert [stay.ended is not None for stay in ear.stays] == [False] * 3 + [True] * 3
    assert not guild.voice_states


def test_deleting_a_category_leaves_its_channels_without_a_parent(
    world: World, guild: Guild, ear: Ear
) -> None:
    category = room_of(guild, ChannelType.CATEGORY)
    children = [channel for channel in guild.channels.values() if channel.parent_id == category]

    world.delete_channel(guild.id, category)

    assert ear.names == ["CHANNEL_DELETE", *["CHANNEL_UPDATE"] * len(children)]
    assert {channel.parent_id for channel in children} == {None}


def test_deleting_a_role_takes_it_from_members_and_overwrites(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    role = world.create_role(guild.id, name="Guests")
    world.update_member(guild.id, people[0], roles=[role.id])
    world.set_overwrite(guild.id, rooms[0], Overwrite(role.id, is_role=True, deny=1))

    world.delete_role(guild.id, role.id)

    assert ear.names[-1] == "GUILD_ROLE_DELETE"
    assert guild.members[people[0]].payload()["roles"] == []
    assert guild.channels[rooms[0]].overwrites == []


def test_members_changes_show_in_their_next_voice_state(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], rooms[0])

    world.update_member(guild.id, people[0], nick="Someone else")
    world.set_voice(guild.id, people[0], mute=True)

    state = next(payload for _, name, payload in ear.dispatches[::-1] if name.startswith("VOICE"))
    assert state["member"]["nick"] == "Someone else"
    assert state["mute"] is state["member"]["mute"] is True


def test_stage_audience_and_the_afk_channel_are_suppressed(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.join(guild.id, people[0], room_of(guild, ChannelType.STAGE))
    on_stage = ear.last["suppress"]
    world.move(guild.id, people[0], guild.afk_channel_id or 0)
    away = ear.last["suppress"]

    world.move(guild.id, people[0], rooms[0])

    assert (on_stage, away, ear.last["suppress"]) == (True, True, False)


def test_may_join_asks_for_room_and_permission(
    world: World, guild: Guild, people: list[int], rooms: list[int]
) -> None:
    world.update_channel(guild.id, rooms[0], user_limit=1)
    world.update_member(guild.id, people[0], roles=[])
    world.update_member(guild.id, people[1], roles=[])
    staff_room = next(channel for channel in guild.channels.values() if channel.overwrites)
    before = world.may_join(guild.id, people[0], rooms[0])

    world.join(guild.id, people[1], rooms[0])

    assert before
    assert not world.may_join(guild.id, people[0], rooms[0])
    assert world.may_join(guild.id, guild.owner_id, rooms[0])
    assert not world.may_join(guild.id, people[0], staff_room.id)


def test_life_goes_on_unheard_during_an_outage(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.begin_outage(guild.id)
    assert ear.last == {"id": str(guild.id), "unavailable": True}
    world.join(guild.id, people[0], rooms[0])
    assert len(ear.dispatches) == 1
    assert len(ear.stays) == 1

    world.end_outage(guild.id)

    assert ear.names[-1] == "GUILD_CREATE"
    assert [state["user_id"] for state in ear.last["voice_states"]] == [str(people[0])]


def test_a_guild_that_removed_the_bot_is_unheard_until_it_is_back(
    world: World, guild: Guild, people: list[int], rooms: list[int], ear: Ear
) -> None:
    world.remove_bot(guild.id)
    assert ear.last == {"id": str(guild.id)}
    world.join(guild.id, people[0], rooms[0])
    assert len(ear.dispatches) == 1

    world.add_bot(guild.id)

    assert ear.names[-1] == "GUILD_CREATE"
    assert str(world.bot.id) in {member["user"]["id"] for member in ear.last["members"]}


def test_newcomers_come_and_go(world: World, guild: Guild, ear: Ear) -> None:
    user = User(id=world.new_id(), username="newcomer")

    world.add_member(guild.id, user)
    world.remove_member(guild.id, user.id)

    assert ear.names == ["GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE"]
    assert ear.last["user"]["id"] == str(user.id)


def test_new_ids_are_snowflakes_of_now(world: World) -> None:
    made = [world.new_id() for _ in range(1_000)]

    born = datetime.fromtimestamp(((made[0] >> 22) + 1_420_070_400_000) / 1000, UTC)
    assert len(set(made)) == 1_000
    assert abs(datetime.now(UTC) - born) < timedelta(seconds=10)
