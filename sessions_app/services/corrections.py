"""What staff correct: a session voided, an end set, each with a reason and a trail.

An ended session is corrected at once. A live one is also in the memory of the bot that
serves its guild, so that bot is asked (:mod:`community.services.outbox`) and does it in
the order of its facts; where no bot runs, the database is all there is.

The bot's side of it: :func:`to_fact` for each pending item of :data:`KINDS`, the fact to
the tracker, and in the transaction that has written the batch :func:`settle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q

from community.models import AuditEntry, Guild, OutboxItem, OutboxState
from community.services import audit, outbox
from sessions_app import registry
from sessions_app.domain.changes import STRETCH_KINDS
from sessions_app.domain.facts import LONGEST_SESSION_SECONDS, SessionEndSet, SessionVoided
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services.correction_errors import (
    AlreadyCancelledError,
    BotRefusedError,
    BotSilentError,
    CorrectionError,
    EmptyReasonError,
    EndAfterNextStartError,
    EndBeforeStartError,
    EndInFutureError,
    EndTooLateError,
    NoSuchSessionError,
    NotTrackedError,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.domain.errors import RollcallError

VOID: Final = "session.void"
SET_END: Final = "session.set_end"
KINDS: Final = frozenset({VOID, SET_END})
"""The kinds of outbox items that are corrections."""

ANSWER_SECONDS: Final = 10.0
"""How long staff wait for the bot."""


@dataclass(frozen=True, slots=True)
class _Correction:
    """What is asked: to void a session, or (``kind`` is ``SET_END``) to set its end."""

    kind: str
    session_id: UUID
    reason: str
    ended_at: datetime | None = None

    def payload(self, *, actor: User) -> dict[str, Any]:
        payload = {"session_id": str(self.session_id), "reason": self.reason, "actor_id": actor.pk}
        if self.ended_at is not None:
            payload["ended_at"] = self.ended_at.isoformat()
        return payload

    @classmethod
    def of(cls, item: OutboxItem) -> _Correction:
        payload = item.payload
        ended_at = payload.get("ended_at")
        return cls(
            kind=item.kind,
            session_id=UUID(payload["session_id"]),
            reason=payload["reason"],
            ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
        )


def void_session(session_id: UUID, *, actor: User, reason: str, now: datetime) -> VoiceSession:
    """Voids a session: it is kept, and counts nowhere.

    An ended session keeps its end. One that goes on ends when the bot voids it or, where
    no bot runs, at the latest instant at which the member was seen to be there, since
    nothing after it is known; the uncertainty then reaches to ``now``. Not to be called
    in a transaction.

    Returns:
        The session as it stands.

    Raises:
        CorrectionError: one of its kinds, saying why not.
    """
    return _correct(_Correction(VOID, session_id, reason.strip()), actor=actor, now=now)


def set_end(
    session_id: UUID, *, ended_at: datetime, actor: User, reason: str, now: datetime
) -> VoiceSession:
    """Sets a session's end, which from then on no observation changes.

    Stretches stay as they were observed; the seconds beside them are summed anew, cut to
    the session. The visit's end follows. Not to be called in a transaction.

    Args:
        session_id: the session, which may have ended or go on.
        ended_at: from its start to ``now``, to a day after the start, and to the start of
            the member's next session in the guild; an end that it had is no limit.
        actor: who asks.
        reason: why, in the actor's words.
        now: the time of asking.

    Returns:
        The session as it stands.

    Raises:
        CorrectionError: one of its kinds, saying why not.
    """
    correction = _Correction(SET_END, session_id, reason.strip(), ended_at.astimezone(UTC))
    return _correct(correction, actor=actor, now=now)


def _correct(correction: _Correction, *, actor: User, now: datetime) -> VoiceSession:
    with transaction.atomic():
        session = _locked(correction.session_id)
        _check(session, correction, now=now)
        is_live = session.status == SessionStatus.ACTIVE
        if not is_live or not outbox.is_served(session.guild_id, now=now):
            _apply(session, correction, actor=actor, now=now)
            return session

    item = outbox.ask(
        correction.kind,
        guild_id=session.guild_id,
        payload=correction.payload(actor=actor),
        now=now,
    )
    outbox.wait_for_answer(item, seconds=ANSWER_SECONDS)
    if item.state == OutboxState.PENDING:
        raise BotSilentError(seconds=ANSWER_SECONDS)
    if item.state == OutboxState.REFUSED:
        raise BotRefusedError(message=str(item.answer.get("message", "")).rstrip("."))
    session.refresh_from_db()
    return session


# The bot's side ---------------------------------------------------------------------------


def to_fact(item: OutboxItem, *, at: datetime) -> SessionVoided | SessionEndSet:
    """Turns an item of :data:`KINDS` into the tracker's fact; reads no database.

    Args:
        item: a pending item.
        at: the fact's place in the order of facts: now.
    """
    correction = _Correction.of(item)
    if correction.ended_at is None:
        return SessionVoided(item.guild_id, correction.session_id, at)
    return SessionEndSet(item.guild_id, correction.session_id, correction.ended_at, at)


def settle(item: OutboxItem, *, now: datetime) -> None:
    """Answers a correction once the batch with its fact has been written.

    To be called in the transaction that wrote the batch, so that the change, its audit
    entry and the answer are one. Where the session had ended before the fact came to it,
    the tracker has left it alone, and it is corrected here as an ended one. Doing it
    twice does nothing.
    """
    with transaction.atomic():
        locked = OutboxItem.objects.select_for_update().get(pk=item.pk)
        if locked.state != OutboxState.PENDING:
            return
        try:
            session = _carried_out(locked, now=now)
        except CorrectionError as error:
            refuse(locked, error, now=now)
            return
        outbox.answer(
            locked,
            state=OutboxState.DONE,
            answer={"status": session.status, "ended_at": _text(session.ended_at)},
            now=now,
        )


def refuse(item: OutboxItem, error: RollcallError, *, now: datetime) -> None:
    """Answers a correction that cannot be done with the reason why."""
    outbox.answer(
        item,
        state=OutboxState.REFUSED,
        answer={"code": error.code, "message": str(error)},
        now=now,
    )


def _carried_out(item: OutboxItem, *, now: datetime) -> VoiceSession:
    correction = _Correction.of(item)
    actor = get_user_model().objects.filter(pk=item.payload["actor_id"]).first()
    session = _locked(correction.session_id)
    if session.status == SessionStatus.ACTIVE:
        raise NotTrackedError
    if not _is_done_by_tracker(session, correction):
        _check(session, correction, now=now)
        _apply(session, correction, actor=actor, now=now)
        return session

    before = {"status": SessionStatus.ACTIVE, "ended_at": None, "end_reason": ""}
    _record(session, correction, before=before, actor=actor, now=now)
    return session


def _is_done_by_tracker(session: VoiceSession, correction: _Correction) -> bool:
    """Tells whether the row is as asked and no earlier correction has made it so."""
    if correction.ended_at is None:
        is_as_asked = session.status == SessionStatus.CANCELLED
    else:
        is_as_asked = (
            session.end_reason == EndReason.CORRECTED
            and session.status == SessionStatus.COMPLETED
            and session.ended_at == correction.ended_at
        )
    return (
        is_as_asked
        and not AuditEntry.objects.filter(
            target_kind=VoiceSession._meta.model_name,
            target_id=str(session.pk),
        ).exists()
    )


# Doing it ---------------------------------------------------------------------------------


def _locked(session_id: UUID) -> VoiceSession:
    """Locks a session, then its visit: the order in which the bot writes them."""
    session = (
        VoiceSession.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=session_id)
        .order_by()
        .first()
    )
    if session is None:
        raise NoSuchSessionError(session_id=session_id)
    session.visit = Visit.objects.select_for_update(of=("self",), no_key=True).get(
        pk=session.visit_id
    )
    return session


def _check(session: VoiceSession, correction: _Correction, *, now: datetime) -> None:
    if not correction.reason:
        raise EmptyReasonError
    if session.status == SessionStatus.CANCELLED:
        raise AlreadyCancelledError
    if correction.ended_at is None:
        return

    guild = Guild.objects.filter(pk=session.guild_id).first()
    zone = guild.zone if guild else UTC
    if correction.ended_at < session.started_at:
        raise EndBeforeStartError(started_at=session.started_at.astimezone(zone))
    if correction.ended_at > now:
        raise EndInFutureError(now=now.astimezone(zone))
    latest = session.started_at + timedelta(seconds=LONGEST_SESSION_SECONDS)
    if correction.ended_at > latest:
        raise EndTooLateError(latest=latest.astimezone(zone))
    following = next_session(session)
    if following is not None and correction.ended_at > following.started_at:
        raise EndAfterNextStartError(next=following.started_at.astimezone(zone))


def next_session(session: VoiceSession) -> VoiceSession | None:
    """Finds the member's next session in the guild; what staff voided is passed over."""
    return (
        VoiceSession.objects.counted()
        .filter(
            Q(started_at__gt=session.started_at)
            | Q(started_at=session.started_at, pk__gt=session.pk),
            guild_id=session.guild_id,
            user_id=session.user_id,
        )
        .order_by("started_at", "id")
        .first()
    )


def _apply(
    session: VoiceSession, correction: _Correction, *, actor: User | None, now: datetime
) -> None:
    """Changes a locked and checked session in the database alone."""
    before = _state(session)
    was_live = session.status == SessionStatus.ACTIVE
    if correction.ended_at is not None:
        session.status = SessionStatus.COMPLETED
        session.ended_at = correction.ended_at
        session.end_reason = EndReason.CORRECTED
        session.end_uncertainty = 0.0
    else:
        session.status = SessionStatus.CANCELLED
        if was_live:
            session.ended_at = max(session.last_seen_at, session.started_at)
            session.end_reason = EndReason.CORRECTED
            session.end_uncertainty = max((now - session.ended_at).total_seconds(), 0.0)
    for kind in STRETCH_KINDS:
        setattr(session, f"{kind}_seconds", session.seconds(kind, now=now))
    session.save(
        update_fields=[
            "status",
            "ended_at",
            "end_reason",
            "end_uncertainty",
            *(f"{kind}_seconds" for kind in STRETCH_KINDS),
        ]
    )

    if was_live:
        VoiceState.objects.filter(session=session).update(session=None)
    _let_visit_follow(session.visit)
    registry.tell_of_sessions(changed=[session.pk])
    _record(session, correction, before=before, actor=actor, now=now)


def _let_visit_follow(visit: Visit) -> None:
    """Ends a visit with the last of its sessions, voided ones included, once none is live."""
    ends = list(visit.sessions.order_by().values_list("ended_at", flat=True))
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return
    visit.ended_at = max(known)
    visit.save(update_fields=["ended_at"])


def _record(
    session: VoiceSession,
    correction: _Correction,
    *,
    before: dict[str, Any],
    actor: User | None,
    now: datetime,
) -> None:
    after = _state(session)
    changed = [name for name in after if before.get(name) != after[name]]
    audit.record(
        actor=actor,
        action=correction.kind,
        target=session,
        guild_id=session.guild_id,
        reason=correction.reason,
        before={name: before.get(name) for name in changed},
        after={name: after[name] for name in changed},
        at=now,
    )


def _state(session: VoiceSession) -> dict[str, Any]:
    return {
        "status": str(session.status),
        "ended_at": session.ended_at,
        "end_reason": str(session.end_reason),
        "end_uncertainty": session.end_uncertainty,
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
