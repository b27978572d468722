"""``/api/events/{id}/export.csv`` and ``.json``: an event's participation as a whole."""

from typing import Any, Final
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from ninja import Router

from community.api.authentication import KeyedRequest
from events_app.api.events import READ
from events_app.api.problems import FOUND, examples
from events_app.api.reach import event_of
from events_app.services.exports import as_file, csv_of, json_of

router = Router(tags=["participation"], auth=READ)

CSV: Final = "text/csv; charset=utf-8"


def _documented() -> dict[str, Any]:
    documented = examples(FOUND)
    documented["responses"][200] = {
        "description": "A line for each member, under a line of names; UTF-8.",
        "content": {CSV: {"schema": {"type": "string"}}},
    }
    return documented


@router.get(
    "/{event_id}/export.csv",
    response=FOUND,
    openapi_extra=_documented(),
    summary="Participation as a table",
)
def export_csv(request: KeyedRequest, event_id: UUID) -> StreamingHttpResponse:
    """Gives who took part as CSV: a line for each, times by the clock of the event's zone."""
    event = event_of(request, event_id)
    answer = StreamingHttpResponse(csv_of(event, now=timezone.now()), content_type=CSV)
    answer["Content-Disposition"] = as_file(event, "csv")
    return answer


@router.get(
    "/{event_id}/export.json",
    response={200: dict[str, Any]} | FOUND,
    openapi_extra=examples(FOUND),
    summary="Participation as JSON",
)
def export_json(request: KeyedRequest, event_id: UUID) -> dict[str, Any]:
    """Gives the event, who took part and who did not come, times by the clock of its zone."""
    return json_of(event_of(request, event_id), now=timezone.now())
