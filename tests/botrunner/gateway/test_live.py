"""The bot beside the sandbox, over real sockets, to rows in the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.gateway import address, client
from botrunner.sandbox import entities
from community.models import Channel, Guild, Member, Shard
from sessions_app.models import Visit, VoiceSession, VoiceState
from sessions_app.models.channel_ids import never_empty
from tests.botrunner.gateway.conftest import (
    bounded,
    long_enough,
    reconnecting,
    rows,
    running,
    serving,
    settled,
    stored,
    until,
    until_stored,
)

if TYPE_CHECKING:
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_join_a_move_and_a_leave_become_two_sessions_of_one_visit(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        community.move(0, 1)
        await long_enough(bot)
        community.leave(0)
        await settled(bot)

    first, second = await rows(user_id=community.people[0])
    assert [first.end_reason, second.end_reason] == ["moved", "left"]
    assert first.visit_id == second.visit_id
    assert first.ended_at == second.started_at
    assert [first.channel_id, second.channel_id] == community.voice[:2]
    assert first.start_uncertainty == first.end_uncertainty == second.end_uncertainty == 0
    for row, stay in zip((first, second), community.ended(), strict=True):
        bounded(row, stay)


async def test_the_directory_mirrors_the_guild(community: Community) -> None:
    async with running(community) as bot:
        await settled(bot)

        guild = await stored(Guild.objects.get)
        assert (guild.id, guild.name) == (community.guild.id, community.guild.name)
        assert await stored(Channel.objects.count) == len(community.guild.channels)
        await until_stored(lambda: stored(Shard.objects.filter(is_connected=True).exists))
        shard = await stored(Shard.objects.get)
        assert shard.stopped_at is None

    shard = await stored(Shard.objects.get)
    assert not shard.is_connected
    assert shard.stopped_at is not None
    assert shard.last_frame_at is not None


async def test_what_happened_while_the_connection_was_cut_is_replayed_with_uncertainty(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        async with reconnecting(bot):
            community.sandbox.troubles.make("drop")
            community.leave(0)
            community.move(1, 1)
            community.join(2, 2)

        [left] = await rows(user_id=community.people[0])
        stay, moved, *_ = community.ended()
        assert left.end_reason == "left"
        assert left.end_uncertainty > 0
        bounded(left, stay)
        before, after = await rows(user_id=community.people[1])
        assert before.end_reason == "moved"
        assert before.end_uncertainty > 0
        assert after.start_kind == "inferred"
        bounded(before, moved)
        [joined] = await rows(user_id=community.people[2])
        assert joined.status == "active"
        assert joined.start_uncertainty > 0


async def test_an_invalid_session_is_settled_by_a_comparison(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        async with reconnecting(bot):
            community.sandbox.troubles.make("refuse")
            community.leave(0)
            community.join(2, 2)

        [left] = await rows(user_id=community.people[0])
        assert left.end_reason == "recovered"
        assert left.end_uncertainty > 0
        bounded(left, community.ended()[0])
        [stayed] = await rows(user_id=community.people[1])
        assert (stayed.status, stayed.start_kind) == ("active", "observed")
        [joined] = await rows(user_id=community.people[2])
        assert (joined.status, joined.start_kind) == ("active", "inferred")
        assert joined.start_uncertainty > 0


async def test_all_members_of_a_guild_that_is_larger_than_the_cache_are_known() -> None:
    async with serving(members=2_300) as community, running(community):
        people = len(community.guild.members)
        assert people > 2_300

        async def are_known() -> bool:
            return await stored(Member.objects.present().count) == people

        await until_stored(are_known)


async def test_a_channel_that_nobody_told_of_is_tracked(community: Community) -> None:
    async with running(community) as bot:
        community.sandbox.troubles.make("stranger")
        await settled(bot)

        [row] = await rows(user_id=community.guild.owner_id)
        assert row.status == "active"
        assert not await stored(Channel.objects.filter(pk=never_empty(row.channel_id)).exists)


async def test_a_state_without_its_member_is_tracked(community: Community) -> None:
    async with running(community) as bot:
        payload = {
            "guild_id": str(community.guild.id),
            "user_id": str(community.people[3]),
            "channel_id": str(community.voice[0]),
            "session_id": "a" * 32,
        }
        community.sandbox.gateway.send_raw(community.guild.id, "VOICE_STATE_UPDATE", payload)
        await long_enough(bot)
        community.sandbox.gateway.send_raw(
            community.guild.id, "VOICE_STATE_UPDATE", payload | {"channel_id": None}
        )
        await settled(bot)

        [row] = await rows(user_id=community.people[3])
        assert (row.status, row.end_reason) == ("completed", "left")


async def test_an_outage_ends_nobody_and_its_return_settles_who_left(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 0)
        await long_enough(bot)
        community.world.begin_outage(community.guild.id)
        await settled(bot)

        assert {row.status for row in await rows()} == {"active"}
        guild = await stored(Guild.objects.get)
        assert guild.unavailable_since is not None

        community.leave(0)
        await asyncio.sleep(0.3)
        community.world.end_outage(community.guild.id)
        await settled(bot)

        [left] = await rows(user_id=community.people[0])
        assert left.end_reason == "recovered"
        assert left.end_uncertainty > 0.3
        bounded(left, community.ended()[0])
        [stayed] = await rows(user_id=community.people[1])
        assert (stayed.status, stayed.start_kind) == ("active", "observed")
        guild = await stored(Guild.objects.get)
        assert guild.unavailable_since is None


async def test_a_guild_that_removes_the_bot_ends_its_sessions(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        community.world.remove_bot(community.guild.id)
        await settled(bot)

        [row] = await rows()
        assert (row.status, row.end_reason, row.end_uncertainty) == ("completed", "bot_removed", 0)
        guild = await stored(Guild.objects.get)
        assert guild.gone_at is not None


async def test_a_guild_that_removed_the_bot_while_it_was_away_ends_its_sessions() -> None:
    async with serving(guilds=2) as community:
        async with running(community) as bot:
            community.join(0, 0)
            await long_enough(bot)
        community.world.remove_bot(community.guild.id)
        async with running(community):
            await until_stored(
                lambda: stored(VoiceSession.objects.filter(status="completed").exists)
            )

    [row] = await rows()
    assert (row.status, row.end_reason) == ("completed", "bot_removed")
    assert row.end_uncertainty > 0
    assert await stored(Guild.objects.present().count) == 1


async def test_a_parser_that_throws_costs_a_client_and_no_session(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        [shard] = bot.shards
        watch = shard._watch
        assert watch is not None
        async with reconnecting(bot):
            community.sandbox.troubles.make("garbage")
        community.move(0, 1)
        await settled(bot)

        assert shard._watch is watch
        first, second = await rows()
        assert (first.end_reason, first.start_kind, first.end_uncertainty) == (
            "moved",
            "observed",
            0,
        )
        assert second.status == "active"
    assert "the client ended" in caplog.text


async def test_a_guild_that_discord_py_cannot_read_costs_one_client_and_is_followed(
    community: Community, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = entities.Channel.payload

    def without_limits(channel: entities.Channel) -> dict[str, Any]:
        return {name: part for name, part in whole(channel).items() if name != "user_limit"}

    monkeypatch.setattr(entities.Channel, "payload", without_limits)
    async with running(community) as bot:
        await until(lambda: caplog.text.count("READY with") == 2)
        await settled(bot)
        community.join(0, 0)
        await long_enough(bot)
        community.move(0, 1)
        await settled(bot)

        first, second = await rows(user_id=community.people[0])
        assert (first.start_kind, first.end_reason, second.status) == (
            "observed",
            "moved",
            "active",
        )
        assert first.start_uncertainty == first.end_uncertainty == 0
        assert caplog.text.count("the client ended") == 1


async def test_a_server_that_wants_few_heartbeats_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "LONGEST_SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(client, "LOOK_SECONDS", 0.05)
    async with serving(heartbeat_interval=2.0) as community, running(community):
        await asyncio.sleep(1.5)

    assert "silent for" not in caplog.text


async def test_a_discord_that_is_away_is_said_in_a_line_and_ends_nothing(
    community: Community, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(api_url: str, _: str) -> address.GatewayBot:
        raise address.DiscordAwayError(api_url=api_url, reason="a test")

    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        [shard] = bot.shards
        assert shard._watch is not None
        assert shard._watch.connection is not None
        monkeypatch.setattr(address, "ask", away)
        await shard._watch.connection.client.close()
        await until(lambda: "Discord cannot be reached" in caplog.text)

    [row] = await rows()
    assert row.status == "active"
    assert "Traceback" not in caplog.text


async def test_a_restart_keeps_starts_and_settles_who_left_meanwhile(
    community: Community,
) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        community.join(1, 1)
        await long_enough(bot)
    started = {row.user_id: row.started_at for row in await rows()}
    assert {row.status for row in await rows()} == {"active"}

    community.leave(1)
    await asyncio.sleep(0.2)
    async with running(community) as bot:
        await settled(bot)

        [stayed] = await rows(user_id=community.people[0])
        assert (stayed.status, stayed.started_at) == ("active", started[stayed.user_id])
        [left] = await rows(user_id=community.people[1])
        assert (left.status, left.started_at) == ("completed", started[left.user_id])
        assert left.end_uncertainty >= 0.2
        bounded(left, community.ended()[0])
    assert await stored(Visit.objects.count) == 2


async def test_whoever_was_there_at_the_first_sight_is_marked_so(community: Community) -> None:
    community.join(0, 0)

    async with running(community) as bot:
        await settled(bot)

        [row] = await rows()
        assert (row.start_kind, row.start_uncertainty) == ("first_sight", 0)


async def test_a_kick_and_a_moderators_disconnect_are_told_apart(community: Community) -> None:
    moderator = community.guild.owner_id
    async with running(community) as bot:
        community.join(1, 0)
        community.join(2, 0)
        await long_enough(bot)
        community.world.leave(community.guild.id, community.people[1], by=moderator)
        community.world.remove_member(community.guild.id, community.people[2], by=moderator)
        await settled(bot)

        reasons = {row.user_id: row.end_reason for row in await rows()}
        assert [reasons[user_id] for user_id in community.people[1:3]] == ["disconnected", "kicked"]


async def test_a_deleted_channel_ends_its_sessions(community: Community) -> None:
    async with running(community) as bot:
        community.join(0, 0)
        await long_enough(bot)
        community.world.delete_channel(community.guild.id, community.voice[0])
        await settled(bot)

        [row] = await rows()
        assert (row.status, row.end_reason) == ("completed", "channel_deleted")
        channel = await stored(Channel.objects.filter(pk=community.voice[0]).get)
        assert channel.gone_at is not None
        assert not await stored(VoiceState.objects.exists)
