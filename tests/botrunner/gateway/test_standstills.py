"""A bot that stands still within a transaction, which the server then ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.signals import connection_created

from botrunner.gateway.books import Books, Work
from botrunner.gateway.clock import Clock
from botrunner.gateway.writer import DatabaseAwayError, at_database
from community.domain.directory import DirectoryEvent, GuildRecord, GuildUpdated
from community.models import Guild, JobRun
from community.models.ids import new_id
from community.services import directory, leases
from sessions_app.domain.facts import VoiceChanged, VoicePresence
from sessions_app.domain.tracker import Tracker
from sessions_app.models import VoiceSession
from tests.botrunner.gateway.conftest import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = pytest.mark.django_db(transaction=True)

GUILD_ID = 5 << 22
STANDSTILL_SECONDS = 0.4


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    connection.close()
    connection_created.connect(leases.limit_standstill)
    yield
    connection_created.disconnect(leases.limit_standstill)
    connection.close()


def standing_still_once() -> Callable[[object], None]:
    pauses = [STANDSTILL_SECONDS + 0.3]

    def stand_still(_: object) -> None:
        if pauses:
            time.sleep(pauses.pop())

    return stand_still


def opened(within: Callable[[object], None] | None = None) -> Books:
    lease = leases.take(0, 1, holder="a", process="a test", now=now())
    return Books(lease=lease, tracker=Tracker(new_id=new_id), clock=Clock(), within=within)


def guild(name: str) -> GuildUpdated:
    record = GuildRecord(
        id=GUILD_ID,
        name=name,
        icon="",
        owner_id=None,
        afk_channel_id=None,
        afk_timeout=300,
        member_count=None,
    )
    return GuildUpdated(guild=record, at=now())


@pytest.mark.parametrize("has_events", [False, True])
def test_a_batch_in_which_the_bot_stood_still_is_written_again(
    monkeypatch: pytest.MonkeyPatch, has_events: bool
) -> None:
    """After a pipeline, PostgreSQL counts no idle time within a transaction."""
    monkeypatch.setattr(leases, "LONGEST_TRANSACTION_SECONDS", STANDSTILL_SECONDS)
    Guild.objects.create(id=GUILD_ID, name="Testers", voice_seen_at=now())
    books = opened(standing_still_once())
    joined = VoiceChanged(GUILD_ID, VoicePresence(7, 10, "v"), now())
    work = Work([guild("Others"), joined] if has_events else [joined], 1)

    with pytest.raises(DatabaseAwayError, match="transaction timeout"):
        books.write(work)
    assert not VoiceSession.objects.exists()
    books.write(work)

    assert VoiceSession.objects.get().status == "active"
    assert Guild.objects.get().name == ("Others" if has_events else "Testers")


def test_a_directory_in_which_the_bot_stood_still_is_not_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "STANDSTILL_SECONDS", STANDSTILL_SECONDS)
    Guild.objects.create(id=GUILD_ID, name="Testers", voice_seen_at=now())
    stand_still, apply = standing_still_once(), directory.apply

    def slow(events: Sequence[DirectoryEvent]) -> None:
        stand_still(None)
        apply(events)

    monkeypatch.setattr(directory, "apply", slow)
    books, work = opened(), Work([guild("Others")], 1)

    with pytest.raises(DatabaseAwayError, match="idle-in-transaction"):
        books.write(work)
    books.write(work)

    assert Guild.objects.get().name == "Others"
    assert "refused" not in caplog.text


def test_a_database_that_takes_no_writes_is_away() -> None:
    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            JobRun.objects.create(job="a test", started_at=now())

    with pytest.raises(DatabaseAwayError, match="read-only"):
        at_database(write)


def test_a_mistake_of_ours_is_no_database_that_is_away() -> None:
    def mistake() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM community_guild")

    with pytest.raises(DatabaseError, match="no_such_column"):
        at_database(mistake)
