"""``/api/events/{id}/participation`` and ``/api/members/...``: who took part."""

from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from ninja import Query, Router

from community.api.authentication import KeyedRequest
from community.api.fields import SnowflakeInput
from community.api.problems import PROBLEMS
from community.models import Member
from events_app.api.events import READ
from events_app.api.participation_schemas import (
    MemberFilters,
    MemberPage,
    MemberParticipationOut,
    ParticipationFilters,
    ParticipationOut,
    ParticipationPage,
    event_brief,
    participation_columns,
)
from events_app.api.problems import FOUND, examples
from events_app.api.reach import event_of, reachable
from events_app.models import Participation
from sessions_app.api.paging import Cursor

if TYPE_CHECKING:
    from events_app.api.participation_schemas import NamedParticipation

router = Router(tags=["participation"], auth=READ)
members = Router(tags=["participation"], auth=READ)
"""What stands under ``/api/members``."""


@router.get(
    "/{event_id}/participation",
    response={200: ParticipationPage} | FOUND,
    openapi_extra=examples(FOUND),
    summary="Who took part in an event",
)
def list_participation(
    request: KeyedRequest, event_id: UUID, filters: Query[ParticipationFilters]
) -> ParticipationPage:
    """Lists who took part, by user id, page by page.

    While the event goes on, and whenever a session, a role or a blind gap changes, it is
    worked out anew within about a minute. Members keep their place among the pages.
    """
    event = event_of(request, event_id)
    rows = Participation.objects.filter(event=event)
    if filters.qualified_only:
        rows = rows.filter(is_qualified=True)
    if filters.after is not None:
        rows = rows.filter(user_id__gt=filters.after)
    page = list(member_named(rows).order_by("user_id")[: filters.limit + 1])
    shown = page[: filters.limit]
    following = None
    if len(page) > len(shown):
        query = request.GET.copy()
        query["after"] = str(shown[-1].user_id)
        following = f"{request.path}?{query.urlencode()}"
    return ParticipationPage(
        event_id=event.pk,
        counted_at=event.counted_at,
        participation=[
            ParticipationOut(**participation_columns(row, name=row.member_name)) for row in shown
        ],
        next=following,
    )


@members.get(
    "/{guild_id}/{user_id}/participation",
    response={200: MemberPage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="What a member took part in",
)
def list_participation_of_member(
    request: KeyedRequest,
    guild_id: SnowflakeInput,
    user_id: SnowflakeInput,
    filters: Query[MemberFilters],
) -> MemberPage:
    """Lists the events that a member took part in, newest first, page by page.

    Of a guild beyond your key's reach, and of a member who is not known, there are none.
    """
    rows = reachable(Participation.objects.all(), request).filter(
        _chosen(filters), guild_id=guild_id, user_id=user_id
    )
    newest = member_named(rows).select_related("event").order_by("-event__starts_at", "-event_id")
    page = list(newest[: filters.limit + 1])
    shown = page[: filters.limit]
    return MemberPage(
        participation=[
            MemberParticipationOut(
                **participation_columns(row, name=row.member_name), event=event_brief(row.event)
            )
            for row in shown
        ],
        next=(
            Cursor(shown[-1].event.starts_at, shown[-1].event_id).next_path(request)
            if len(page) > len(shown)
            else None
        ),
    )


def member_named(rows: QuerySet[Participation]) -> "QuerySet[NamedParticipation]":
    """Adds the members' names, in the same statement, also where one is not mirrored."""
    names = Member.objects.filter(guild_id=OuterRef("guild_id"), user_id=OuterRef("user_id"))
    named = rows.annotate(member_name=Subquery(names.values("display_name")))
    return cast("QuerySet[NamedParticipation]", named)


def _chosen(filters: MemberFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    if filters.qualified_only:
        wanted &= Q(is_qualified=True)
    if filters.until is not None:
        wanted &= Q(event__starts_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(event__ends_at__gt=filters.from_)
    if filters.cursor is not None:
        last = filters.cursor
        wanted &= Q(event__starts_at__lt=last.start) | Q(
            event__starts_at=last.start, event_id__lt=last.id
        )
    return wanted
