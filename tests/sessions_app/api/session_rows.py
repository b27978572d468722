"""Sessions to be listed, and clients that ask for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client

from community.services.api_keys import issue_key
from tests.factories import NOW, at, make_session_of

if TYPE_CHECKING:
    from community.domain.scopes import Scope
    from community.models import Guild
    from sessions_app.models import VoiceSession

GUILD, OTHER_GUILD = 175928847299117063, 280928847299117000


def client_with(*scopes: Scope, guilds: list[Guild] | None = None) -> Client:
    superuser, _ = User.objects.get_or_create(username="root", is_superuser=True)
    _, text = issue_key(
        name="Board",
        scopes=scopes,
        guilds=guilds or [],
        expires_at=NOW + timedelta(days=1),
        created_by=superuser,
        now=NOW,
    )
    return Client(headers={"Authorization": f"Bearer {text}"})


def session(*, ago: float = 60, minutes: float | None = 10, **fields: Any) -> VoiceSession:
    """Makes a session that began so many minutes ago and lasted so many, or goes on."""
    start = at(-ago)
    end = None if minutes is None else at(minutes - ago)
    given: dict[str, Any] = {
        "user_id": 5,
        "guild_id": GUILD,
        "channel_id": 30,
        "started_at": start,
        "entered_at": start,
        "ended_at": end,
    }
    return make_session_of(**given | fields)


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["sessions"]]
