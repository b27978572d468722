"""Brings up Rollcall: what it stands on, its processes, and in the demo a small Discord."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from community.domain.errors import RollcallError
from community.embedded.installation import PROCESSES, Installation, Wishes

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """``manage.py up``."""

    help = (
        "Starts PostgreSQL and Redis where none are set, lays the tables and the static files, "
        "and runs the web site, the bot, the worker and beat until it is stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help="a sandbox in Discord's place, with members who come and go; needs no token",
        )
        parser.add_argument(
            "--only",
            type=_processes,
            default=PROCESSES,
            help=f"some of the processes alone, with commas between: {','.join(PROCESSES)}",
        )
        parser.add_argument(
            "--verbose", action="store_true", help="every line of every process, not what matters"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        wishes = Wishes(demo=options["demo"], only=options["only"], verbose=options["verbose"])
        try:
            Installation(wishes).run()
        except RollcallError as error:
            raise CommandError(str(error)) from error


def _processes(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in PROCESSES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PROCESSES)}")
    return names
