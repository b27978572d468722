"""What the tests of session health, sweeps and recovery have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.factories import NOW, at, make_shard
from tests.sessions_app.api.session_rows import session

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Shard
    from sessions_app.models import VoiceSession

HEALTH, RECOVERY = "/api/analytics/session-health", "/api/analytics/recover-sessions"


def shard(**columns: Any) -> Shard:
    given: dict[str, Any] = {"shard_id": 0, "shard_count": 1, "last_frame_at": NOW}
    return make_shard(**given | columns)


def unseen(minutes: float = 10, **columns: Any) -> VoiceSession:
    """Makes a session under way that was seen so many minutes ago."""
    return session(ago=60, minutes=None, last_seen_at=at(-minutes), **columns)


def post(client: Client, path: str, body: Any = None) -> Any:
    if body is None:
        return client.generic("POST", path)
    return client.post(path, body, content_type="application/json")
