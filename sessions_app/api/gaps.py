"""``/api/gaps``: the stretches in which nobody watched."""

from typing import TYPE_CHECKING, cast

from django.db.models import OuterRef, Q, QuerySet, Subquery
from ninja import Field, Query, Router, Schema

from community.api.authentication import ApiKeyAuth, KeyedRequest, guild_ids_of
from community.api.fields import (
    Moment,
    SnowflakeFilter,
    SnowflakeText,
    UuidText,
)
from community.api.problems import PROBLEMS, problem_examples
from community.domain.scopes import Scope
from community.models import Guild
from community.services.access import within
from sessions_app.api.paging import PageQuery, page_of
from sessions_app.models import BlindGap, GapCause

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Names(TypedDict):
        """What :func:`with_guild_names` adds to a gap."""

        guild_name: str | None

    NamedGap = WithAnnotations[BlindGap, Names]

router = Router(tags=["sessions"], auth=ApiKeyAuth(Scope.SESSIONS_READ))


class GapFilters(PageQuery):
    """Which gaps to list."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    cause: list[GapCause] = Field(
        default_factory=list,
        description="Only with this cause; give it several times for any of several.",
    )


class GapOut(Schema):
    """A stretch of time in which a guild, or one of its members, was not watched."""

    id: UuidText
    guild_id: SnowflakeText
    guild_name: str | None = Field(description="Null where the guild is not known.")
    user_id: SnowflakeText | None = Field(
        description="The one member whom it concerns; null for everyone."
    )
    shard_id: int | None
    cause: GapCause
    from_: Moment = Field(serialization_alias="from", description="Up to then everything was seen.")
    until: Moment = Field(description="The sight that ended it.")
    duration_seconds: float
    is_replayed: bool = Field(
        description="Whether Discord told afterwards all that had happened: nothing was missed."
    )
    sessions_touched: int = Field(
        description="Sessions that went on across it, or began or ended in it."
    )
    sessions_mended: int = Field(description="Those of them whose start or end had to be inferred.")


class GapPage(Schema):
    """A page of gaps, newest first."""

    gaps: list[GapOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


@router.get(
    "",
    response={200: GapPage} | PROBLEMS,
    by_alias=True,
    openapi_extra=problem_examples(*PROBLEMS),
    summary="List blind gaps",
)
def list_gaps(request: KeyedRequest, filters: Query[GapFilters]) -> GapPage:
    """Lists blind gaps, newest first, page by page: each is listed once it has ended.

    A start or an end that fell into one is only known to lie in it: that is where the
    uncertainty of sessions comes from.
    """
    gaps = within(BlindGap.objects.all(), guild_ids_of(request.auth)).filter(_chosen(filters))
    shown, following = page_of(
        with_guild_names(gaps), request, limit=filters.limit, start="began_at"
    )
    return GapPage(
        gaps=[gap_out(gap) for gap in shown],
        next=following,
    )


def with_guild_names(gaps: QuerySet[BlindGap]) -> "QuerySet[NamedGap]":
    """Adds the guilds' names, in the same statement, also where one is not mirrored."""
    names = Guild.objects.filter(id=OuterRef("guild_id")).values("name")
    return cast("QuerySet[NamedGap]", gaps.annotate(guild_name=Subquery(names)))


def gap_out(gap: "NamedGap") -> GapOut:
    """Says what the API says of a gap."""
    return GapOut(
        id=gap.id,
        guild_id=gap.guild_id,
        guild_name=gap.guild_name,
        user_id=gap.user_id,
        shard_id=gap.shard_id,
        cause=GapCause(gap.cause),
        from_=gap.began_at,
        until=gap.ended_at,
        duration_seconds=gap.length.total_seconds(),
        is_replayed=gap.is_replayed,
        sessions_touched=gap.sessions_touched,
        sessions_mended=gap.sessions_mended,
    )


def _chosen(filters: GapFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    if filters.guild_id is not None:
        wanted &= Q(guild_id=filters.guild_id)
    if filters.cause:
        wanted &= Q(cause__in=set(filters.cause))
    if filters.until is not None:
        wanted &= Q(began_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(ended_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("began_at")
    return wanted
