"""A sweep while Discord refuses, others are quicker, or the process dies."""

from __future__ import annotations

from typing import Any

import pytest

from botrunner.models import (
    QuarantinedChannel,
    Room,
    RoomReason,
    RoomState,
)
from botrunner.rest import DiscordRest
from botrunner.rest_errors import (
    OutOfTimeError,
    RateLimitedError,
    RefusedError,
)
from botrunner.services.rooms import sweep_actions
from botrunner.services.rooms.steps import tell
from botrunner.services.rooms.sweep import sweep_guild
from tests.botrunner.rooms.sandbox_beside import (
    DELETE,
    Discord,
    later,
)
from tests.botrunner.rooms.sweeping import closing, sweep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("others")]


def test_after_the_first_429_nothing_more_is_asked(discord: Discord) -> None:
    closing(discord)
    closing(discord)
    discord.lay(DELETE, way="answer", status=429, retry_after=600.0)
    counted = discord.lay(DELETE, way="slow", count=None)

    with discord.rest() as rest:
        swept = sweep_guild(discord.guild.id, rest=rest, now=later())
        with pytest.raises(RateLimitedError):
            rest.channels(discord.guild.id)

    assert [type(each.error) for each in swept.found] == [RateLimitedError]
    assert counted.struck == 0
    waits = [
        room for room in Room.objects.all() if room.next_try_at and room.next_try_at > later(9)
    ]
    assert len(waits) == 1


def test_a_channel_that_somebody_deletes_first_is_deleted(discord: Discord) -> None:
    room, channel = closing(discord)
    discord.lay(
        DELETE,
        way="call",
        hook=lambda: discord.world.delete_channel(discord.guild.id, channel.id),
    )

    swept = sweep(discord)

    room.refresh_from_db()
    assert [(each.is_done, each.error) for each in swept.found] == [(True, None)]
    assert room.state == RoomState.CLOSED


def test_a_refusal_is_told_to_staff_and_tried_again(discord: Discord) -> None:
    room, _ = closing(discord)
    over_room, over = closing(discord)
    Room.objects.filter(pk=over_room.pk).update(state=RoomState.CLOSED, ended_at=later(0))
    discord.lay(DELETE, way="answer", status=403, code=50013, count=2)

    swept = sweep(discord)

    room.refresh_from_db()
    assert [type(each.error) for each in swept.found] == [RefusedError, RefusedError]
    assert (room.failures, room.error) == (1, "rest.refused")
    assert "Missing Permissions" in room.error_text
    sweep(discord, now=later(15))
    assert not discord.has(over)
    assert not QuarantinedChannel.objects.exists()


def test_time_that_is_up_ends_a_sweep(discord: Discord) -> None:
    closing(discord)

    with discord.rest(most_seconds=-1.0) as rest:
        swept = sweep_guild(discord.guild.id, rest=rest, now=later())

    assert isinstance(swept.error, OutOfTimeError)
    assert swept.found == []


# Crashes -----------------------------------------------------------------------------------


class CrashError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", range(8))
def test_a_crash_between_any_two_steps_is_taken_up_by_the_next_sweep(
    discord: Discord, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    _, channel = closing(discord)
    lost = discord.make_room(
        RoomState.CLOSING, asked_at=later(-1), creations=1, reason=RoomReason.ASKED
    )
    made, twin = discord.make_channel(mark=lost.pk), discord.make_channel(mark=lost.pk)
    passed = 0

    def crashing(do: Any) -> Any:
        def doing(*args: Any, **options: Any) -> Any:
            nonlocal passed
            passed += 1
            if passed == point + 1:
                raise CrashError
            return do(*args, **options)

        return doing

    with monkeypatch.context() as patched:
        patched.setattr(sweep_actions, "tell", crashing(tell))
        patched.setattr(DiscordRest, "delete_channel", crashing(DiscordRest.delete_channel))
        crashed = False
        try:
            sweep(discord)
        except CrashError:
            crashed = True
    sweep(discord, now=later(15))

    assert crashed == (point < 7)
    assert not any(discord.has(each) for each in (channel, made, twin))
    assert {each.state for each in Room.objects.all()} == {RoomState.CLOSED}
    assert sweep(discord, now=later(30)).found == []


def test_what_the_bot_or_staff_did_meanwhile_is_heeded(
    discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = closing(discord)
    _, second = closing(discord)
    delete = DiscordRest.delete_channel

    def deleting(rest: DiscordRest, channel_id: int, *, reason: str) -> None:
        delete(rest, channel_id, reason=reason)
        left = {first.id, second.id} - {channel_id}
        for room in Room.objects.filter(channel_id__in=left):
            room.state, room.reason, room.ended_at = "closed", RoomReason.LET_GO, later(0)
            room.save()

    monkeypatch.setattr(DiscordRest, "delete_channel", deleting)
    swept = sweep(discord)

    assert sorted(each.is_done for each in swept.found) == [False, True]
    assert [discord.has(each) for each in (first, second)].count(True) == 1
