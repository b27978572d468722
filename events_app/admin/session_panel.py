"""What a voice session's page says of the events that the session belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from events_app.models import Event
from sessions_app.registry import Panel

if TYPE_CHECKING:
    from django.http import HttpRequest

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


def _line(event: Event) -> str:
    begins, ends = (each.astimezone(event.zone) for each in (event.starts_at, event.ends_at))
    until = f"{ends:%H:%M}" if begins.date() == ends.date() else f"{ends:%Y-%m-%d %H:%M}"
    window = f"{begins:%Y-%m-%d %H:%M} to {until} ({event.time_zone})"
    try:
        page = reverse("admin:events_app_event_change", args=[event.pk])
    except NoReverseMatch:
        return format_html("{}, {}", event.title, window)
    return format_html('<a href="{}">{}</a>, {}', page, event.title, window)
