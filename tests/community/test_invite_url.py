from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

TOKEN = "a-token"
MANAGE_CHANNELS = 0x10
MOVE_MEMBERS = 0x1000000
SEND_MESSAGES = 0x800
ADMINISTRATOR = 0x8


class Applications(BaseHTTPRequestHandler):
    """Answers as Discord's GET /applications/@me does."""

    body: object = {"id": "1234567890123456789", "name": "Rollcall"}

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"Bot {TOKEN}"
        found = self.path == "/api/v10/applications/@me"
        self.send_response((200 if known else 401) if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(self.body if known else {"code": 0}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keeps the test's output quiet."""


@pytest.fixture
def api(settings: Settings) -> Iterator[type[Applications]]:
    class Handler(Applications):
        pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings.DISCORD_API_URL = f"http://127.0.0.1:{server.server_port}/api/v10"
        settings.DISCORD_TOKEN = TOKEN
        yield Handler
        server.shutdown()
        thread.join()


def invite_url(*arguments: str) -> str:
    output = StringIO()
    call_command("invite_url", *arguments, stdout=output)
    return output.getvalue().strip()


@pytest.mark.usefixtures("api")
def test_invite_url_names_the_tokens_application_and_what_rooms_need() -> None:
    link = urlsplit(invite_url())

    query = parse_qs(link.query)
    permissions = int(query["permissions"][0])
    assert (link.scheme, link.netloc, link.path) == ("https", "discord.com", "/oauth2/authorize")
    assert query["client_id"] == ["1234567890123456789"]
    assert query["scope"] == ["bot applications.commands"]
    assert permissions & MANAGE_CHANNELS
    assert permissions & MOVE_MEMBERS
    assert permissions & SEND_MESSAGES
    assert not permissions & ADMINISTRATOR


def test_invite_url_asks_nobody_when_the_application_is_given(settings: Settings) -> None:
    settings.DISCORD_TOKEN = ""

    link = invite_url("--application-id", "42")

    assert "client_id=42&" in link


def test_invite_url_without_a_token_names_the_setting(settings: Settings) -> None:
    settings.DISCORD_TOKEN = ""

    with pytest.raises(CommandError, match=r"DISCORD_TOKEN is not set.*\.env"):
        invite_url()


@pytest.mark.usefixtures("api")
def test_invite_url_says_that_the_token_was_refused(settings: Settings) -> None:
    settings.DISCORD_TOKEN = "another"

    with pytest.raises(CommandError, match="DISCORD_TOKEN was refused") as refusal:
        invite_url()

    assert "another" not in str(refusal.value)


def test_invite_url_says_what_it_could_not_reach(settings: Settings) -> None:
    settings.DISCORD_TOKEN = TOKEN
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"

    with pytest.raises(CommandError, match=r"could not be reached at DISCORD_API_URL.*:9/api/v10"):
        invite_url()


@pytest.mark.parametrize("body", [[], {}, "text"])
def test_invite_url_refuses_what_is_no_application(api: type[Applications], body: object) -> None:
    api.body = body

    with pytest.raises(CommandError, match="not with an application"):
        invite_url()
