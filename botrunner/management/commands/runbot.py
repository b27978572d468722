"""``manage.py runbot``: the bot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.backends.signals import connection_created

from botrunner.gateway.refusals import CannotRunError
from botrunner.gateway.settings import BotSettings
from botrunner.gateway.supervisor import Supervisor, tune_interpreter
from community.services.leases import limit_standstill

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

MOST_SHARDS = 16_384


class Command(BaseCommand):
    """Runs the bot until SIGTERM or Ctrl-C."""

    help = "Follows Discord's gateway and keeps the books, until SIGTERM or Ctrl-C."
    # The bot serves no pages: it needs neither their checks nor a secret key.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--shard-ids", help="Shards to serve, such as 0,1; needs --shard-count. Default: all."
        )
        parser.add_argument(
            "--shard-count", type=int, help="How many shards there are. Default: Discord's advice."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        shard_ids, shard_count = read_shards(options["shard_ids"], options["shard_count"])
        if not settings.DISCORD_TOKEN:
            raise CommandError(
                "DISCORD_TOKEN is not set. Put the bot's token (Bot page at "
                "https://discord.com/developers/applications) in the environment or in .env."
            )
        bot_settings = BotSettings(
            token=settings.DISCORD_TOKEN,
            api_url=settings.DISCORD_API_URL,
            members_intent=settings.DISCORD_MEMBERS_INTENT,
            message_content_intent=settings.DISCORD_MESSAGE_CONTENT_INTENT,
            checkpoint_seconds=settings.CHECKPOINT_SECONDS,
            data_dir=settings.DATA_DIR,
            spool_bytes=settings.SPOOL_MEGABYTES * 1_000_000,
            compare_seconds=settings.COMPARE_SECONDS,
        )
        tune_interpreter()
        connection_created.connect(limit_standstill)
        try:
            asyncio.run(run(bot_settings, shard_ids, shard_count))
        except CannotRunError as error:
            raise CommandError(str(error)) from None


async def run(
    bot_settings: BotSettings, shard_ids: list[int] | None, shard_count: int | None
) -> None:
    """Runs the bot's process."""
    supervisor = Supervisor(bot_settings, shard_ids=shard_ids, shard_count=shard_count)
    supervisor.obey_signals()
    await supervisor.run()


def read_shards(ids: str | None, count: int | None) -> tuple[list[int] | None, int | None]:
    """Reads the options.

    Raises:
        CommandError: if they name no shards that can be.
    """
    if count is not None and not 1 <= count <= MOST_SHARDS:
        raise CommandError(f"--shard-count must be from 1 to {MOST_SHARDS}.")
    if ids is None:
        return None, count
    if count is None:
        raise CommandError("--shard-ids needs --shard-count.")
    try:
        numbers = sorted({int(part) for part in ids.split(",")})
    except ValueError:
        raise CommandError("--shard-ids must be numbers, such as 0,1.") from None
    if not all(0 <= number < count for number in numbers):
        raise CommandError(f"--shard-ids must be from 0 to {count - 1}.")
    return numbers, count
