"""One run of the benchmark of rooms, part after part. Imported once Django is set up."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from benchmarks.judge import Judge
from benchmarks.rooms_books import Books
from benchmarks.rooms_process import Bot
from benchmarks.rooms_report import Figures
from benchmarks.rooms_town import Town, until
from benchmarks.rooms_visits import TRIGGERS, Lags, Visits
from benchmarks.stage import BenchmarkError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from benchmarks.rooms_process import Vitals

MEMBERS: Final = 12
MOST_ROOMS: Final = 50
LONG_TIMEOUT: Final = 600
"""So long a room waits for an owner who is sure to come, however busy the machine is."""
SHORT_TIMEOUT: Final = 5
"""After so long rooms time out that are opened and closed at speed: the shortest there is."""
IMPATIENT: Final = 4
"""In one of so many guilds nobody comes, in the soak."""
ROUND: Final = 100
LOOK_SECONDS: Final = 0.25
QUIET_SECONDS: Final = 2.5
QUIET_LOOKS: Final = 3
SETTLED_SECONDS: Final = 20.0
IDLE_SECONDS: Final = 35.0
"""aiohttp keeps a connection for 15 s for the next request, and looks each 15 s for such."""
#: Beside the time that rooms wait: whatever goes on then goes on for ever.
MOST_SECONDS: Final = 1_800.0


async def play(options: argparse.Namespace, *, url: str, folder: Path) -> Figures:
    """Plays all of it.

    Args:
        options: the command line's.
        url: the database's address.
        folder: for the bot's data and its log.

    Returns:
        What was measured, and what is wrong.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    judge = Judge(url)
    figures = Figures(judge.server(), options.timeout)
    judge.close()
    town = Town(guilds=options.guilds, members=MEMBERS, shards=options.shards)
    async with asyncio.timeout(MOST_SECONDS + options.timeout), town:
        api_url = town.sandbox.api_url
        timeout = max(options.timeout, SHORT_TIMEOUT)
        with Bot(url=url, api_url=api_url, folder=folder, timeout=timeout) as bot:
            async with Books() as books:
                playing = Run(town, books, bot, figures)
                try:
                    await playing.play(options)
                except (BenchmarkError, TimeoutError, asyncio.CancelledError) as error:
                    # What was measured up to then is worth a table.
                    figures.faults.append(f"Broken off: {error}")
                    figures.endings = await books.endings()
    return figures


class Run:
    """One run: where it plays, and what it found so far."""

    def __init__(self, town: Town, books: Books, bot: Bot, figures: Figures) -> None:
        self._town = town
        self._books = books
        self._bot = bot
        self._figures = figures
        self._visits = Visits(town, books)
        self._resting: Counter[str] = Counter()
        self._idle, self._quiet = IDLE_SECONDS, QUIET_SECONDS

    async def play(self, options: argparse.Namespace) -> None:
        """Plays one part after another."""
        if options.quick:
            self._idle, self._quiet = 0.0, 0.5
        guild_ids = [guild.id for guild in self._town.guilds]
        await self._books.choose(guild_ids, most_rooms=MOST_ROOMS, timeout_seconds=LONG_TIMEOUT)
        await self._is_ready()
        visits, figures = self._visits, self._figures
        visits.lags = figures.lags
        ways = list(itertools.islice(itertools.cycle(TRIGGERS), options.rooms * len(TRIGGERS)))
        await visits.one_by_one(ways, at_once=options.at_once, what="timed")
        # VOICE_TIMEOUT is not to be had any shorter; a guild's own choice is, past its form.
        await self._books.choose(
            guild_ids, timeout_seconds=options.timeout if options.quick else None
        )
        await visits.all_at_once(options.rooms, waiting=options.timeout)
        if options.soak:
            visits.lags = figures.soaked_lags = Lags()
            await self._soak(options.soak)
        figures.endings = await self._books.endings()
        await self._look_for_faults()

    async def _is_ready(self) -> None:
        """Waits until members can use commands, and the bot has seen all guilds and rests."""

        def is_known() -> bool:
            self._bot.check()
            return self._town.is_known("voice")

        await until(is_known, "the bot's commands")
        while not await self._books.sees(len(self._town.guilds)):
            self._bot.check()
            await asyncio.sleep(LOOK_SECONDS)
        # At its start it asks for the members of one guild a second.
        noted = self._town.sandbox.requests.noted
        await until(lambda: time.time() - noted[-1].at > self._quiet, "the bot at rest")
        self._resting = await self._bot.tasks()

    # Opened and closed at speed ------------------------------------------------------------

    async def _soak(self, rooms: int) -> None:
        guild_ids = [guild.id for guild in self._town.guilds]
        self._visits.impatient = set(guild_ids[IMPATIENT - 1 :: IMPATIENT])
        await self._books.choose(guild_ids, timeout_seconds=LONG_TIMEOUT)
        await self._books.choose(self._visits.impatient, timeout_seconds=SHORT_TIMEOUT)
        vitals = self._figures.vitals
        vitals.append(await self._at_rest(0))
        await asyncio.sleep(self._idle)
        self._figures.collected.append(await self._vitals(0, collects=True))
        ways = itertools.cycle(TRIGGERS)
        for done in range(0, rooms, ROUND):
            began = time.monotonic()
            now = list(itertools.islice(ways, min(ROUND, rooms - done)))
            await self._visits.one_by_one(now, at_once=len(guild_ids), what="soak")
            self._figures.soaked += time.monotonic() - began
            vitals.append(await self._at_rest(done + len(now)))
        await asyncio.sleep(self._idle)
        self._figures.collected.append(await self._vitals(rooms, collects=True))

    async def _at_rest(self, rooms: int) -> Vitals:
        """Gives what the bot holds once it rests, or does not come to."""
        patience = time.monotonic() + SETTLED_SECONDS
        quiet = 0
        while quiet < QUIET_LOOKS and time.monotonic() < patience:
            quiet = 0 if (await self._bot.tasks()) - self._resting else quiet + 1
            await asyncio.sleep(LOOK_SECONDS)
        return await self._vitals(rooms)

    async def _vitals(self, rooms: int, *, collects: bool = False) -> Vitals:
        connections = await self._books.connections()
        return await self._bot.vitals(rooms=rooms, connections=connections, collects=collects)

    # What is wrong at last -----------------------------------------------------------------

    async def _look_for_faults(self) -> None:
        figures, town = self._figures, self._town
        if self._resting and (left := (await self._bot.tasks()) - self._resting):
            figures.faults.append(f"tasks are left: {dict(left)}")
        if town.left_over():
            figures.faults.append(f"{town.left_over()} channels are left")
        if any(town.world.bot.id in guild.voice_states for guild in town.guilds):
            figures.faults.append("the bot sits in voice")
        if town.refused:
            figures.faults.append(f"Discord refused {town.refused} requests as too many")
        wrong = {name: n for name, n in figures.endings.items() if not name.startswith("closed")}
        if wrong:
            figures.faults.append(f"rooms did not end well: {wrong}")
        if complaints := self._bot.complaints():
            figures.faults.append(f"{len(complaints)} errors in the log: {complaints[0]}")
