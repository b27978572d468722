"""What a voice session's page says of the events that the session belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html

from community.admin.showing import link_to
from events_app.admin.rows import window_of
from events_app.models import Event
from sessions_app.registry import Panel

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from sessions_app.models import VoiceSession


def events_of_session(request: HttpRequest, session: VoiceSession) -> Panel | None:
    """Names the events of a session, each with its window; none where there are none to see."""
    if not request.user.has_perm("events_app.view_event"):
        return None
    events = Event.objects.filter(
        session_links__session_id=session.pk, guild_id=session.guild_id
    ).order_by("starts_at", "pk")
    lines = tuple(_line(event) for event in events)
    return Panel("Events", lines) if lines else None


def _line(event: Event) -> SafeString:
    return format_html("{}, {}", link_to(event, event.title), window_of(event))
