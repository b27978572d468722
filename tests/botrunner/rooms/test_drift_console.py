"""Orphaned rooms and missing permissions in the drift console: who sees them, who mends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from botrunner.models import Hub, Room, RoomState
from botrunner.services.rooms import sweep
from botrunner.services.rooms.sweep import JOB, SweepRunsError, alone
from botrunner.tasks import sweep_rooms
from community.domain.permissions import Permission
from community.models import AuditEntry, ChannelKind, JobRun, Overwrite, Role, RoleSpan
from tests.botrunner.rooms.sandbox_beside import CHANNELS, DELETE, TOKEN, Discord, discord_beside
from tests.factories import NOW, give, make_channel, make_guild, make_member, make_shard, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botrunner.sandbox.entities import Channel

pytestmark = pytest.mark.django_db(transaction=True)

SEES = ("view_voicesession", "view_room")
MENDS = (*SEES, "correct_voicesession", "close_room")


@pytest.fixture
def discord(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    # What was made just now is left to the bot; a test does not wait for that.
    monkeypatch.setattr("botrunner.domain.rooms.sweep.IN_HAND", timedelta(minutes=-5))
    with discord_beside() as found:
        settings.DISCORD_TOKEN = TOKEN
        settings.DISCORD_API_URL = found.sandbox.api_url
        yield found


@pytest.fixture
def orphan(discord: Discord) -> Channel:
    channel = discord.make_channel()
    discord.make_room(RoomState.CLOSING, channel_id=channel.id, reason="empty")
    return channel


def as_(discord: Discord, *codenames: str, name: str = "sam") -> Client:
    client = Client()
    client.force_login(give(make_user(name, is_staff=True), *codenames, guild=discord.row))
    return client


def console(discord: Discord) -> str:
    return reverse("admin:sessions_app_guild_drift", args=[discord.guild.id])


def body_of(response: Any) -> str:
    assert response.status_code == 200, response
    text: str = response.content.decode()
    return " ".join(text.split())


def test_a_look_shows_what_is_orphaned_and_changes_nothing(
    discord: Discord, orphan: Channel
) -> None:
    client = as_(discord, *MENDS)

    before = body_of(client.get(console(discord)))
    looked = body_of(client.get(console(discord), {"look": "rooms"}))

    assert "Look now (dry run)" in before
    assert "orphaned channel" not in before
    assert f"Voice-Mira ({orphan.id})" in looked
    assert "Mend these" in looked
    assert discord.has(orphan)


def test_one_click_mends_and_stands_in_the_trail(discord: Discord, orphan: Channel) -> None:
    client = as_(discord, *MENDS)

    said = body_of(
        client.post(
            console(discord), {"mend_part": "rooms", "reason": "after the outage"}, follow=True
        )
    )

    assert "settled 1 of 1" in said
    assert not discord.has(orphan)
    assert Room.objects.get().state == RoomState.CLOSED
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.reason, entry.guild_id) == (
        "rooms.sweep",
        "sam",
        "after the outage",
        discord.guild.id,
    )


def test_without_a_reason_nothing_is_mended(discord: Discord, orphan: Channel) -> None:
    said = body_of(as_(discord, *MENDS).post(console(discord), {"mend_part": "rooms"}, follow=True))

    assert "say why; nothing was changed" in said
    assert discord.has(orphan)


@pytest.mark.parametrize("missing", MENDS)
def test_who_lacks_any_permission_mends_nothing(
    discord: Discord, orphan: Channel, missing: str
) -> None:
    client = as_(discord, *(name for name in MENDS if name != missing))

    response = client.post(console(discord), {"mend_part": "rooms", "reason": "x"})

    assert response.status_code == 403
    assert discord.has(orphan)


def test_who_may_only_look_asks_discord_nothing(discord: Discord, orphan: Channel) -> None:
    asked = discord.lay("*", way="slow", count=None)

    shown = body_of(as_(discord, *SEES).get(console(discord), {"look": "rooms"}))
    hidden = body_of(as_(discord, "view_voicesession", name="ann").get(console(discord)))

    assert asked.struck == 0
    assert "Orphaned rooms" in shown
    assert "Look now" not in shown
    assert str(orphan.id) not in shown
    assert "Orphaned rooms" not in hidden


def test_the_rooms_of_other_guilds_are_not_touched(discord: Discord, orphan: Channel) -> None:
    elsewhere = make_guild()
    client = Client()
    client.force_login(give(make_user("eve", is_staff=True), *MENDS, guild=elsewhere))
    all_of_hers = reverse("admin:sessions_app_drift")

    refused = client.post(console(discord), {"mend_part": "rooms", "reason": "x"})
    client.post(all_of_hers, {"mend_part": "rooms", "reason": "x"})
    looked = body_of(client.get(all_of_hers, {"look": "rooms"}))

    assert refused.status_code == 404
    assert str(orphan.id) not in looked
    assert discord.has(orphan)


def test_an_unknown_section_is_not_found(discord: Discord) -> None:
    response = as_(discord, *MENDS).post(console(discord), {"mend_part": "x", "reason": "x"})

    assert response.status_code == 404


def test_what_discord_does_not_do_is_told(discord: Discord, orphan: Channel) -> None:
    client = as_(discord, *MENDS)
    discord.lay(DELETE, way="answer", status=403, code=50013)
    left = body_of(
        client.post(console(discord), {"mend_part": "rooms", "reason": "x"}, follow=True)
    )
    discord.lay(CHANNELS, way="answer", status=500)
    looked = body_of(client.get(console(discord), {"look": "rooms"}))

    assert "1 difference left" in left
    assert "Discord did not answer: status 500" in looked
    assert "nothing differs" not in looked
    assert discord.has(orphan)


def test_names_are_escaped(discord: Discord, orphan: Channel) -> None:
    discord.world.update_channel(discord.guild.id, orphan.id, name="<b>Mira</b>")

    looked = body_of(as_(discord, *MENDS).get(console(discord), {"look": "rooms"}))

    assert "&lt;b&gt;Mira&lt;/b&gt;" in looked
    assert "<b>Mira" not in looked


def test_missing_permissions_are_shown_without_asking(discord: Discord) -> None:
    guild = discord.row
    allowed = int(sum(Permission))
    Role.objects.create(id=guild.pk, guild=guild, name="@everyone", permissions=0)
    allowed &= ~int(Permission.ADMINISTRATOR)
    own = Role.objects.create(id=5, guild=guild, name="Rollcall", permissions=allowed)
    bot = make_member(guild, is_bot=True, roles_known_since=NOW)
    RoleSpan.objects.create(guild=guild, role=own, user_id=bot.user_id, started_at=NOW)
    make_shard(guild, figures={"bot_user_id": str(bot.user_id)})
    category = make_channel(guild, "Rooms", kind=ChannelKind.CATEGORY)
    Overwrite.objects.create(
        channel=category, target_kind=0, target_id=guild.pk, deny=int(Permission.CONNECT)
    )
    hub = make_channel(guild, parent=category)
    Hub.objects.create(guild=guild, channel_id=hub.pk, created_at=NOW)

    shown = body_of(as_(discord, *SEES).get(console(discord)))

    assert (
        "The overwrite of @everyone in the category Rooms denies Connect: "
        "allow it for the bot&#x27;s role Rollcall there."
    ) in shown


# The schedule -------------------------------------------------------------------------------


def test_the_task_sweeps_and_records_its_run(discord: Discord, orphan: Channel) -> None:
    sweep_rooms()

    run = JobRun.objects.get(job=JOB)
    assert (run.found, run.error) == (1, "")
    assert run.finished_at is not None
    assert run.outcome == {
        "guilds": 1,
        "done": 1,
        "without_log": 0,
        "errors": [],
        "last_guild": str(discord.guild.id),
    }
    assert sweep.last_guild_swept() == discord.guild.id
    assert not discord.has(orphan)


def test_what_was_in_the_way_stands_in_the_run(discord: Discord, orphan: Channel) -> None:
    discord.lay(DELETE, way="answer", status=429, retry_after=60.0)

    sweep_rooms()

    assert JobRun.objects.get().outcome["errors"] == [
        "Discord asks for patience, so nothing more is asked for now."
    ]
    assert discord.has(orphan)


def test_of_two_sweeps_at_once_one_is_left_out(discord: Discord, orphan: Channel) -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [sweep._SWEEP])
        sweep_rooms()
        stood = discord.has(orphan)
        with pytest.raises(SweepRunsError), alone():
            pass
    finally:
        other.close()
    sweep_rooms()

    assert stood
    assert not discord.has(orphan)
    first = JobRun.objects.order_by("started_at")[0]
    assert first.outcome == {"left_out": str(SweepRunsError())}


@pytest.mark.usefixtures("discord")
def test_without_a_token_the_task_says_so(settings: Any) -> None:
    settings.DISCORD_TOKEN = ""

    sweep_rooms()

    assert "DISCORD_TOKEN is not set" in JobRun.objects.get().outcome["left_out"]


def test_urgent_guilds_come_first_and_the_others_in_turn() -> None:
    guilds = [make_guild() for _ in range(4)]
    gone = make_guild(gone_at=NOW)
    for guild in [*guilds, gone]:
        Room.objects.create(
            guild=guild,
            owner_id=1,
            kind="private",
            state="closed",
            name="a",
            requested_at=NOW,
            ended_at=NOW,
        )
    Room.objects.create(
        guild=guilds[2], owner_id=1, kind="private", state="closing", name="a", requested_at=NOW
    )
    a, b, c, d = (guild.pk for guild in guilds)

    assert sweep.guilds_to_sweep() == [c, a, b, d]
    assert sweep.guilds_to_sweep(after=a) == [c, b, d, a]
    assert sweep.guilds_to_sweep(among={a, d}) == [a, d]
