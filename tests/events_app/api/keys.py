"""Clients with keys, and what they send."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client

from community.services.api_keys import issue_key
from tests.factories import NOW

if TYPE_CHECKING:
    from community.domain.scopes import Scope
    from community.models import Guild

EVENTS = "/api/events"
SERIES = "/api/series"
CREDITS = "/api/credits"
DISPUTES = "/api/disputes"
REWARDS = "/api/rewards"

PLAN = {
    "title": "Game night",
    "time_zone": "Europe/Berlin",
    "starts_at": "2026-11-20T13:00:00Z",
    "ends_at": "2026-11-20T15:00:00Z",
}
"""A plan that nothing is wrong with."""


def client_with(
    *scopes: Scope, guilds: list[Guild] | None = None, maker: User | None = None
) -> Client:
    """Makes a client with a key; a superuser's, unless an account is given."""
    if maker is None:
        maker, _ = User.objects.get_or_create(username="root", is_superuser=True)
    _, text = issue_key(
        name="Board",
        scopes=scopes,
        guilds=guilds or [],
        expires_at=NOW + timedelta(days=1),
        created_by=maker,
        now=NOW,
    )
    return Client(headers={"Authorization": f"Bearer {text}"})


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """Sends a body as JSON."""
    text = "" if body is None else json.dumps(body)
    return client.generic(method, path, text, "application/json")
