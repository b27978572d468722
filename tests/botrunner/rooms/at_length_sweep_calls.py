"""Every call of the sweep, and everything that Discord may say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from botrunner import rest as discords_rest
from botrunner.models import QuarantinedChannel, QuarantineState, Room, RoomState
from botrunner.rest_errors import NoAnswerError, NotThereError, RateLimitedError, RefusedError
from tests.botrunner.gateway.rooms.refusals import (
    DONE,
    GONE,
    LONG_SECONDS,
    PATIENCE,
    REFUSED,
    UNDONE,
    answers_to,
)
from tests.botrunner.rooms.sandbox_beside import CHANNEL, DELETE, LOG, discord_beside, later
from tests.botrunner.rooms.sweeping import closing, sweep

if TYPE_CHECKING:
    from botrunner.rest_errors import RestError
    from botrunner.services.rooms.sweep import GuildSweep
    from tests.botrunner.rooms.sandbox_beside import Discord

pytestmark = pytest.mark.django_db(transaction=True)

TOLD: dict[str, type[RestError]] = {
    REFUSED: RefusedError,
    GONE: NotThereError,
    PATIENCE: RateLimitedError,
    UNDONE: NoAnswerError,
    DONE: NoAnswerError,
}
ANSWERS = {
    (CHANNEL, REFUSED): "the room is left as it is",
    (CHANNEL, GONE): "the channel is gone",
    (DELETE, GONE): "the channel is gone",
    (LOG, REFUSED): "nothing is proved: what looks like ours is shown to staff",
}
"""What is no error, but an answer to go by."""
LEFT_TO_STAFF = {
    (LOG, REFUSED): ["the room whose channel was not heard of", "its channel's twin"],
}
"""What no sweep ends any more: it was shown to staff while nothing was proved."""


class Work:
    """What there is to be done in a guild for a sweep."""

    def __init__(self, discord: Discord) -> None:
        self.discord = discord
        Room.objects.all().delete()
        QuarantinedChannel.objects.all().delete()
        discords_rest._own_ids.clear()
        self.ending, self.channel = closing(discord)
        self.lost = discord.make_room(RoomState.CREATING, asked_at=later(-1), creations=1)
        self.mine = discord.make_channel(mark=self.lost.pk)
        self.twin = discord.make_channel(mark=self.lost.pk)
        self.gone = discord.make_room(RoomState.OCCUPIED, channel_id=77)

    def left_undone(self) -> list[str]:
        """Says what of it is not done."""
        for room in (self.ending, self.lost, self.gone):
            room.refresh_from_db()
        done = {
            "the room that was to end": self.ending.state == RoomState.CLOSED,
            "its channel": not self.discord.has(self.channel),
            "the room whose channel was not heard of": self.lost.channel_id == self.mine.id,
            "its channel's twin": not self.discord.has(self.twin),
            "the channel that was found": self.discord.has(self.mine),
            "the room whose channel is gone": self.gone.state == RoomState.CLOSED,
        }
        return [what for what, is_done in done.items() if not is_done]

    def shown_to_staff(self) -> list[int]:
        """Gives those of its channels that staff are to decide about."""
        shown = QuarantinedChannel.objects.filter(
            state=QuarantineState.OPEN,
            channel_id__in=[self.channel.id, self.mine.id, self.twin.id],
        )
        return sorted(shown.values_list("channel_id", flat=True))


def calls_of_a_sweep(discord: Discord) -> list[str]:
    """Sweeps while all is well; gives what Discord is asked for."""
    work = Work(discord)
    noted = discord.sandbox.requests.noted
    before = len(noted)
    sweep(discord)
    assert work.left_undone() == []
    return sorted({each.route for each in list(noted)[before:]})


def errors_of(swept: GuildSweep) -> list[RestError]:
    """Gives what staff read of a sweep: in its run, and in the drift console."""
    return [error for error in (swept.error, *(each.error for each in swept.found)) if error]


@pytest.mark.parametrize("always", [True, False], ids=["always", "once"])
def test_whatever_discord_says_to_a_sweep_staff_read_it_and_the_next_ones_or_they_end_it(
    *, always: bool
) -> None:
    wrong: list[str] = []
    with discord_beside() as discord:
        others = [*discord.guild.channels, discord.make_channel(by=discord.people[5]).id]
        calls = calls_of_a_sweep(discord)
        for call in calls:
            for answer, (kind, fault) in answers_to(call).items():
                how = f"{call} {'always' if always else 'once'}, {answer}: "
                work = Work(discord)
                usual: dict[str, Any] = {"way": "answer", "retry_after": LONG_SECONDS}
                laid = discord.lay(call, **(usual | {"count": None if always else 1} | fault))
                errors = errors_of(sweep(discord))
                discord.lift()
                for minutes in (15, 30, 45):
                    sweep(discord, now=later(minutes))

                if not laid.struck:
                    wrong.append(f"{how}not struck")
                if (call, kind) not in ANSWERS and TOLD[kind] not in map(type, errors):
                    wrong.append(f"{how}staff read {errors}")
                left_undone = LEFT_TO_STAFF.get((call, kind), [])
                if work.left_undone() != left_undone:
                    wrong.append(f"{how}not done: {work.left_undone()}")
                if work.shown_to_staff() != ([work.mine.id, work.twin.id] if left_undone else []):
                    wrong.append(f"{how}shown to staff: {work.shown_to_staff()}")
        left = [channel_id for channel_id in others if not discord.has(channel_id)]

    assert {DELETE, LOG, CHANNEL} < set(calls)
    assert "\n".join(wrong) == ""
    assert left == []
