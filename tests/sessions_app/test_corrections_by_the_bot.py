from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from community.models import AuditEntry, OutboxItem, OutboxState
from community.services import outbox
from sessions_app.domain.facts import SessionEndSet, SessionVoided
from sessions_app.models import EndReason, SessionStatus, VoiceSession
from sessions_app.services import correction_errors, corrections
from sessions_app.services.corrections import set_end, void_session
from tests.factories import (
    NOW,
    at,
    make_session,
    make_shard,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

    from community.models import Channel, Guild, Member

    Bot = Callable[[Callable[[OutboxItem], None]], None]

pytestmark = pytest.mark.django_db(transaction=True)


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

    bot(lambda item: corrections.refuse(item, correction_errors.NotTrackedError(), now=at(1)))
    with pytest.raises(correction_errors.BotRefusedError, match="refused: The bot does not know"):
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

    with pytest.raises(correction_errors.BotSilentError, match=r"within 0\.2 s; the request stays"):
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
