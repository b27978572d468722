"""What the API says of who took part, and why it says so."""

from typing import TYPE_CHECKING, Any, Final, Self

from django.urls import reverse
from ninja import Field, Schema
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from community.api.fields import (
    FlagFilter,
    Moment,
    MomentFilter,
    SnowflakeFilter,
    SnowflakeText,
    StrictQuery,
    UuidText,
)
from events_app.models import Event, EventState, Participation, Reason
from sessions_app.api.paging import CursorFilter

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Names(TypedDict):
        """What ``member_named`` adds to a participation."""

        member_name: str | None

    NamedParticipation = WithAnnotations[Participation, Names]


class ParticipationFilters(StrictQuery):
    """Which of those who took part to list."""

    qualified_only: FlagFilter = Field(False, description="Only those who qualify.")
    limit: int = Field(50, ge=1, le=200, description="How many to a page.")
    after: SnowflakeFilter = Field(
        None, description="Where the page begins: take it from `next` of the page before."
    )


class MemberFilters(StrictQuery):
    """In which of the events that a member took part in to look."""

    from_: MomentFilter = Field(
        None, alias="from", description="Only in events that end after this instant."
    )
    until: MomentFilter = Field(None, description="Only in events that begin before this instant.")
    qualified_only: FlagFilter = Field(False, description="Only where they qualify.")
    limit: int = Field(50, ge=1, le=200, description="How many to a page.")
    cursor: CursorFilter = Field(
        None, description="Where the page begins: take it from `next` of the page before."
    )

    @model_validator(mode="after")
    def _refuse_a_window_turned_around(self) -> Self:
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            raise PydanticCustomError("window", "should be after from", {"field": "until"})
        return self


class ParticipationOut(Schema):
    """What an event credits a member with."""

    event_id: UuidText
    guild_id: SnowflakeText
    user_id: SnowflakeText
    member_name: str | None = Field(description="As shown in the guild; null where not known.")
    first_arrival_at: Moment | None = Field(
        description="When they were first there, from the window's start on."
    )
    last_departure_at: Moment | None = Field(description="Null while they are there.")
    counted_from: Moment | None = Field(description="Their place in line, where seats are few.")
    seconds: float = Field(description="That count, credit apart.")
    credited_seconds: float = Field(description="Credited by staff on top.")
    total_seconds: float = Field(description="Both, at most the window's length.")
    uncertainty_seconds: float = Field(description="By how much what counts may be off.")
    window_seconds: float = Field(description="The window without what was left out.")
    share: float | None = Field(description="Of that, from 0 to 1; null where it has no length.")
    member_window_seconds: float = Field(description="The part of it since they joined the guild.")
    share_since_joining: float | None
    sessions: int = Field(description="Voice sessions in the window.")
    stretches: int = Field(description="Times that they came.")
    is_late: bool
    left_early: bool
    is_qualified: bool
    is_in_doubt: bool = Field(description="Whether the uncertainty could decide it otherwise.")
    reasons: list[Reason] = Field(description="Why not, where they do not qualify.")
    link: str = Field(description="Why it is so, piece by piece.")


class ParticipationPage(Schema):
    """A page of those who took part, by their user ids."""

    event_id: UuidText
    counted_at: Moment | None = Field(description="When it was last worked out; null: not yet.")
    participation: list[ParticipationOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class EventBrief(Schema):
    """The event that a member took part in."""

    id: UuidText
    title: str
    time_zone: str
    starts_at: Moment
    ends_at: Moment
    state: EventState


class MemberParticipationOut(ParticipationOut):
    """What one event credits a member with, and which event it is."""

    event: EventBrief


class MemberPage(Schema):
    """A page of the events that a member took part in, newest first."""

    participation: list[MemberParticipationOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


_SAME: Final = (
    *("event_id", "guild_id", "user_id", "first_arrival_at", "last_departure_at"),
    *("counted_from", "seconds", "credited_seconds", "total_seconds", "window_seconds"),
    *("share", "member_window_seconds", "share_since_joining", "sessions", "stretches"),
    *("is_late", "left_early", "is_qualified", "is_in_doubt", "reasons"),
)


def participation_columns(row: Participation, *, name: str | None) -> dict[str, Any]:
    """Says what the API says of a participation.

    Args:
        row: what was worked out last.
        name: the member's, as shown in the guild; None where it is not known.
    """
    listed = reverse("api:list_participation", kwargs={"event_id": row.event_id})
    return {column: getattr(row, column) for column in _SAME} | {
        "member_name": name,
        "uncertainty_seconds": row.uncertainty,
        "link": f"{listed}/{row.user_id}",
    }


def event_brief(event: Event) -> EventBrief:
    """Says which event it is."""
    return EventBrief(
        id=event.id,
        title=event.title,
        time_zone=event.time_zone,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        state=EventState(event.state),
    )
