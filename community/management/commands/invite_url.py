"""Prints the link with which a guild's owner invites the bot."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

AUTHORIZE_URL = "https://discord.com/oauth2/authorize"
SCOPES = ("bot", "applications.commands")

# Discord's permission bits, and what each is for.
PERMISSIONS = {
    "Manage Channels": 1 << 4,  # to create and delete rooms
    "View Audit Log": 1 << 7,  # who disconnected whom, and whether a room is ours
    "View Channel": 1 << 10,
    "Send Messages": 1 << 11,  # to remind those who are missing from an event
    "Connect": 1 << 20,  # what we grant in a room we must hold ourselves
    "Speak": 1 << 21,
    "Move Members": 1 << 24,  # from a hub into a room
    "Manage Roles": 1 << 28,  # to set a room's overwrites, and to give events' roles
    "Create Events": 1 << 44,  # to show events among Discord's own
}


class Command(BaseCommand):
    """``manage.py invite_url``."""

    help = "Prints the link that invites the bot into a guild, with the permissions it needs."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--application-id",
            type=_snowflake,
            help="the bot's application; without it Discord is asked, with DISCORD_TOKEN",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        application_id = options["application_id"] or _own_application_id()
        query = {
            "client_id": application_id,
            "permissions": sum(PERMISSIONS.values()),
            "scope": " ".join(SCOPES),
        }
        self.stdout.write(f"{AUTHORIZE_URL}?{urlencode(query)}")


def _snowflake(text: str) -> str:
    if not text.isdecimal():
        raise ValueError(text)
    return text


def _own_application_id() -> str:
    """Asks Discord whose the token is.

    Raises:
        CommandError: if there is no token, it is refused, or Discord can't be asked.
    """
    if not settings.DISCORD_TOKEN:
        raise CommandError(
            "DISCORD_TOKEN is not set: set it in the environment or in the file .env, "
            "or give --application-id."
        )
    address = f"{settings.DISCORD_API_URL}/applications/@me"
    try:
        answer = httpx.get(
            address, headers={"Authorization": f"Bot {settings.DISCORD_TOKEN}"}, timeout=10
        )
    except httpx.HTTPError as error:
        raise CommandError(
            f"Discord could not be reached at DISCORD_API_URL, {settings.DISCORD_API_URL}: "
            f"{error or type(error).__name__}"
        ) from error
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise CommandError(f"DISCORD_TOKEN was refused at {settings.DISCORD_API_URL}.")
    try:
        return str(answer.raise_for_status().json()["id"])
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{address} answered {answer.status_code}, and not with an application."
        ) from error
