"""``/api/events/{id}/publish`` and what shows an event on Discord."""

from uuid import UUID

from django.utils import timezone
from ninja import Router, Status

from community.api.authentication import KeyedRequest
from events_app.api.events import WRITE, detail_of
from events_app.api.plan_schemas import AnnouncementIn, DecisionIn
from events_app.api.problems import CHANGED, examples, refusals_told
from events_app.api.reach import CHANGE, event_of, maker_of
from events_app.api.schemas import EventDetail
from events_app.services import planning, publishing

router = Router(tags=["events"], auth=WRITE)


@router.post(
    "/{event_id}/publish",
    response={200: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Make an event of a draft",
)
def publish_draft(
    request: KeyedRequest, event_id: UUID, asked: DecisionIn | None = None
) -> EventDetail:
    """Makes an event of a draft, which counts from then on; of what is none it changes nothing.

    Asks for the scope `events:write`. To show it on Discord, see `publish-on-discord`.
    """
    asked = asked or DecisionIn()
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        planning.publish_draft(
            event.pk,
            actor=maker,
            reason=asked.reason,
            now=timezone.now(),
            expected_version=asked.expected_version,
        )
    return detail_of(event.pk)


@router.post(
    "/{event_id}/publish-on-discord",
    response={202: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Show an event on Discord",
)
def publish_on_discord(
    request: KeyedRequest, event_id: UUID, asked: AnnouncementIn | None = None
) -> Status[EventDetail]:
    """Asks the bot to make a scheduled event of it on Discord, or to bring it up to date.

    Asks for the scope `events:write`. What became of it stands in the event's `publication`.
    While it is asked for already, it is not asked for again.
    """
    asked = asked or AnnouncementIn()
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        publishing.publish(
            event, actor=maker, now=timezone.now(), expected_version=asked.expected_version
        )
    return Status(202, detail_of(event.pk))


@router.post(
    "/{event_id}/withdraw-from-discord",
    response={202: EventDetail} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Show an event on Discord no more",
)
def withdraw_from_discord(request: KeyedRequest, event_id: UUID) -> Status[EventDetail]:
    """Asks the bot to take the scheduled event on Discord away; the event itself stays.

    Asks for the scope `events:write`. What became of it stands in the event's `publication`.
    """
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        publishing.withdraw_from_discord(event, actor=maker, now=timezone.now())
    return Status(202, detail_of(event.pk))
