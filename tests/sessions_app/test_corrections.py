from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection, transaction

from community.models import AuditEntry, OutboxItem, OutboxState
from community.services import outbox
from sessions_app.domain.facts import SessionEndSet, SessionVoided
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services import corrections
from sessions_app.services.corrections import set_end, void_session
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_shard,
    make_user,
    make_visit,
    make_voice_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

    from community.models import Channel, Guild, Member

    Bot = Callable[[Callable[[OutboxItem], None]], None]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def actor() -> User:
    return make_user("sam")


@pytest.fixture
def guild() -> Guild:
    return make_guild(time_zone="Europe/Berlin")


@pytest.fixture
def channel(guild: Guild) -> Channel:
    return make_channel(guild)


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


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
        (-61, corrections.EndBeforeStartError, "start, 2026-11-20 12:00:00 CET"),
        (6, corrections.EndInFutureError, "in the future: it is 2026-11-20 13:05:00 CET now"),
        (4, corrections.EndAfterNextStartError, "next session, 2026-11-20 13:03:00 CET"),
    ],
)
def test_set_end_refuses_an_end_that_cannot_be(
    member: Member,
    channel: Channel,
    actor: User,
    minutes: int,
    error: type[corrections.CorrectionError],
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

    with pytest.raises(corrections.EmptyReasonError):
        void_session(session.pk, actor=actor, reason=reason, now=at(5))
    with pytest.raises(corrections.EmptyReasonError):
        set_end(session.pk, ended_at=NOW, actor=actor, reason=reason, now=at(5))

    assert not AuditEntry.objects.exists()


def test_a_voided_session_is_corrected_no_more(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)
    void_session(session.pk, actor=actor, reason="why", now=at(5))

    with pytest.raises(corrections.AlreadyCancelledError):
        void_session(session.pk, actor=actor, reason="why", now=at(5))
    with pytest.raises(corrections.AlreadyCancelledError):
        set_end(session.pk, ended_at=NOW, actor=actor, reason="why", now=at(5))

    assert AuditEntry.objects.count() == 1


def test_a_session_that_is_not_there_is_named(actor: User) -> None:
    missing = uuid4()

    with pytest.raises(corrections.NoSuchSessionError, match=str(missing)):
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
        except corrections.CorrectionError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_two_voids_at_once_are_one_void(member: Member, channel: Channel, actor: User) -> None:
    session = make_session(member, channel, ended_at=None)

    results = at_once(*[lambda: void_session(session.pk, actor=actor, reason="why", now=at(1))] * 4)

    refused = [r for r in results if isinstance(r, corrections.AlreadyCancelledError)]
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

    assert isinstance(result, corrections.AlreadyCancelledError)


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


# Live sessions where a bot runs -----------------------------------------------------------


@pytest.fixture
def bot(guild: Guild) -> Iterator[Bot]:
    """A bot of the guild's shard: a thread that handles the first item that it finds."""
    shard = make_shard(guild)
    over = threading.Event()
    threads = []

    def serve(handle: Callable[[OutboxItem], None]) -> None:
        def run() -> None:
            try:
                while not over.wait(0.02):
                    items = outbox.pending(shard_id=shard.shard_id, shard_count=shard.shard_count)
                    for item in items:
                        with transaction.atomic():
                            handle(item)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()

    yield serve
    over.set()
    for thread in threads:
        thread.join(timeout=5)


def write_as_tracker(fact: SessionVoided | SessionEndSet) -> None:
    """Writes what the tracker and ingest make of a correction of a live session."""
    is_void = isinstance(fact, SessionVoided)
    live = VoiceSession.objects.active().filter(pk=fact.session_id)
    live.update(
        status=SessionStatus.CANCELLED if is_void else SessionStatus.COMPLETED,
        ended_at=fact.at if isinstance(fact, SessionVoided) else fact.ended_at,
        end_reason=EndReason.CORRECTED,
    )


def test_a_live_session_is_voided_by_the_bot(
    member: Member, channel: Channel, actor: User, bot: Bot
) -> None:
    session = make_session(member, channel, ended_at=None)

    def handle(item: OutboxItem) -> None:
        write_as_tracker(corrections.to_fact(item, at=at(2)))
        corrections.settle(item, now=at(2))

    bot(handle)
    returned = void_session(session.pk, actor=actor, reason="why", now=NOW)

    item = OutboxItem.objects.get()
    entry = AuditEntry.objects.get()
    assert (returned.status, returned.ended_at) == (SessionStatus.CANCELLED, at(2))
    assert (item.kind, item.guild_id, item.state) == (
        "session.void",
        member.guild_id,
        OutboxState.DONE,
    )
    assert (entry.action, entry.actor, entry.reason) == ("session.void", actor, "why")
    assert entry.before["status"] == "active"
    assert entry.after["ended_at"] == at(2).isoformat()


def test_a_live_sessions_end_is_set_by_the_bot(
    member: Member, channel: Channel, actor: User, bot: Bot
) -> None:
    session = make_session(member, channel, ended_at=None)
    facts = []

    def handle(item: OutboxItem) -> None:
        facts.append(corrections.to_fact(item, at=at(2)))
        write_as_tracker(facts[-1])
        corrections.settle(item, now=at(2))

    bot(handle)
    returned = set_end(session.pk, ended_at=at(-5), actor=actor, reason="why", now=NOW)

    assert facts == [SessionEndSet(member.guild_id, session.pk, at(-5), at(2))]
    assert (returned.status, returned.ended_at) == (SessionStatus.COMPLETED, at(-5))
    assert AuditEntry.objects.get().action == "session.set_end"


def test_the_bots_refusal_reaches_whoever_asked(
    member: Member, channel: Channel, actor: User, bot: Bot
) -> None:
    session = make_session(member, channel, ended_at=None)

    bot(lambda item: corrections.refuse(item, corrections.NotTrackedError(), now=at(1)))
    with pytest.raises(corrections.BotRefusedError, match="refused: The bot does not know"):
        void_session(session.pk, actor=actor, reason="why", now=NOW)

    session.refresh_from_db()
    assert session.status == SessionStatus.ACTIVE
    assert not AuditEntry.objects.exists()


def test_a_silent_bot_is_said_and_the_request_stays(
    member: Member, channel: Channel, actor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session(member, channel, ended_at=None)
    make_shard(member.guild)
    monkeypatch.setattr(corrections, "ANSWER_SECONDS", 0.2)

    with pytest.raises(corrections.BotSilentError, match=r"within 0\.2 s; the request stays"):
        void_session(session.pk, actor=actor, reason="why", now=NOW)

    session.refresh_from_db()
    assert session.status == SessionStatus.ACTIVE
    assert OutboxItem.objects.get().state == OutboxState.PENDING


def ask_void(session: VoiceSession, actor: User) -> OutboxItem:
    return outbox.ask(
        corrections.VOID,
        guild_id=session.guild_id,
        payload={"session_id": str(session.pk), "reason": "why", "actor_id": actor.pk},
        now=NOW,
    )


def test_settle_corrects_a_session_that_ended_before_the_fact_came(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel)
    item = ask_void(session, actor)

    corrections.settle(item, now=at(1))

    session.refresh_from_db()
    item.refresh_from_db()
    assert (session.status, session.ended_at) == (SessionStatus.CANCELLED, NOW)
    assert item.state == OutboxState.DONE
    assert AuditEntry.objects.get().before == {"status": "completed"}


def test_settle_refuses_the_second_of_two_voids(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel, ended_at=None)
    first, second = ask_void(session, actor), ask_void(session, actor)
    write_as_tracker(corrections.to_fact(first, at=at(1)))

    corrections.settle(first, now=at(1))
    corrections.settle(second, now=at(1))

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (OutboxState.DONE, OutboxState.REFUSED)
    assert second.answer["code"] == "already_cancelled"
    assert AuditEntry.objects.count() == 1


def test_settle_twice_leaves_one_entry(member: Member, channel: Channel, actor: User) -> None:
    item = ask_void(make_session(member, channel), actor)

    corrections.settle(item, now=at(1))
    corrections.settle(item, now=at(2))

    item.refresh_from_db()
    assert item.answered_at == at(1)
    assert AuditEntry.objects.count() == 1


def test_settle_refuses_what_the_tracker_left_alone(
    member: Member, channel: Channel, actor: User
) -> None:
    session = make_session(member, channel, ended_at=None)
    item = ask_void(session, actor)

    corrections.settle(item, now=at(1))

    item.refresh_from_db()
    assert (item.state, item.answer["code"]) == (OutboxState.REFUSED, "not_tracked")


def test_settle_knows_an_actor_whose_account_is_gone(
    member: Member, channel: Channel, actor: User
) -> None:
    item = ask_void(make_session(member, channel), actor)
    actor.delete()

    corrections.settle(item, now=at(1))

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.reason) == (None, "why")
