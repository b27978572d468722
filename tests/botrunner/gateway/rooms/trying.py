"""Tells the stories while a call goes wrong, in as many guilds as there are ways to go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.management import call_command

from botrunner.gateway import asked_once
from botrunner.gateway.rooms import answers, bot_voice, bringing, seat
from botrunner.models import RoomRules, RoomState
from tests.botrunner.gateway.conftest import running, serving, settled, stored, until
from tests.botrunner.gateway.rooms.refusals import DONE, Place, answers_to, written
from tests.botrunner.gateway.rooms.stories import MOST_SECONDS, Lost, Story, is_open
from tests.botrunner.gateway.rooms.told import TOLD, USUAL, Then, Told
from tests.botrunner.gateway.rooms.visitors import CALLBACK, EDIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    import pytest

    from botrunner.sandbox.rest.route_faults import RouteFault

OTHERS: Final = {
    "GATEWAY REQUEST_MEMBERS": "asked for the directory, whatever rooms do: test_members.py",
}
"""Calls that are made meanwhile, and that are not about rooms."""
ACKNOWLEDGED_WITHIN: Final = timedelta(seconds=3)
SETTLING_SECONDS: Final = 0.5
SOON_SECONDS: Final = 6.0


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes what is waited for short, in the same proportions."""
    monkeypatch.setattr(asked_once, "SECONDS_IN_TIME", 2.0)
    monkeypatch.setattr(asked_once, "LONGEST_WAIT_SECONDS", 1.0)
    monkeypatch.setattr(answers, "LONGEST_PAUSE_SECONDS", 0.3)
    monkeypatch.setattr(bringing, "REFUSED_SECONDS", 5.0)
    monkeypatch.setattr(seat, "LONGEST_SECONDS", 0.2)
    usual = bot_voice.BotVoice.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(usual, "sit_seconds", 2.0)


@contextlib.asynccontextmanager
async def told_in(story: Story, guilds: int) -> AsyncIterator[list[Place]]:
    """Runs the bot in so many guilds; nothing of it is left afterwards."""
    await stored(lambda: call_command("flush", interactive=False, verbosity=0))
    async with (
        # Of all that a bot sends Discord takes 120 messages a minute, heartbeats among them.
        serving(
            guilds=guilds, members=4, keeps_short_stays=True, heartbeat_interval=2.0
        ) as community,
        written() as rows,
    ):
        community.sandbox.limits.on = False
        choices = [
            RoomRules(guild_id=guild_id, bot_joins=story.bot_joins)
            for guild_id in community.world.guilds
        ]
        await stored(lambda: RoomRules.objects.bulk_create(choices))
        before = asyncio.all_tasks()
        async with running(community, message_content_intent=story.message_intent) as bot:
            for shard in bot.shards:
                if isinstance(story, Lost) and shard._watch is not None:
                    shard._watch.feed._channel_made = lambda _room, _channel: None
            await until(lambda: community.world.commands.get(None), seconds=MOST_SECONDS)
            yield [Place(community, each, rows, bot) for each in community.world.guilds.values()]
        community.sandbox.route_faults.lift()
        await until(lambda: not asyncio.all_tasks() - before, seconds=MOST_SECONDS)


async def calls_of(story: Story) -> list[str]:
    """Tells the story while all is well; gives what Discord is asked for."""
    async with told_in(story, 1) as [place]:
        await story.prepare(place)
        (shard,) = place.bot.shards
        await settled(place.bot)
        await until(lambda: shard._watch is not None and not shard._watch.rooms.tasks())
        noted = place.rooms.community.sandbox.requests.noted
        last = noted[-1].number
        await story.begin(place)
        await until(lambda: story.reached(place), seconds=MOST_SECONDS)
        await asyncio.sleep(SETTLING_SECONDS)
        calls = {each.route for each in noted if each.number > last}
    return sorted(calls - story.elsewhere - OTHERS.keys())


@dataclass
class Try:
    """A call that goes wrong in one way, in one guild.

    Attributes:
        always: whether it goes wrong until that is lifted; else once.
        told: what is read meanwhile.
    """

    story: Story
    call: str
    place: Place
    kind: str
    fault: dict[str, Any]
    told: Told
    always: bool
    laid: RouteFault = field(init=False)

    async def go_wrong(self) -> None:
        """Tells the story up to what is read while the call goes wrong."""
        await self.story.prepare(self.place)
        self.laid = self.place.lay(self.call, always=self.always, **self.fault)
        await self.story.begin(self.place)
        await self._until(lambda: self.laid.struck, "nothing was struck")
        if self.always or self.told.then is not Then.BY_ITSELF:
            await self._until(self._is_seen, "it is not told")
        await self._check_answers()

    async def go_on(self) -> None:
        """Has the fault lifted and time pass, and tells the story to its end."""
        self.place.rooms.community.sandbox.route_faults.lift(self.laid.id)
        await self.place.pass_time()
        if self.told.then is Then.STAFF and not self._is_reached():
            await self.place.staff_end_it()
        if self.told.then in {Then.STAFF, Then.OVER}:
            await self._until(lambda: self._is_over() or self._is_reached(), "it is not over")
        elif self.told.then is Then.GOES_ON:
            await self._until(lambda: is_open(self.place), "it does not go on")
        elif self.told.then is Then.ASKED_AGAIN:
            with contextlib.suppress(AssertionError):
                await until(self._is_reached, seconds=0.0 if self.always else SOON_SECONDS)
            if not self._is_reached():
                await self.story.begin(self.place)
            await self._until(self._is_reached, "asking again does not help")
        else:
            await self._until(self._is_reached, "it does not recover by itself")
            if self.call != CALLBACK:
                await self._until(self._are_answered, "somebody reads nothing in the end")

    def _is_reached(self) -> bool:
        return self.story.reached(self.place)

    def _is_seen(self) -> bool:
        """Tells whether it is told, or has come to an end in which nobody has to be told."""
        went_on = not self.always and self.told.then is Then.GOES_ON and is_open(self.place)
        return self._is_told() or self._is_reached() or went_on

    def _is_told(self) -> bool:
        return (
            self.told.asker in self.place.asker_reads()
            and self.told.staff in self.place.staff_read()
        )

    def _are_answered(self) -> bool:
        return all(map(self.place.visitors.shown, self.place.used))

    def _is_over(self) -> bool:
        room = self.place.room()
        return room is not None and room.state == RoomState.CLOSED

    async def _check_answers(self) -> None:
        """Has everybody be answered in time, and in words, unless that is what goes wrong."""
        # Whose first answer was cut off is sent another one in time.
        is_repeated = not self.always and self.fault.get("way") == "cut"
        if self.call == CALLBACK and not is_repeated:
            return
        used = self.place.used
        await self._until(lambda: all(each.answered for each in used), "nobody was answered")
        late = [each.answered - each.made for each in used if each.answered is not None]
        assert max(late, default=ACKNOWLEDGED_WITHIN) <= ACKNOWLEDGED_WITHIN, "it came too late"
        if self.call != EDIT:
            await self._until(self._are_answered, "somebody reads nothing")

    async def _until(self, condition: Callable[[], Any], otherwise: str) -> None:
        try:
            await until(condition, seconds=MOST_SECONDS)
        except AssertionError:
            raise AssertionError(
                f"{otherwise}: {self.told}\n    asker: {self.place.asker_reads()!r}\n"
                f"    staff: {self.place.staff_read()!r}"
            ) from None


async def neighbour_of(story: Story, place: Place) -> None:
    """Tells the story in a guild in which nothing goes wrong."""
    await story.prepare(place)
    await story.begin(place)
    await until(lambda: story.reached(place), seconds=MOST_SECONDS)


async def wrongs_of(
    name: str, story: Story, call: str, *, always: bool, among: Iterable[str] | None = None
) -> list[str]:
    """Has a call go wrong in every way; gives what is not as it is to be."""
    if (name, call) not in TOLD:
        return [f"{name}: nothing is said in told.py of {call}"]
    answers = answers_to(call, always=always)
    names = list(among or answers)
    began = time.monotonic()
    async with told_in(story, 1 + len(names)) as places:
        tries = []
        for place, answer in zip(places[1:], names, strict=True):
            kind, fault = answers[answer]
            told = USUAL if kind == DONE else TOLD[name, call][kind]
            tries.append(Try(story, call, place, kind, fault, told, always))
        neighbour = asyncio.create_task(neighbour_of(story, places[0]))
        first = await _failures(each.go_wrong() for each in tries)
        # Nothing is lifted yet: what goes wrong elsewhere has held up nobody here.
        (held_up,) = await _failures([neighbour])
        second = await _failures(each.go_on() for each in tries)
    how = f"{name}: {call} {'always' if always else 'once'}"
    wrong = [f"{how}: another guild was held up: {held_up}"] if held_up else []
    for answer, one, two in zip(names, first, second, strict=True):
        wrong += [f"{how}, {answer}: {error}" for error in (one or two,) if error]
    print(f"{how}: {len(names)} ways, {time.monotonic() - began:.1f} s")  # noqa: T201 - shown by -s
    return wrong


async def _failures(doing: Iterable[Any]) -> list[str]:
    done = await asyncio.gather(*doing, return_exceptions=True)
    return ["" if each is None else str(each) or repr(each) for each in done]


def unexpected(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Gives what was logged with a traceback, the sandbox's own lost connections apart."""
    return [
        record
        for record in caplog.records
        if (record.exc_info or record.levelno >= logging.ERROR)
        and not record.name.startswith("aiohttp")
    ]
