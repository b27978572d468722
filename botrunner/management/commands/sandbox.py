"""``manage.py sandbox``: a small Discord to try, test and measure Rollcall with."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from argparse import RawDescriptionHelpFormatter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botrunner.sandbox.actors import run_actors
from botrunner.sandbox.faults import ONE_SHOTS, RATES, WrongFaultError, read_faults
from botrunner.sandbox.intents import PRIVILEGED_INTENTS, Intent
from botrunner.sandbox.options import GatewayOptions
from botrunner.sandbox.rest.route_faults import WAYS
from botrunner.sandbox.server import DEFAULT_TOKEN, Sandbox
from botrunner.sandbox.truth import TruthFileInUseError, TruthWriter
from botrunner.sandbox.world import build_world

if TYPE_CHECKING:
    from collections.abc import Coroutine

PRIVILEGED = {
    "members": Intent.GUILD_MEMBERS,
    "presences": Intent.GUILD_PRESENCES,
    "message-content": Intent.MESSAGE_CONTENT,
}


def _described(faults: dict[str, str]) -> str:
    return "\n".join(f"  {name:<10} {meaning}" for name, meaning in faults.items())


FAULTS_HELP = f"""\
--faults takes parts with commas between: name@seconds[:length] once, so many seconds
after the start, and name=rate with a probability from 0 to 1, for example
  --faults drop@60,outage@180:20,closed@600:300,duplicate=0.01

once:
{_described(ONE_SHOTS)}

by chance:
{_described(RATES)}

with chosen requests (POST /_sandbox/route-fault with route and way, see
botrunner/sandbox/rest/route_faults.py):
{_described(WAYS)}
"""


class Command(BaseCommand):
    """Serves a small Discord on this machine alone, until it is told to stop."""

    help = (
        "Serves a small Discord on this machine: gateway, REST, members who come and go, and\n"
        "faults on demand. Point the bot at it with the DISCORD_API_URL that it prints.\n\n"
        + FAULTS_HELP
    )
    requires_system_checks: list[str] | tuple[str, ...] = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keeps the lines of the help as they are."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8099, help="on 127.0.0.1; 0 for a free one (8099)")
        add("--seed", type=int, default=1, help="the same seed gives the same world (1)")
        add("--guilds", type=int, default=2, help="how many communities (2)")
        add("--members", type=int, default=200, help="people in each (200)")
        add("--speed", type=float, default=1.0, help="divides what actors wait, no clocks (1)")
        add("--no-actors", action="store_true", help="nobody does anything by themself")
        add("--rooms", action="store_true", help="some want rooms: there is a hub, and /voice")
        add("--when-watched", action="store_true", help="actors wait until a bot is connected")
        add("--faults", default="", help="what goes wrong, and when: see above")
        add("--truth", type=Path, help="file to which who was where is written, as JSON lines")
        add("--token", default=DEFAULT_TOKEN, help=f"the bot's ({DEFAULT_TOKEN})")
        add("--shards", type=int, default=1, help="how many GET /gateway/bot recommends (1)")
        add("--max-concurrency", type=int, default=1, help="IDENTIFYs at once (1)")
        add("--identify-interval", type=float, default=5.0, help="seconds between them (5)")
        add("--heartbeat-interval", type=float, default=41.25, help="seconds (41.25)")
        add("--resume-within", type=float, default=120.0, help="seconds a session waits (120)")
        add("--members-interval", type=float, default=30.0, help="seconds between whole lists (30)")
        add(
            "--without-intent",
            action="append",
            default=[],
            choices=sorted(PRIVILEGED),
            help="switch a privileged intent off",
        )
        add("--no-rest-limits", action="store_true", help="never answer 429 by itself")

    def handle(self, *_: Any, **options: Any) -> None:
        _check(options)
        sandbox = _sandbox(options)
        try:
            asyncio.run(self._serve(sandbox, options))
        except TruthFileInUseError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The sandbox cannot start: {error}") from None

    async def _serve(self, sandbox: Sandbox, options: dict[str, Any]) -> None:
        truth: Path | None = options["truth"]
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, stop.set)
        with contextlib.ExitStack() as files:
            writer = None if truth is None else TruthWriter(truth, sandbox.world)
            if writer is not None:
                files.callback(lambda: writer.close(at=_now()))
            async with sandbox:
                running: list[Coroutine[Any, Any, Any]] = [stop.wait()]
                if writer is not None:
                    running.append(writer.keep_fresh())
                if not options["no_actors"]:
                    running.append(act(sandbox, options))
                self.stdout.write(f"Sandbox ready: DISCORD_API_URL={sandbox.api_url}")
                self.stdout.flush()
                await _until_the_first_ends(running)


def _check(options: dict[str, Any]) -> None:
    for name, least in (("guilds", 1), ("members", 1), ("shards", 1), ("max_concurrency", 1)):
        if options[name] < least:
            raise CommandError(f"--{name.replace('_', '-')} must be at least {least}.")
    if not 0 <= options["port"] <= 65535:  # noqa: PLR2004 - TCP's range
        raise CommandError("--port must be from 0 to 65535.")
    for name in ("speed", "heartbeat_interval"):
        if not options[name] > 0:
            raise CommandError(f"--{name.replace('_', '-')} must be above 0.")


def _sandbox(options: dict[str, Any]) -> Sandbox:
    try:
        shots, rates = read_faults(options["faults"])
    except WrongFaultError as error:
        raise CommandError(f"--faults: {error}") from None
    privileged = PRIVILEGED_INTENTS
    for name in options["without_intent"]:
        privileged &= ~PRIVILEGED[name]
    world = build_world(
        seed=options["seed"], guilds=options["guilds"], members=options["members"], clock=_now
    )
    return Sandbox(
        world,
        token=options["token"],
        port=options["port"],
        shards=options["shards"],
        options=GatewayOptions(
            heartbeat_interval=options["heartbeat_interval"],
            privileged=privileged,
            max_concurrency=options["max_concurrency"],
            identify_interval=options["identify_interval"],
            resume_within=options["resume_within"],
            members_interval=options["members_interval"],
        ),
        shots=shots,
        rates=rates,
        seed=options["seed"],
        rest_limits=not options["no_rest_limits"],
    )


async def act(sandbox: Sandbox, options: dict[str, Any]) -> None:
    """Runs the actors; where told so only once a bot is connected, which then sees it all."""
    if options["when_watched"]:
        await sandbox.gateway.is_watched.wait()
    await run_actors(
        sandbox.world,
        seed=options["seed"],
        speed=options["speed"],
        has_rooms=options["rooms"],
    )


async def _until_the_first_ends(running: list[Coroutine[Any, Any, Any]]) -> None:
    """Runs them side by side until one ends, which ends the others; its error is ours."""
    tasks = [asyncio.create_task(coroutine) for coroutine in running]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


def _now() -> datetime:
    return datetime.now(UTC)
