"""Scenarios: Discord's gateway as it fails."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.faults.discord import Town
from benchmarks.faults.scenario import Scenario
from benchmarks.faults.stage import Setting
from community.embedded.stopping import wait_until

if TYPE_CHECKING:
    from benchmarks.faults.run import Run

#: What the bot's log says at each new connection, and at each resume that worked.
OPENED, RESUMED = "connection opened", "RESUMED"
LASTING = Town(speed=10.0)
FLOOD_RATE = 60.0
#: What goes on around an instant: a second of moves.
MOVES, MOVES_RATE = 30, 30.0
SWALLOWED = 5


def connect_anew(fault: str, says: str, run: Run) -> None:
    """Has a fault of the connection happen while members move; the bot connects anew."""
    keeper, discord = run.stage.keeper, run.stage.discord
    for _ in range(int(run.pick(5, 2))):
        run.pause(run.dice.uniform(1, run.pick(12, 3)))
        before = keeper.said("bot", says)
        with run.fault(), discord.flooded(MOVES, rate=MOVES_RATE, seed=run.seed()):
            time.sleep(run.dice.uniform(0.1, MOVES / MOVES_RATE - 0.1))
            discord.fault(fault)
        run.hit(fault, has_hit=partial(keeper.has_said, "bot", says, more_than=before))


def silence(run: Run) -> None:
    """Lets the connection fall silent: nobody closes it."""
    keeper, before = run.stage.keeper, run.stage.keeper.said("bot", OPENED)
    with run.fault():
        run.stage.discord.fault("silence")
    # The shard's row may yet tell of a frame from before it.
    run.hit(
        "silence",
        has_hit=wait_until(lambda: keeper.has_said("bot", OPENED, more_than=before), run.patience),
    )
    run.until_right()


def gateway_away(run: Run) -> None:
    """Has the gateway cut the bot off and let nobody in for a long time."""
    length = run.pick(600, 15)
    discord = run.stage.discord
    with run.fault():
        discord.fault("closed", length=length)
        until = time.monotonic() + length
        time.sleep(length / 2)
        run.hit("closed gateway", has_hit=not discord.is_watched())
        time.sleep(max(until - time.monotonic(), 0))


def guild_outage(run: Run) -> None:
    """Makes a guild unavailable for a while; its members come and go meanwhile."""
    length = run.pick(30, 5)
    discord = run.stage.discord
    for guild_id in discord.guild_ids():
        run.pause(run.dice.uniform(0.5, 3))
        with run.fault():
            discord.fault("outage", length=length, guild_id=str(guild_id))
            run.hit("outage of a guild", has_hit=lambda: discord.places() is None)
            time.sleep(length)


def by_chance(rates: dict[str, float], run: Run) -> None:
    """Has something go wrong with every voice state of a flood."""
    discord = run.stage.discord
    moves = int(run.pick(1_200, 200))
    with run.fault():
        discord.rates(**rates)
        before = discord.dispatched()
        sent = discord.flood(moves, rate=FLOOD_RATE, seed=run.seed())
        times = 2 if "duplicate" in rates else 1
        run.hit(f"{rates}", has_hit=discord.dispatched() - before >= sent * times)
        discord.rates()


def strange(faults: dict[str, str], run: Run) -> None:
    """Has the gateway send what no client can read.

    Args:
        faults: each with what the bot's log then says; nothing where it has nothing to say.
        run: the run.
    """
    keeper, discord = run.stage.keeper, run.stage.discord
    for fault, says in faults.items():
        for guild_id in discord.guild_ids():
            run.pause(run.dice.uniform(0.5, 3))
            said, sent = keeper.said("bot", says), discord.dispatched()
            with run.fault():
                discord.fault(fault, guild_id=str(guild_id))
                run.hit(
                    fault,
                    has_hit=partial(keeper.has_said, "bot", says, more_than=said)
                    if says
                    else discord.dispatched() > sent,
                )


def swallow(run: Run) -> None:
    """Has moves and leaves never come; the comparison with Discord finds them out.

    Joins come: of whoever was not in voice Discord cannot be asked.
    """
    discord = run.stage.discord
    with run.fault():
        places = discord.places() or {}
        for guild_id in discord.guild_ids():
            there = [user_id for guild, user_id in sorted(places) if guild == guild_id]
            channel_ids = sorted({places[guild_id, user_id] for user_id in there})
            chosen = run.dice.sample(there, min(SWALLOWED, len(there)))
            discord.fault("swallow", length=len(chosen), guild_id=str(guild_id))
            for user_id in chosen:
                others = [c for c in channel_ids if c != places[guild_id, user_id]]
                discord.send(guild_id, user_id, run.dice.choice([*others, None]))
        run.hit("a swallowed voice state", has_hit=not run.stage.books_agree())


def _cut(name: str, about: str, fault: str, says: str = OPENED) -> Scenario:
    return Scenario(name, about, partial(connect_anew, fault, says), patience=120.0)


def _chance(name: str, about: str, **rates: float) -> Scenario:
    return Scenario(name, about, partial(by_chance, rates))


SCENARIOS = (
    _cut("drop", "the connection drops, and is resumed", "drop", RESUMED),
    _cut("drop-refused", "the connection drops, and the resume gets op 9", "refuse"),
    _cut("invalid-session", "op 9 on a connection that is well", "invalid"),
    _cut("reconnect", "op 7: Discord asks to reconnect", "reconnect", RESUMED),
    Scenario("silence", "the connection says nothing more, and stays open", silence, patience=180),
    _chance("duplicates", "every dispatch comes twice", duplicate=1.0),
    _chance("reordering", "voice states change places across members", reorder=1.0),
    Scenario(
        "swallowed",
        "voice states never come",
        swallow,
        setting=Setting(town=Town(speed=1.0), environment={"COMPARE_SECONDS": "10"}),
    ),
    Scenario(
        "gateway-away",
        "10 minutes without a gateway, the stale sweep running",
        gateway_away,
        setting=Setting(town=LASTING, hurried=None),
        quick_setting=Setting(town=LASTING, environment={"STALE_AFTER_SECONDS": "10"}),
        patience=180.0,
    ),
    Scenario("guild-outage", "GUILD_DELETE unavailable, and back", guild_outage),
    _cut("stream-cut", "the compressed stream is cut in the middle", "cut_stream"),
    _cut("noise", "bytes that no compressed stream has", "noise"),
    _cut("gibberish", "a message that is no JSON", "gibberish"),
    Scenario(
        "malformed",
        "voice states of wrong types",
        partial(strange, {"malformed": "could not be read"}),
    ),
    Scenario(
        "garbage",
        "payloads that discord.py throws at, or that lack the member",
        partial(strange, {"memberless": "", "garbage": "a new client in"}),
        patience=120.0,
    ),
)
