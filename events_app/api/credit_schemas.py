"""What the API says of credits."""

from typing import Annotated, Final, Literal

from ninja import Field, Schema
from pydantic import FiniteFloat

from community.api.fields import (
    FlagFilter,
    Moment,
    PlainText,
    SnowflakeFilter,
    SnowflakeInput,
    SnowflakeText,
    StrictBody,
    UuidFilter,
    UuidText,
)
from events_app.domain.plan import LONGEST_WINDOW
from events_app.models import Credit, Verdict
from events_app.services.plan_problems import LONGEST_REASON
from sessions_app.api.paging import PageQuery

MOST_SECONDS: Final = LONGEST_WINDOW.total_seconds()

Words = Annotated[PlainText, Field(min_length=1, max_length=LONGEST_REASON)]
CreditedSeconds = Annotated[FiniteFloat, Field(ge=0, le=MOST_SECONDS)]
VerdictIn = Literal["", "qualified", "refused"]

GIVEN: Final = "On top of what was counted; together at most the window."
DECIDED: Final = "Holds whatever the time says; empty: the time decides."


class CreditIn(StrictBody):
    """What staff credit a member with: seconds, a verdict, or both."""

    user_id: SnowflakeInput
    seconds: CreditedSeconds = Field(0.0, description=GIVEN)
    verdict: VerdictIn = Field("", description=DECIDED)
    reason: Words = Field(description="Why, in words; members read it.")


class WithdrawalIn(StrictBody):
    """Why a credit is taken back."""

    reason: Words


class CreditFilters(PageQuery):
    """Which credits to list; `from` and `until` are of when they were given."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    event_id: UuidFilter = Field(None, description="Only in this event.")
    user_id: SnowflakeFilter = Field(None, description="Only of this member.")
    gap_id: UuidFilter = Field(None, description="Only those that make this blind gap good.")
    standing_only: FlagFilter = Field(False, description="Only those that were not withdrawn.")


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


class CreditPage(Schema):
    """A page of credits, newest first."""

    credits: list[CreditOut]
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
