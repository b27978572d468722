"""``/api/events/preview``: what a plan would give, before anybody decides for it."""

from dataclasses import asdict
from uuid import UUID

from django.utils import timezone
from ninja import Field, Router, Schema

from community.api.authentication import KeyedRequest
from community.api.fields import SnowflakeText
from community.api.problems import PROBLEMS
from events_app.api.events import WRITE
from events_app.api.plan_schemas import GuildPlanIn, PlanChange
from events_app.api.problems import CHANGED, examples, refusals_told
from events_app.api.reach import ADD, CHANGE, event_of, guild_for, maker_of
from events_app.models import Reason
from events_app.services.preview import Outcome, Preview, preview_change
from events_app.services.revisions import plan_of

# Who previews any window of any guild reads who was in voice when: that is for planners.
router = Router(tags=["events"], auth=WRITE)


class OutcomeOut(Schema):
    """What a member would be credited with."""

    user_id: SnowflakeText
    seconds: float = Field(description="That would count, credit apart.")
    credited_seconds: float
    uncertainty_seconds: float = Field(description="By how much those may be off.")
    share: float | None
    is_qualified: bool
    reasons: list[Reason] = Field(description="Why not, where they would not qualify.")


class FlipOut(Schema):
    """A member for whom the change decides whether they qualify."""

    user_id: SnowflakeText
    before: OutcomeOut | None = Field(description="Null where they have no part in it.")
    after: OutcomeOut | None = Field(description="Null where they would have no part in it.")


class PreviewOut(Schema):
    """What a plan would give."""

    participants: int
    qualified: int
    outcomes: list[OutcomeOut] = Field(description="Each member who would take part.")
    flips: list[FlipOut] = Field(
        description="Those who would qualify and do not, or do and would not."
    )


@router.post(
    "/preview",
    response={200: PreviewOut} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="What a new event would give",
)
def preview_event(request: KeyedRequest, asked: GuildPlanIn) -> PreviewOut:
    """Works out what an event would give if it were planned so, and writes nothing.

    Asks for the scope `events:write`, as making it does.
    """
    maker = maker_of(request, ADD)
    with refusals_told():
        guild_id = guild_for(request, asked.guild_id, maker=maker)
        found = preview_change(None, asked.plan(), guild_id=guild_id, now=timezone.now())
    return _preview_out(found)


@router.post(
    "/{event_id}/preview",
    response={200: PreviewOut} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="What a change of an event would give",
)
def preview_event_change(request: KeyedRequest, event_id: UUID, asked: PlanChange) -> PreviewOut:
    """Works out what an event would give if that changed of it, and writes nothing.

    Asks for the scope `events:write`, as changing it does.
    """
    maker = maker_of(request, CHANGE)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        found = preview_change(
            event.pk,
            asked.put_on(plan_of(event)),
            guild_id=event.guild_id,
            now=timezone.now(),
        )
    return _preview_out(found)


def _preview_out(found: Preview) -> PreviewOut:
    return PreviewOut(
        participants=len(found.outcomes),
        qualified=sum(outcome.is_qualified for outcome in found.outcomes),
        outcomes=[_outcome_out(outcome) for outcome in found.outcomes],
        flips=[
            FlipOut(
                user_id=flip.user_id,
                before=None if flip.before is None else _outcome_out(flip.before),
                after=None if flip.after is None else _outcome_out(flip.after),
            )
            for flip in found.flips
        ],
    )


def _outcome_out(outcome: Outcome) -> OutcomeOut:
    return OutcomeOut(**asdict(outcome), uncertainty_seconds=outcome.uncertainty)
