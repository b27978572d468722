"""What the API says of disputes."""

from typing import Literal

from ninja import Field, Schema

from community.api.fields import (
    Moment,
    SnowflakeFilter,
    SnowflakeInput,
    SnowflakeText,
    StrictBody,
    UuidFilter,
    UuidText,
)
from events_app.api.credit_schemas import DECIDED, GIVEN, CreditedSeconds, VerdictIn, Words
from events_app.models import Dispute, DisputeState
from sessions_app.api.paging import PageQuery


class DisputeIn(StrictBody):
    """What a member says is wrong."""

    user_id: SnowflakeInput
    text: Words = Field(description="In their words.")


class AnswerIn(StrictBody):
    """What staff answer to a dispute."""

    decision: Literal["accepted", "declined"] = Field(
        description="Whether the member is right; the dispute is in this state from then on."
    )
    answer: Words = Field(
        description="What the member is told; it is the reason of the credit, too."
    )
    seconds: CreditedSeconds = Field(
        0.0,
        description=f"Credited where they are right. {GIVEN} 0: none, as where what was wrong "
        "was corrected elsewhere.",
    )
    verdict: VerdictIn = Field("", description=f"Where they are right. {DECIDED}")


class DisputeFilters(PageQuery):
    """Which disputes to list; `from` and `until` are of when they were opened."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    event_id: UuidFilter = Field(None, description="Only about this event.")
    user_id: SnowflakeFilter = Field(None, description="Only of this member.")
    state: list[DisputeState] = Field(
        default_factory=list,
        description="Only in this state; give it several times for any of several.",
    )


class DisputeOut(Schema):
    """A member says that a number is wrong; staff answer."""

    id: UuidText
    event_id: UuidText
    guild_id: SnowflakeText
    user_id: SnowflakeText
    text: str
    state: DisputeState
    opened_at: Moment
    answer: str | None = Field(description="Null while it is open.")
    answered_at: Moment | None
    answered_by: str | None
    credit_id: UuidText | None = Field(description="What it was answered with.")


class DisputePage(Schema):
    """A page of disputes, newest first."""

    disputes: list[DisputeOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


def dispute_out(dispute: Dispute) -> DisputeOut:
    """Says what the API says of a dispute."""
    return DisputeOut(
        id=dispute.id,
        event_id=dispute.event_id,
        guild_id=dispute.guild_id,
        user_id=dispute.user_id,
        text=dispute.text,
        state=DisputeState(dispute.state),
        opened_at=dispute.opened_at,
        answer=dispute.answer or None,
        answered_at=dispute.answered_at,
        answered_by=dispute.answered_by or None,
        credit_id=dispute.credit_id,
    )
