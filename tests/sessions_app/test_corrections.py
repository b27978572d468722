from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection, transaction

from community.models import AuditEntry, OutboxItem
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services import correction_errors
from sessions_app.services.corrections import set_end, void_session
from tests.factories import (
    NOW,
    at,
    make_member,
    make_session,
    make_shard,
    make_visit,
    make_voice_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from community.models import Channel, Member

    Bot = Callable[[Callable[[OutboxItem], None]], None]

pytestmark = pytest.mark.django_db(transaction=True)


# Ended sessions ---------------------------------------------------------------------------


def test_void_keeps_the_end_and_leaves_a_trail(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)

    returned = void_session(session.pk, actor=actor, reason=" a test ", now=at(5))

    session.refresh_from_db()
    entry = AuditEntry.objects.get()
    assert returned == session
    assert (session.status, session.ended_at, session.end_reason) == (
        SessionStatus.CANCELLED,
        NOW,
        EndReason.LEFT,
    )
    assert (entry.action, entry.actor, entry.actor_name, entry.reason, entry.at) == (
        "session.void",
        actor,
        "sam",
        "a test",
        at(5),
    )
    assert (entry.target_kind, entry.target_id, entry.guild_id) == (
        "voicesession",
        str(session.pk),
        member.guild_id,
    )
    assert entry.before == {"status": "completed"}
    assert entry.after == {"status": "cancelled"}


def test_set_end_sums_the_stretches_anew_and_the_visit_follows(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(
        member,
        channel,
        status=SessionStatus.STALE,
        end_uncertainty=30.0,
        muted=[(at(-50), at(-40)), (at(-35), at(-10))],
        alone=[(at(-32), None)],
        camera=[(at(-20), at(-10))],
        camera_seconds=600.0,
    )

    set_end(session.pk, ended_at=at(-30), actor=actor, reason="left", now=at(5))

    session.refresh_from_db()
    assert (session.status, session.end_reason) == (SessionStatus.COMPLETED, EndReason.CORRECTED)
    assert (session.ended_at, session.end_uncertainty) == (at(-30), 0.0)
    assert (session.muted_seconds, session.alone_seconds) == (900.0, 120.0)
    assert session.camera_seconds == 0.0
    assert session.visit.ended_at == at(-30)
    entry = AuditEntry.objects.get()
    assert entry.before["ended_at"] == NOW.isoformat()
    assert entry.after["ended_at"] == at(-30).isoformat()


def test_set_end_later_brings_a_stretch_that_went_on_to_the_new_end(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel, alone=[(at(-10), None)], alone_seconds=600.0)

    set_end(session.pk, ended_at=at(3), actor=actor, reason="stayed", now=at(5))

    session.refresh_from_db()
    assert session.alone_seconds == 780.0
    assert session.visit.ended_at == at(3)


def test_set_end_within_a_visit_leaves_its_end_with_its_last_session(
    member: Member, channel: Channel, actor: User
) -> None:
    visit = make_visit(member, channel)
    first = make_session(member, channel, visit=visit, ended_at=at(-30))
    make_session(member, channel, visit=visit, started_at=at(-30))

    set_end(first.pk, ended_at=at(-40), actor=actor, reason="moved earlier", now=at(5))

    visit.refresh_from_db()
    assert visit.ended_at == NOW


def test_set_end_leaves_a_visit_under_way_while_a_session_of_it_goes_on(
    member: Member, channel: Channel, actor: User
) -> None:
    visit = make_visit(member, channel, ended_at=None)
    first = make_session(member, channel, visit=visit, ended_at=at(-30))
    make_session(member, channel, visit=visit, started_at=at(-30), ended_at=None)

    set_end(first.pk, ended_at=at(-40), actor=actor, reason="moved earlier", now=at(5))

    visit.refresh_from_db()
    assert visit.ended_at is None


# What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "error", "message"),
    [
        (-61, correction_errors.EndBeforeStartError, "start, 2026-11-20 12:00:00 CET"),
        (6, correction_errors.EndInFutureError, "in the future: it is 2026-11-20 13:05:00 CET now"),
        (4, correction_errors.EndAfterNextStartError, "next session, 2026-11-20 13:03:00 CET"),
    ],
)
def test_set_end_refuses_an_end_that_cannot_be(
    member: Member,
    channel: Channel,
    actor: User,
    minutes: int,
    error: type[correction_errors.CorrectionError],
    message: str,
) -> None:
    session = make_session(member, channel)
    voided = make_session(member, channel, started_at=at(1), ended_at=at(2))
    void_session(voided.pk, actor=actor, reason="not a limit", now=at(5))
    make_session(member, channel, started_at=at(3), ended_at=at(5))

    with pytest.raises(error, match=message):
        set_end(session.pk, ended_at=at(minutes), actor=actor, reason="why", now=at(5))

    session.refresh_from_db()
    assert session.ended_at == NOW
    assert AuditEntry.objects.count() == 1


def test_set_end_makes_no_session_longer_than_a_day(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel, started_at=at(-2000), ended_at=at(-1990))
    latest = at(-2000 + 24 * 60)

    with pytest.raises(correction_errors.EndTooLateError, match="2026-11-20 03:40:00 CET"):
        set_end(session.pk, ended_at=at(-2000 + 24 * 60 + 1), actor=actor, reason="why", now=NOW)
    set_end(session.pk, ended_at=latest, actor=actor, reason="they stayed", now=NOW)

    session.refresh_from_db()
    assert session.ended_at == latest


@pytest.mark.parametrize("minutes", [-60, 3])
def test_set_end_may_touch_its_limits(
    member: Member, channel: Channel, actor: User, minutes: int
) -> None:
    session = make_session(member, channel)
    make_session(member, channel, started_at=at(3), ended_at=at(5))

    set_end(session.pk, ended_at=at(minutes), actor=actor, reason="why", now=at(5))

    session.refresh_from_db()
    assert session.ended_at == at(minutes)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_correction_without_a_reason_is_refused(
    member: Member, channel: Channel, actor: User, reason: str
) -> None:
    session = make_session(member, channel)

    with pytest.raises(correction_errors.EmptyReasonError):
        void_session(session.pk, actor=actor, reason=reason, now=at(5))
    with pytest.raises(correction_errors.EmptyReasonError):
        set_end(session.pk, ended_at=NOW, actor=actor, reason=reason, now=at(5))

    assert not AuditEntry.objects.exists()


def test_a_voided_session_is_corrected_no_more(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)
    void_session(session.pk, actor=actor, reason="why", now=at(5))

    with pytest.raises(correction_errors.AlreadyCancelledError):
        void_session(session.pk, actor=actor, reason="why", now=at(5))
    with pytest.raises(correction_errors.AlreadyCancelledError):
        set_end(session.pk, ended_at=NOW, actor=actor, reason="why", now=at(5))

    assert AuditEntry.objects.count() == 1


def test_a_session_that_is_not_there_is_named(actor: User) -> None:
    missing = uuid4()

    with pytest.raises(correction_errors.NoSuchSessionError, match=str(missing)):
        void_session(missing, actor=actor, reason="why", now=NOW)


# Live sessions where no bot runs ----------------------------------------------------------


def test_void_of_a_live_session_ends_it_where_the_member_was_last_seen(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(
        member, channel, ended_at=None, last_seen_at=at(-2), muted=[(at(-12), None)]
    )
    state = make_voice_state(session)

    void_session(session.pk, actor=actor, reason="why", now=at(1))

    session.refresh_from_db()
    state.refresh_from_db()
    assert (session.status, session.ended_at, session.end_reason) == (
        SessionStatus.CANCELLED,
        at(-2),
        EndReason.CORRECTED,
    )
    assert session.end_uncertainty == 180.0
    assert session.muted_seconds == 600.0
    assert session.visit.ended_at == at(-2)
    assert state.session is None


def test_set_end_of_a_live_session_leaves_the_member_there(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel, ended_at=None)
    other = make_session(make_member(member.guild, "Noor"), channel, ended_at=None)
    make_voice_state(session)
    make_voice_state(other)
    make_shard(member.guild, stopped_at=NOW)

    set_end(session.pk, ended_at=at(-3), actor=actor, reason="why", now=at(1))

    session.refresh_from_db()
    assert (session.status, session.ended_at) == (SessionStatus.COMPLETED, at(-3))
    assert session.visit.ended_at == at(-3)
    assert set(VoiceState.objects.values_list("user_id", "session")) == {
        (session.user_id, None),
        (other.user_id, other.pk),
    }
    assert not OutboxItem.objects.exists()


# Two at once ------------------------------------------------------------------------------


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Runs calls in threads that start together; gives their results or errors."""
    together = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        together.wait(timeout=5)
        try:
            return call()
        except correction_errors.CorrectionError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_voids_at_once_are_one_void(member: Member, channel: Channel, actor: User) -> None:
    session = make_session(member, channel, ended_at=None)

    results = at_once(*[lambda: void_session(session.pk, actor=actor, reason="why", now=at(1))] * 4)

    refused = [r for r in results if isinstance(r, correction_errors.AlreadyCancelledError)]
    assert len(refused) == 3
    assert AuditEntry.objects.count() == 1


def test_two_ends_at_once_leave_a_trail_that_adds_up(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)

    at_once(
        lambda: set_end(session.pk, ended_at=at(-10), actor=actor, reason="a", now=at(1)),
        lambda: set_end(session.pk, ended_at=at(-20), actor=actor, reason="b", now=at(1)),
    )

    session.refresh_from_db()
    entries = AuditEntry.objects.all()
    [first] = [entry for entry in entries if entry.before["ended_at"] == NOW.isoformat()]
    [second] = [entry for entry in entries if entry != first]
    assert second.before["ended_at"] == first.after["ended_at"]
    assert session.ended_at is not None
    assert second.after["ended_at"] == session.ended_at.isoformat()


def test_a_correction_waits_for_whoever_holds_the_session(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            held = VoiceSession.objects.select_for_update().get(pk=session.pk)
            waiting = pool.submit(
                at_once, lambda: void_session(session.pk, actor=actor, reason="why", now=at(1))
            )
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.4)
            held.status = SessionStatus.CANCELLED
            held.save()
        [result] = waiting.result(timeout=5)

    assert isinstance(result, correction_errors.AlreadyCancelledError)


def test_a_correction_locks_in_the_order_in_which_the_bot_writes(
    member: Member, channel: Channel, actor: User
) -> None:
    """The session before its visit: with both orders, each could wait for the other."""
    session = make_session(member, channel)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            VoiceSession.objects.filter(pk=session.pk).update(last_seen_at=NOW)
            waiting = pool.submit(
                at_once, lambda: void_session(session.pk, actor=actor, reason="why", now=at(1))
            )
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.4)
            Visit.objects.filter(pk=session.visit_id).update(ended_at=NOW)
        [result] = waiting.result(timeout=5)

    assert isinstance(result, VoiceSession)
    assert result.status == SessionStatus.CANCELLED
