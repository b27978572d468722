"""``/api/sessions``: voice sessions, listed and one by one."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from ninja import Query, Router

from community.api.authentication import ApiKeyAuth, KeyedRequest, guild_ids_of
from community.api.problems import PROBLEMS, NotFoundError, Problem, problem_examples
from community.domain.scopes import Scope
from community.models import Channel, Guild, Member
from community.services.access import within
from sessions_app.api.paging import page_of
from sessions_app.api.schemas import (
    SessionDetail,
    SessionFilters,
    SessionLinks,
    SessionOut,
    SessionPage,
    StretchesOut,
    StretchOut,
    SumsOut,
    VisitOut,
)
from sessions_app.domain.changes import STRETCH_KINDS, Stretch
from sessions_app.domain.facts import LONGEST_SESSION_SECONDS
from sessions_app.domain.sums import sum_of
from sessions_app.models import EndReason, SessionStatus, StartKind, VoiceSession
from sessions_app.models.channel_ids import never_empty
from sessions_app.models.voice_session import VoiceSessionQuerySet
from sessions_app.registry import event_ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypedDict

    from django.db.models import QuerySet
    from django_stubs_ext import WithAnnotations

    class Names(TypedDict):
        """What :func:`_named` adds to a session."""

        guild_name: str | None
        channel_name: str | None
        member_name: str | None

    NamedSession = WithAnnotations[VoiceSession, Names]

MOST_RELATED: Final = 200
# A session is split at LONGEST_SESSION_SECONDS; twice that leaves room for a split that
# came late. With it, a window in the past is a range of the index on started_at.
_LONGEST: Final = timedelta(seconds=2 * LONGEST_SESSION_SECONDS)
_FIRST_BOUNDED: Final = datetime.min.replace(tzinfo=UTC) + _LONGEST

router = Router(tags=["sessions"], auth=ApiKeyAuth(Scope.SESSIONS_READ))


@router.get(
    "",
    response={200: SessionPage} | PROBLEMS,
    by_alias=True,
    openapi_extra=problem_examples(*PROBLEMS),
    summary="List voice sessions",
)
def list_sessions(request: KeyedRequest, filters: Query[SessionFilters]) -> SessionPage:
    """Lists voice sessions, newest first, page by page.

    `from` and `until` ask for whatever overlaps the window from the one up to the other:
    a session that began before it and ended within it is listed too, whole.
    """
    sessions = _reachable(request).filter(_chosen(filters))
    shown, following = page_of(_named(sessions), request, limit=filters.limit)
    now = timezone.now()
    return SessionPage(
        sessions=_sessions_out(shown, now=now),
        next=following,
    )


@router.get(
    "/{session_id}",
    response={200: SessionDetail, 404: Problem} | PROBLEMS,
    by_alias=True,
    openapi_extra=problem_examples(404, *PROBLEMS),
    summary="One voice session with its related ones",
)
def get_session(request: KeyedRequest, session_id: UUID) -> SessionDetail:
    """Gives one voice session, the visit that it is a part of, and the visit's other sessions."""
    session = _named(_reachable(request).select_related("visit")).filter(id=session_id).first()
    if session is None:
        raise NotFoundError(what="session")
    others = VoiceSession.objects.filter(visit_id=session.visit_id).exclude(id=session.id)
    related = list(_named(others).order_by("started_at", "id")[:MOST_RELATED])
    now = timezone.now()
    itself, *others_out = _sessions_out([session, *related], now=now)
    visit = session.visit
    counted = VoiceSession.objects.for_sums().filter(visit_id=visit.id)
    total = sum_of(part.measured(now=now) for part in counted)
    return SessionDetail(
        **dict(itself),
        visit=VisitOut(
            id=visit.id,
            started_at=visit.started_at,
            ended_at=visit.ended_at,
            first_channel_id=never_empty(visit.first_channel_id),
            last_channel_id=never_empty(visit.last_channel_id),
            duration_seconds=total.seconds,
            uncertainty_seconds=total.uncertainty,
        ),
        related=others_out,
    )


def _reachable(request: KeyedRequest) -> VoiceSessionQuerySet:
    """Confines to the guilds of the request's key."""
    sessions: VoiceSessionQuerySet = VoiceSession.objects.all()
    return within(sessions, guild_ids_of(request.auth))


def _named(sessions: "VoiceSessionQuerySet") -> "QuerySet[NamedSession]":
    """Adds the names, in the same statement.

    Subqueries, since what a session refers to may not be mirrored, and a join over a
    foreign key that is not null would leave the session out.
    """
    members = Member.objects.filter(guild_id=OuterRef("guild_id"), user_id=OuterRef("user_id"))
    named = sessions.annotate(
        guild_name=Subquery(Guild.objects.filter(id=OuterRef("guild_id")).values("name")),
        channel_name=Subquery(Channel.objects.filter(id=OuterRef("channel_id")).values("name")),
        member_name=Subquery(members.values("display_name")),
    )
    return cast("QuerySet[NamedSession]", named)


def _chosen(filters: SessionFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    for column in ("guild_id", "channel_id", "user_id", "visit_id"):
        value = getattr(filters, column)
        if value is not None:
            wanted &= Q(**{column: value})
    if filters.status:
        wanted &= Q(status__in=set(filters.status))
    if filters.until is not None:
        wanted &= Q(started_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(ended_at=None) | Q(ended_at__gt=filters.from_)
        if filters.from_ > _FIRST_BOUNDED:
            wanted &= Q(started_at__gt=filters.from_ - _LONGEST)
    if filters.cursor is not None:
        wanted &= filters.cursor.after()
    return wanted


def _sessions_out(sessions: "Sequence[NamedSession]", *, now: datetime) -> list[SessionOut]:
    """Tells of sessions; which events they belong to is asked once for all of them."""
    events = event_ids_of([session.id for session in sessions])
    return [_session_out(session, event_ids=events[session.id], now=now) for session in sessions]


def _session_out(session: "NamedSession", *, event_ids: list[UUID], now: datetime) -> SessionOut:
    end = session.ended_at
    stretches = {
        kind: _cut(getattr(session, kind), start=session.started_at, end=end)
        for kind in STRETCH_KINDS
    }
    if end is None:
        sums = {kind: session.seconds(kind, now=now) for kind in STRETCH_KINDS}
    else:
        sums = {kind: getattr(session, f"{kind}_seconds") for kind in STRETCH_KINDS}
    visit_query = urlencode({"visit_id": str(session.visit_id)})
    return SessionOut(
        id=session.id,
        visit_id=session.visit_id,
        guild_id=session.guild_id,
        guild_name=session.guild_name,
        channel_id=never_empty(session.channel_id),
        channel_name=session.channel_name,
        user_id=session.user_id,
        member_name=session.member_name,
        status=SessionStatus(session.status),
        is_counted=session.status != SessionStatus.CANCELLED,
        started_at=session.started_at,
        ended_at=end,
        last_seen_at=session.last_seen_at,
        duration_seconds=session.duration(now=now).total_seconds(),
        uncertainty_seconds=session.uncertainty,
        start_kind=StartKind(session.start_kind),
        end_reason=EndReason(session.end_reason) if session.end_reason else None,
        start_uncertainty=session.start_uncertainty,
        end_uncertainty=session.end_uncertainty,
        stretches=StretchesOut(
            **{
                kind: [StretchOut(from_=start, until=until) for start, until in parts]
                for kind, parts in stretches.items()
            }
        ),
        seconds=SumsOut(**sums),
        event_ids=event_ids,
        links=SessionLinks(
            self=reverse("api:get_session", kwargs={"session_id": session.id}),
            visit=f"{reverse('api:list_sessions')}?{visit_query}",
        ),
    )


def _cut(parts: list[Stretch], *, start: datetime, end: datetime | None) -> list[Stretch]:
    """Cuts stretches by their session; what is left of one that goes on still does."""
    cut = [
        (max(begin, start), until if end is None else min(until or end, end))
        for begin, until in parts
    ]
    return [(begin, until) for begin, until in cut if until is None or begin < until]
