"""Works participation out from nothing but the records."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from community.models import Guild
from events_app.models import Event
from events_app.services.rollup import rebuild
from sessions_app.management.import_options import snowflake

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """``manage.py rebuild_participation``."""

    help = (
        "Work participation out from nothing but the records, and write what differs. It gives "
        "what the minute's rollup gives: run it to be sure, or after a restore. Without options "
        "all events are worked out. Safe to repeat, and while everything runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Names the options."""
        parser.add_argument(
            "--guild", type=snowflake, metavar="ID", help="only the events of this guild"
        )
        parser.add_argument("--event", type=_uuid, metavar="UUID", help="only this event")
        parser.add_argument(
            "--since",
            type=_instant,
            metavar="ISO",
            help="only events that end after this time, such as 2026-10-01T00:00:00Z",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Works out, and says what was done."""
        events = Event.objects.order_by("starts_at", "pk")
        if options["guild"] is not None:
            if not Guild.objects.filter(pk=options["guild"]).exists():
                raise CommandError(f"There is no guild {options['guild']}.")
            events = events.filter(guild_id=options["guild"])
        if options["event"] is not None:
            events = events.filter(pk=options["event"])
            if not events.exists():
                of_guild = " of this guild" if options["guild"] is not None else ""
                raise CommandError(f"There is no event {options['event']}{of_guild}.")
        if options["since"] is not None:
            events = events.filter(ends_at__gt=options["since"])

        done = rebuild(events.values_list("pk", flat=True), now=timezone.now())
        self.stdout.write(
            f"{done.events} events worked out: {done.written} rows written, "
            f"{done.removed} taken away, {done.linked} sessions linked, {done.unlinked} unlinked."
        )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no event's id (a UUID)") from error


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no time: they look like 2026-10-01T00:00:00Z"
        ) from error
    if instant.tzinfo is None:
        raise ArgumentTypeError(
            f"{text!r} names no zone: end it with Z, or with an offset such as +02:00"
        )
    return instant
