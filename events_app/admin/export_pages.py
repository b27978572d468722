"""Participation for a spreadsheet or a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse, StreamingHttpResponse

from events_app.services.exports import csv_of, json_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http.response import HttpResponseBase

    from events_app.admin.pages import Asker
    from events_app.models import Event


def csv_page(asker: Asker, event_id: UUID) -> HttpResponseBase:
    """Gives the participation of an event as CSV, line by line."""
    event = asker.event(event_id)
    return StreamingHttpResponse(
        csv_of(event, now=asker.now),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": _as_file(event, "csv")},
    )


def json_page(asker: Asker, event_id: UUID) -> HttpResponseBase:
    """Gives the participation of an event as JSON."""
    event = asker.event(event_id)
    return JsonResponse(
        json_of(event, now=asker.now), headers={"Content-Disposition": _as_file(event, "json")}
    )


def _as_file(event: Event, ending: str) -> str:
    """Names the file by the event's day and id: a title may hold what no header may."""
    day = f"{event.starts_at.astimezone(event.zone):%Y-%m-%d}"
    return f'attachment; filename="event-{day}-{event.pk}.{ending}"'
