"""Participation for a spreadsheet or a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse, StreamingHttpResponse

from events_app.services.exports import as_file, csv_of, json_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http.response import HttpResponseBase

    from events_app.admin.pages import Asker


def csv_page(asker: Asker, event_id: UUID) -> HttpResponseBase:
    """Gives the participation of an event as CSV, line by line."""
    event = asker.event(event_id)
    return StreamingHttpResponse(
        csv_of(event, now=asker.now),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": as_file(event, "csv")},
    )


def json_page(asker: Asker, event_id: UUID) -> HttpResponseBase:
    """Gives the participation of an event as JSON."""
    event = asker.event(event_id)
    return JsonResponse(
        json_of(event, now=asker.now), headers={"Content-Disposition": as_file(event, "json")}
    )
