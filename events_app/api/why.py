"""``/api/events/{id}/participation/{user_id}``: why a member is credited with what they are."""

from uuid import UUID

from django.utils import timezone
from ninja import Field, Router, Schema

from community.api.authentication import KeyedRequest
from community.api.fields import Moment, SnowflakeInput, SnowflakeText, UuidText
from community.models import Member, RoleSpan
from events_app.api.credit_schemas import CreditOut, credit_out
from events_app.api.events import READ
from events_app.api.participation_schemas import (
    EventBrief,
    ParticipationOut,
    event_brief,
    participation_columns,
)
from events_app.api.problems import FOUND, examples, refusals_told
from events_app.api.reach import event_of
from events_app.domain.counting import Piece, Why
from events_app.models import Participation
from events_app.services.why import Explanation, explain_member
from sessions_app.models import BlindGap, GapCause, SessionStatus, VoiceSession
from sessions_app.models.channel_ids import never_empty

router = Router(tags=["participation"], auth=READ)


class PieceOut(Schema):
    """A stretch of the window, and why it counts or does not."""

    from_: Moment = Field(serialization_alias="from")
    until: Moment
    seconds: float
    why: Why
    counts: bool
    session_id: UuidText | None = Field(description="Null where the member was in none.")
    channel_id: SnowflakeText | None


class RoleSpanOut(Schema):
    """When a role that the event names was held."""

    role_id: SnowflakeText
    from_: Moment = Field(serialization_alias="from")
    until: Moment | None = Field(description="Null while it is held.")


class WhyGapOut(Schema):
    """A stretch in which nobody watched."""

    id: UuidText
    from_: Moment = Field(serialization_alias="from")
    until: Moment
    cause: GapCause


class WhySessionOut(Schema):
    """A voice session about the window."""

    id: UuidText
    channel_id: SnowflakeText
    started_at: Moment
    ended_at: Moment | None = Field(description="Null while it goes on.")
    status: SessionStatus = Field(description="Voided ones (cancelled) count nowhere.")
    uncertainty_seconds: float


class ExplanationOut(Schema):
    """One member's time in one event, and all that it comes from."""

    event: EventBrief
    user_id: SnowflakeText
    participation: ParticipationOut | None = Field(description="Null where they took no part.")
    pieces: list[PieceOut] = Field(
        description="The window as far as it is over, piece by piece, in order."
    )
    roles: list[RoleSpanOut]
    gaps: list[WhyGapOut]
    credits: list[CreditOut] = Field(
        description="What staff decided, the latest first; what was withdrawn, too."
    )
    sessions: list[WhySessionOut]


@router.get(
    "/{event_id}/participation/{user_id}",
    response={200: ExplanationOut} | FOUND,
    by_alias=True,
    openapi_extra=examples(FOUND),
    summary="Why a member is credited with what they are",
)
def explain_participation(
    request: KeyedRequest, event_id: UUID, user_id: SnowflakeInput
) -> ExplanationOut:
    """Tells of each second of an event why it counts for a member or does not.

    Of somebody who was never there the pieces say so, and `participation` is null.
    """
    event = event_of(request, event_id)
    with refusals_told():
        found = explain_member(event.pk, user_id, now=timezone.now())
    member = Member.objects.filter(guild_id=event.guild_id, user_id=user_id).first()
    return _explanation_out(found, name=member.display_name if member else None)


def _explanation_out(found: Explanation, *, name: str | None) -> ExplanationOut:
    row = found.participation
    return ExplanationOut(
        event=event_brief(found.event),
        user_id=found.user_id,
        participation=None if row is None else _participation_out(row, name=name),
        pieces=[_piece_out(piece) for piece in found.pieces],
        roles=[_role_out(span) for span in found.roles],
        gaps=[_gap_out(gap) for gap in found.gaps],
        credits=[credit_out(credit) for credit in found.credits],
        sessions=[_session_out(session) for session in found.sessions],
    )


def _participation_out(row: Participation, *, name: str | None) -> ParticipationOut:
    return ParticipationOut(**participation_columns(row, name=name))


def _piece_out(piece: Piece) -> PieceOut:
    return PieceOut(
        from_=piece.began,
        until=piece.ended,
        seconds=piece.seconds,
        why=piece.why,
        counts=piece.counts,
        session_id=None if piece.stay is None else piece.stay.session_id,
        channel_id=None if piece.stay is None else piece.stay.channel_id,
    )


def _role_out(span: RoleSpan) -> RoleSpanOut:
    return RoleSpanOut(role_id=span.role_id, from_=span.started_at, until=span.ended_at)


def _gap_out(gap: BlindGap) -> WhyGapOut:
    return WhyGapOut(id=gap.id, from_=gap.began_at, until=gap.ended_at, cause=GapCause(gap.cause))


def _session_out(session: VoiceSession) -> WhySessionOut:
    return WhySessionOut(
        id=session.id,
        channel_id=never_empty(session.channel_id),
        started_at=session.started_at,
        ended_at=session.ended_at,
        status=SessionStatus(session.status),
        uncertainty_seconds=session.uncertainty,
    )
