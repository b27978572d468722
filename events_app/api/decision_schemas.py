"""What the API says of credits and disputes."""

from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import FiniteFloat

from community.api.fields import (
    Moment,
    PlainText,
    SnowflakeFilter,
    SnowflakeInput,
    SnowflakeText,
    StrictBody,
    UuidFilter,
    UuidText,
)
from events_app.models import Credit, Dispute, DisputeState, Verdict
from sessions_app.api.paging import PageQuery

Words = Annotated[PlainText, Field(min_length=1, max_length=1000)]


class CreditIn(StrictBody):
    """What staff credit a member with: seconds, a verdict, or both."""

    user_id: SnowflakeInput
    seconds: Annotated[FiniteFloat, Field(ge=0)] = Field(
        0.0, description="On top of what was counted; together at most the window."
    )
    verdict: Literal["", "qualified", "refused"] = Field(
        "", description="Holds whatever the time says; empty: the time decides."
    )
    reason: Words = Field(description="Why, in words; members read it.")


class CreditOut(Schema):
    """Seconds or a verdict that staff gave. A new count of the time keeps it."""

    id: UuidText
    event_id: UuidText
    guild_id: SnowflakeText
    user_id: SnowflakeText
    seconds: float
    verdict: Verdict = Field(description="Empty: the time decides.")
    reason: str
    gap_id: UuidText | None = Field(description="The blind gap that it makes good.")
    actor_name: str = Field(description="Who gave it.")
    created_at: Moment
    withdrawn_at: Moment | None
    withdrawn_by: str | None


class DisputeIn(StrictBody):
    """What a member says is wrong."""

    user_id: SnowflakeInput
    text: Words = Field(description="In their words.")


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


def credit_out(credit: Credit) -> CreditOut:
    """Says what the API says of a credit."""
    return CreditOut(
        id=credit.id,
        event_id=credit.event_id,
        guild_id=credit.guild_id,
        user_id=credit.user_id,
        seconds=credit.seconds,
        verdict=Verdict(credit.verdict),
        reason=credit.reason,
        gap_id=credit.gap_id,
        actor_name=credit.actor_name,
        created_at=credit.created_at,
        withdrawn_at=credit.withdrawn_at,
        withdrawn_by=credit.withdrawn_by or None,
    )


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
