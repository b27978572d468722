"""A sweep while Discord refuses, others are quicker, or the process dies."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from botrunner.domain.rooms.sweep import What
from botrunner.models import (
    QuarantinedChannel,
    QuarantineState,
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
from botrunner.services.rooms.quarantine import let_go_channel
from botrunner.services.rooms.quarantine_errors import DecidedError
from botrunner.services.rooms.steps import tell
from botrunner.services.rooms.sweep import sweep_guild
from tests.botrunner.rooms.sandbox_beside import (
    DELETE,
    LOG,
    Discord,
    later,
)
from tests.botrunner.rooms.sweeping import acts, closing, sweep
from tests.factories import make_user

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


def test_what_was_shown_while_the_log_was_refused_is_done_once_it_is_not(
    discord: Discord, others: list[int]
) -> None:
    lost = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
    over = discord.make_room(RoomState.CLOSED)
    mine, twin, left = (discord.make_channel(mark=room.pk) for room in (lost, lost, over))
    discord.lay(LOG, way="answer", status=403, count=1)

    sweep(discord)
    shown = open_items()
    sweep(discord, now=later(15))
    again = sweep(discord, now=later(30))

    lost.refresh_from_db()
    assert shown == {*others[-2:], mine.id, twin.id, left.id}
    assert (lost.state, lost.channel_id) == (RoomState.WAITING, mine.id)
    assert [discord.has(each) for each in (mine, twin, left)] == [True, False, False]
    settled = QuarantinedChannel.objects.filter(decided_by="the sweep")
    assert {row.channel_id: (row.state, row.why.partition(" Settled ")[2]) for row in settled} == {
        mine.id: (QuarantineState.ADOPTED, "by the sweep: its creation has the room's mark."),
        twin.id: (QuarantineState.DELETED, "by the sweep: a twin: its room has another channel."),
        left.id: (QuarantineState.DELETED, "by the sweep: its room is over."),
    }
    assert lost.steps.get().reason == "Found by the sweep: its creation has the room's mark"
    # Nothing was proved about those of others: staff decide.
    assert open_items() == set(others[-2:])
    assert again.found == []


@pytest.mark.parametrize("what", [What.BIND, What.DELETE])
def test_what_staff_decide_while_a_sweep_is_at_it_stays_so(
    discord: Discord, monkeypatch: pytest.MonkeyPatch, what: What
) -> None:
    if what is What.BIND:
        room = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
    else:
        room = discord.make_room(RoomState.CLOSED)
    channel = discord.make_channel(mark=room.pk)
    discord.lay(LOG, way="answer", status=403, count=1)
    sweep(discord)
    planned = sweep(discord, dry_run=True)
    do = sweep_actions.Sweeping.do

    def decide_and_do(sweeping: Any, action: Any, name: str, **options: Any) -> bool:
        item = QuarantinedChannel.objects.get(channel_id=channel.id)
        let_go_channel(item.pk, actor=make_user(), reason="mine", now=later(0))
        return do(sweeping, action, name, **options)

    monkeypatch.setattr(sweep_actions.Sweeping, "do", decide_and_do)
    swept = sweep(discord)

    assert acts(planned) == acts(swept) == [(what, channel.id)]
    assert swept.done == 0
    room.refresh_from_db()
    assert (room.channel_id, discord.has(channel)) == (None, True)
    item = QuarantinedChannel.objects.get(channel_id=channel.id)
    assert item.state == QuarantineState.LEFT_ALONE
    assert "Settled" not in item.why


def test_who_decides_while_the_sweep_deletes_is_too_late(
    discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = discord.make_channel(mark=discord.make_room(RoomState.CLOSED).pk)
    discord.lay(LOG, way="answer", status=403, count=1)
    sweep(discord)
    item = QuarantinedChannel.objects.get(channel_id=channel.id)
    sam, said = make_user(), []
    delete = DiscordRest.delete_channel

    def let_go_meanwhile() -> None:
        try:
            let_go_channel(item.pk, actor=sam, reason="mine", now=later(0))
        except DecidedError as error:
            said.append(error.code)
        finally:
            connection.close()

    other = threading.Thread(target=let_go_meanwhile)

    def deleting(rest: DiscordRest, channel_id: int, *, reason: str) -> None:
        other.start()
        # Done at once where nothing holds it up; else it waits until this is over.
        other.join(0.5)
        delete(rest, channel_id, reason=reason)

    monkeypatch.setattr(DiscordRest, "delete_channel", deleting)
    sweep(discord)
    other.join(30)

    item.refresh_from_db()
    assert said == [DecidedError.code]
    assert (item.state, discord.has(channel)) == (QuarantineState.DELETED, False)


def test_a_sweep_waits_for_no_decision_with_a_room_in_its_hands(discord: Discord) -> None:
    room = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
    channel = discord.make_channel(mark=room.pk)
    discord.lay(LOG, way="answer", status=403, count=1)
    sweep(discord)
    is_held, is_over = threading.Event(), threading.Event()

    def decide_for_long() -> None:
        try:
            with transaction.atomic():
                QuarantinedChannel.objects.select_for_update().get(channel_id=channel.id)
                is_held.set()
                is_over.wait(60)
        finally:
            connection.close()

    staff = threading.Thread(target=decide_for_long)
    staff.start()
    assert is_held.wait(30)
    swept = sweep(discord)
    is_over.set()
    staff.join(30)

    assert (acts(swept), swept.done) == ([(What.BIND, channel.id)], 0)
    assert sweep(discord).done == 1
    room.refresh_from_db()
    assert room.channel_id == channel.id


def test_what_staff_were_shown_and_discord_will_not_delete_is_theirs_to_decide_again(
    discord: Discord,
) -> None:
    channel = discord.make_channel(mark=discord.make_room(RoomState.CLOSED).pk)
    discord.lay(LOG, way="answer", status=403, count=1)
    sweep(discord)
    former = QuarantinedChannel.objects.get(channel_id=channel.id)
    discord.lay(DELETE, way="answer", status=403, code=50013, count=1)

    swept = sweep(discord, now=later(15))

    item = QuarantinedChannel.objects.get(channel_id=channel.id)
    assert [type(each.error) for each in swept.found] == [RefusedError]
    assert (item.state, item.decided_at, item.why) == (former.state, None, former.why)
    sweep(discord, now=later(30))
    assert not discord.has(channel)


def open_items() -> set[int]:
    rows = QuarantinedChannel.objects.filter(state=QuarantineState.OPEN)
    return set(rows.values_list("channel_id", flat=True))


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
