"""What the API says of events and series."""

from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from django.urls import reverse
from ninja import Field, Schema
from pydantic import WithJsonSchema

from community.api.fields import Moment, SnowflakeFilter, SnowflakeText, UuidFilter, UuidText
from community.models import OutboxItem, OutboxState
from events_app.models import RULE_FIELDS, DiscordStatus, Event, EventSeries, EventState, GapPolicy
from events_app.services.publishing import PUBLISH
from sessions_app.api.paging import PageQuery

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Names(TypedDict):
        """What ``named`` adds to a row."""

        guild_name: str | None

    NamedEvent = WithAnnotations[Event, Names]
    NamedSeries = WithAnnotations[EventSeries, Names]

_SHARED: Final = ("title", "description", "time_zone", "reward_role", *RULE_FIELDS)

# JSON Schema's own format of a time asks for an offset, which a clock on the wall has not.
WallTime = Annotated[
    time,
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}(\.\d+)?$", "examples": ["20:00:00"]}
    ),
]


class EventFilters(PageQuery):
    """Which events to list."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    series_id: UuidFilter = Field(None, description="Only of this series.")
    state: list[EventState] = Field(
        default_factory=list,
        description="Only in this state; give it several times for any of several.",
    )


class RulesOut(Schema):
    """What is asked of those who take part."""

    channel_ids: list[SnowflakeText] = Field(
        description="Channels and categories that count; none: the whole guild."
    )
    any_role_ids: list[SnowflakeText] = Field(description="Roles of which one has to be held.")
    all_role_ids: list[SnowflakeText] = Field(description="Roles that have to be held together.")
    no_role_ids: list[SnowflakeText] = Field(description="Roles that must not be held.")
    minimum_seconds: int | None
    minimum_share: float | None
    late_grace_seconds: int
    early_grace_seconds: int
    rejoin_grace_seconds: int
    capacity: int | None = Field(description="So many can qualify; null: all.")
    counts_muted: bool
    counts_deafened: bool
    counts_alone: bool
    counts_afk: bool
    gap_policy: GapPolicy = Field(description="What becomes of time in which nobody watched.")
    reward_role: SnowflakeText | None = Field(description="Role for those who qualify.")


class EventLinks(Schema):
    """Where to read on."""

    self: str
    participation: str = Field(description="Who took part.")
    versions: str = Field(description="What it was before its changes.")
    gaps: str = Field(description="The blind gaps in its window.")
    credits: str = Field(description="What staff gave by hand.")
    disputes: str = Field(description="What members say is wrong.")
    rewards: str = Field(description="The roles for those who qualify.")
    series: str | None = Field(description="The series that it is of; null for none.")


class EventOut(RulesOut):
    """A window of time in which being there is credited."""

    id: UuidText
    guild_id: SnowflakeText
    guild_name: str | None = Field(description="Null where the guild is not known.")
    series_id: UuidText | None
    planned_start: Moment | None = Field(description="Where its series puts its start.")
    is_apart: bool = Field(description="Edited apart: a change of its series leaves it as it is.")
    title: str
    description: str
    time_zone: str = Field(
        description="IANA name: the zone by whose clock it is planned. The times here are UTC."
    )
    starts_at: Moment
    ends_at: Moment
    state: EventState
    version: int = Field(description="Grows with each change; name it in yours.")
    discord_event_id: SnowflakeText | None = Field(description="The scheduled event on Discord.")
    is_from_discord: bool = Field(description="Made on Discord: its times are edited there.")
    discord_status: DiscordStatus | None = Field(
        description="What Discord last said of it; null where it said nothing."
    )
    discord_seen_at: Moment | None = Field(description="When Discord last said something of it.")
    counted_at: Moment | None = Field(description="When participation was last worked out.")
    created_at: Moment
    links: EventLinks


class EventPage(Schema):
    """A page of events, newest first."""

    events: list[EventOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class PublicationOut(Schema):
    """What the bot was last asked to do about showing an event on Discord, and its answer."""

    asked: Literal["publish", "withdraw"]
    asked_at: Moment
    state: OutboxState = Field(description="`pending`: not answered; `refused`: by Discord.")
    answered_at: Moment | None = Field(description="Null while it is pending.")
    refusal_code: str | None = Field(description="Discord's code where it refused.")
    refusal: str | None = Field(description="What Discord said when it refused.")


class EventDetail(EventOut):
    """An event with how many took part, and how it stands on Discord."""

    participants: int = Field(description="Members who were there, or were credited.")
    qualified: int = Field(description="Those of them who qualify.")
    publication: PublicationOut | None = Field(
        description="What was last asked about showing it on Discord; null: nothing. Whether it "
        "is shown, `discord_event_id` says."
    )


class SeriesFilters(PageQuery):
    """Which series to list."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")


class SeriesLinks(Schema):
    """Where to read on."""

    self: str
    events: str = Field(description="Its events.")


class SeriesOut(RulesOut):
    """A plan by which events are made."""

    id: UuidText
    guild_id: SnowflakeText
    guild_name: str | None = Field(description="Null where the guild is not known.")
    title: str
    description: str
    time_zone: str = Field(description="IANA name: by its clock all take place.")
    first_date: date
    start_time: WallTime = Field(description="By the zone's clock.")
    length_seconds: int = Field(description="From start to end by the zone's clock.")
    rule: str = Field(description="RFC 5545.")
    ended_before: date | None = Field(
        description="From this day on another series goes on in its place."
    )
    created_at: Moment
    links: SeriesLinks


class SeriesPage(Schema):
    """A page of series, the one that begins last first."""

    series: list[SeriesOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class OccurrenceOut(Schema):
    """One event of a series."""

    id: UuidText
    title: str
    planned_start: Moment | None
    starts_at: Moment
    ends_at: Moment
    state: EventState
    is_apart: bool
    version: int
    link: str


class SeriesDetail(SeriesOut):
    """A series with its events."""

    occurrences: list[OccurrenceOut] = Field(description="In order, at most 500.")


def publication_out(item: OutboxItem) -> PublicationOut:
    """Says what the API says of what the bot was asked about an event on Discord."""
    is_refused = item.state == OutboxState.REFUSED
    return PublicationOut(
        asked="publish" if item.kind == PUBLISH else "withdraw",
        asked_at=item.created_at,
        state=OutboxState(item.state),
        answered_at=item.answered_at,
        refusal_code=str(item.answer.get("code", "")) if is_refused else None,
        refusal=str(item.answer.get("message", "")) if is_refused else None,
    )


def event_columns(event: "NamedEvent") -> dict[str, Any]:
    """Says what the API says of an event."""
    key = {"event_id": event.id}
    series = None
    if event.series_id is not None:
        series = reverse("api:get_series", kwargs={"series_id": event.series_id})
    names = ("id", "guild_id", "guild_name", "series_id", "planned_start", "is_apart")
    more = ("starts_at", "ends_at", "state", "version", "discord_event_id", "is_from_discord")
    columns = (*names, *more, *_SHARED, "counted_at", "created_at")
    links = EventLinks(
        self=reverse("api:get_event", kwargs=key),
        participation=reverse("api:list_participation", kwargs=key),
        versions=reverse("api:list_versions", kwargs=key),
        gaps=reverse("api:list_event_gaps", kwargs=key),
        **{
            name: f"{reverse(f'api:list_{name}')}?event_id={event.id}"
            for name in ("credits", "disputes", "rewards")
        },
        series=series,
    )
    said = {
        "discord_status": event.discord_status or None,
        "discord_seen_at": event.discord_seen_at,
    }
    return {name: getattr(event, name) for name in columns} | said | {"links": links}


def series_columns(series: "NamedSeries") -> dict[str, Any]:
    """Says what the API says of a series."""
    columns = ("id", "guild_id", "guild_name", *_SHARED, "first_date", "start_time")
    more = ("length_seconds", "rule", "ended_before", "created_at")
    links = SeriesLinks(
        self=reverse("api:get_series", kwargs={"series_id": series.id}),
        events=f"{reverse('api:list_events')}?series_id={series.id}",
    )
    return {name: getattr(series, name) for name in (*columns, *more)} | {"links": links}


def occurrence_out(event: Event) -> OccurrenceOut:
    """Says what a series says of one of its events."""
    return OccurrenceOut(
        id=event.id,
        title=event.title,
        planned_start=event.planned_start,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        state=EventState(event.state),
        is_apart=event.is_apart,
        version=event.version,
        link=reverse("api:get_event", kwargs={"event_id": event.id}),
    )
