"""What the API says of sessions and visits."""

from ninja import Field, Schema

from community.api.fields import (
    Moment,
    SnowflakeFilter,
    SnowflakeText,
    UuidFilter,
    UuidText,
)
from sessions_app.api.paging import PageQuery
from sessions_app.models import EndReason, SessionStatus, StartKind


class SessionFilters(PageQuery):
    """Which sessions to list."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    channel_id: SnowflakeFilter = Field(None, description="Only in this channel.")
    user_id: SnowflakeFilter = Field(None, description="Only of this user.")
    visit_id: UuidFilter = Field(None, description="Only of this visit.")
    status: list[SessionStatus] = Field(
        default_factory=list,
        description="Only with this status; give it several times for any of several.",
    )


class StretchOut(Schema):
    """A stretch of time within a session."""

    from_: Moment = Field(serialization_alias="from")
    until: Moment | None = Field(description="Null while it goes on.")


class StretchesOut(Schema):
    """Stretches of time within a session, by kind, in order."""

    muted: list[StretchOut] = Field(description="Muted, by the member or by a moderator.")
    deafened: list[StretchOut] = Field(description="Deafened, by the member or by a moderator.")
    camera: list[StretchOut] = Field(description="With the camera on.")
    streaming: list[StretchOut] = Field(description="Sharing a screen.")
    alone: list[StretchOut] = Field(description="With no other member who is not a bot.")
    afk: list[StretchOut] = Field(description="While it was the guild's AFK channel.")


class SumsOut(Schema):
    """Seconds of the stretches, by kind; so far, where the session goes on."""

    muted: float
    deafened: float
    camera: float
    streaming: float
    alone: float
    afk: float


class SessionLinks(Schema):
    """Where to read on."""

    self: str = Field(description="This session with its related ones.")
    visit: str = Field(description="All sessions of its visit.")


class SessionOut(Schema):
    """One member in one channel, from entering to leaving it."""

    id: UuidText
    visit_id: UuidText = Field(description="The stay in voice that it is a part of.")
    guild_id: SnowflakeText
    guild_name: str | None = Field(description="Null where the guild is not known.")
    channel_id: SnowflakeText
    channel_name: str | None = Field(description="Null where the channel is not known.")
    user_id: SnowflakeText
    member_name: str | None = Field(description="As shown in the guild; null where not known.")
    status: SessionStatus
    is_counted: bool = Field(description="Whether it counts: all do but those voided by staff.")
    started_at: Moment
    ended_at: Moment | None = Field(description="Null while it goes on.")
    last_seen_at: Moment = Field(description="The latest sight of the member there.")
    duration_seconds: float = Field(description="So far, where it goes on.")
    uncertainty_seconds: float = Field(
        description="By how much the duration may be off: the start's and the end's together."
    )
    start_kind: StartKind = Field(description="How the start is known.")
    end_reason: EndReason | None = Field(description="Null while it goes on.")
    start_uncertainty: float = Field(description="Seconds by which the start may be off.")
    end_uncertainty: float = Field(description="Seconds by which the end may be off.")
    stretches: StretchesOut
    seconds: SumsOut
    event_ids: list[UuidText] = Field(
        description="The events that it belongs to: it lies in their windows, in a channel and "
        "with roles that count there."
    )
    links: SessionLinks


class SessionPage(Schema):
    """A page of sessions, newest first."""

    sessions: list[SessionOut]
    next: str | None = Field(
        description="Path of the next page; null on the last. Sessions that come in "
        "meanwhile neither repeat nor hide any."
    )


class VisitOut(Schema):
    """One stay of a member in a guild's voice, from joining to leaving."""

    id: UuidText
    started_at: Moment
    ended_at: Moment | None = Field(description="Null while it goes on.")
    first_channel_id: SnowflakeText
    last_channel_id: SnowflakeText = Field(description="The latest one, while it goes on.")
    duration_seconds: float = Field(
        description="The sum of its sessions, those voided by staff left out."
    )
    uncertainty_seconds: float = Field(
        description="By how much the sum may be off. A move within the visit that was seen "
        "late adds nothing: what one session has too much the next has too little."
    )


class SessionDetail(SessionOut):
    """A session with the visit that it belongs to."""

    visit: VisitOut
    related: list[SessionOut] = Field(
        description="The visit's other sessions, oldest first; at most 200, "
        "`links.visit` lists all."
    )
