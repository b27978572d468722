"""What an import writes, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from community.models import Guild, JobRun
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession
from sessions_app.services.health import check_health
from sessions_app.services.import_sql import only_import
from tests.factories import make_guild, make_member, make_session_of, make_voice_state
from tests.sessions_app.import_files import (
    GUILD,
    JUNO,
    LOUNGE,
    MIRA,
    STAGE,
    minute,
    row,
    run,
    table,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _guild() -> None:
    make_guild(id=GUILD)


def make_session(start: float, end: float | None, **columns: Any) -> VoiceSession:
    """A session of Mira's that is there before the import."""
    return make_session_of(
        columns.pop("user_id", MIRA),
        guild_id=GUILD,
        channel_id=LOUNGE,
        started_at=minute(start),
        ended_at=None if end is None else minute(end),
        last_seen_at=minute(start if end is None else end),
        **columns,
    )


def lines_refused(output: str) -> list[str]:
    return [line.strip() for line in output.splitlines() if line.startswith("  line ")]


def test_rows_come_in_with_all_that_a_session_has(tmp_path: Path) -> None:
    rows = [row(0, 10), row(10, 30, channel_id=str(STAGE)), row(60, 90)]

    done = run(written(tmp_path, rows))

    assert (done.status, done.message, done.errors) == (0, "", "")
    assert "3 added, as 3 sessions in 2 visits" in done.output
    first, second, third = VoiceSession.objects.order_by("started_at")
    assert first.visit_id == second.visit_id != third.visit_id
    assert (first.guild_id, first.user_id, first.channel_id) == (GUILD, MIRA, LOUNGE)
    assert {(one.status, one.end_reason) for one in (first, second, third)} == {
        (SessionStatus.COMPLETED, EndReason.IMPORTED)
    }
    assert (second.started_at, second.entered_at) == (minute(10), minute(10))
    assert (second.ended_at, second.last_seen_at) == (minute(30), minute(30))
    assert (second.start_uncertainty, second.end_uncertainty) == (0, 0)
    assert (second.muted, second.alone, second.alone_seconds) == ([], [], 0)
    visit = first.visit
    assert (visit.started_at, visit.ended_at) == (minute(0), minute(30))
    assert (visit.first_channel_id, visit.last_channel_id) == (LOUNGE, STAGE)


def test_row_without_an_end_is_stale_and_no_cause_for_alarm(tmp_path: Path) -> None:
    make_session(1_000, 1_060)
    rows = [row(0), row(980, last_seen_at=minute(985).isoformat()), row(5_000)]

    done = run(written(tmp_path, [{"last_seen_at": ""} | one for one in rows]))

    assert done.status == 0
    assert "3 of them have no end and are stale" in done.output
    stale = VoiceSession.objects.filter(status=SessionStatus.STALE).order_by("started_at")
    assert [(one.ended_at, one.end_uncertainty) for one in stale] == [
        (minute(0), 980 * 60),
        (minute(985), 15 * 60),
        (minute(5_000), 86_400),
    ]
    assert {one.end_reason for one in stale} == {EndReason.IMPORTED}
    health = check_health(now=minute(5_001), checkpoint_every=timedelta(minutes=1))
    assert health.stale_sessions == 0


def test_row_longer_than_a_day_becomes_sessions_of_one_visit(tmp_path: Path) -> None:
    done = run(written(tmp_path, [row(0, 60 * 50)]))

    assert "1 added, as 3 sessions in 1 visits" in done.output
    sessions = VoiceSession.objects.order_by("started_at")
    assert [one.end_reason for one in sessions] == ["capped", "capped", "imported"]
    assert [one.ended_at for one in sessions] == [minute(1440), minute(2880), minute(3000)]
    assert Visit.objects.get().ended_at == minute(3000)


@pytest.mark.parametrize("name", ["old.csv", "old.jsonl"])
def test_second_import_of_the_same_file_adds_nothing(tmp_path: Path, name: str) -> None:
    rows = [row(0, 10), row(5, 20), row(30), row(100, 5_000), row(30, user_id=str(JUNO))]
    path = written(tmp_path, rows, name)
    first = run(path)
    before = table()

    again = run(path, "--chunk", "1")

    assert (first.status, again.status) == (1, 1)
    assert "4 added" in first.output
    assert "0 added" in again.output
    assert "4 there already" in again.output
    assert table() == before
    assert lines_refused(first.output)[0].partition(": ")[2].startswith("It overlaps line ")
    assert lines_refused(again.output)[0].partition(": ")[2].startswith("It overlaps a session ")


def test_later_export_adds_what_is_new_and_changes_nothing(tmp_path: Path) -> None:
    run(written(tmp_path, [row(10, 20), row(50)]))
    before = set(VoiceSession.objects.values_list("id", "visit_id", "ended_at", "status"))

    done = run(written(tmp_path, [row(0, 10), row(10, 20), row(20, 30), row(50, 60)]))

    assert done.status == 0
    assert "2 added" in done.output
    after = set(VoiceSession.objects.values_list("id", "visit_id", "ended_at", "status"))
    assert before < after
    assert Visit.objects.count() == 4


def test_same_rows_in_another_order_and_format_are_there_already(tmp_path: Path) -> None:
    rows = [row(0, 10), row(10, 20), row(30, 40, user_id=str(JUNO))]
    run(written(tmp_path, rows))
    before = table()
    turned = [one | {"started_at": one["started_at"].replace("+00:00", "Z")} for one in rows]

    done = run(written(tmp_path, reversed(turned), "old.jsonl"))

    assert "3 there already" in done.output
    assert table() == before


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1_000])
def test_nothing_depends_on_the_chunk(tmp_path: Path, chunk: int) -> None:
    """Visits of many rows, overlaps and long rows lie across every border that there can be."""
    rows = [
        row(start, start + length, user_id=str(user_id), channel_id=str(LOUNGE + start))
        for start, length in [(0, 10), (10, 10), (20, 5), (22, 60), (25, 5), (30, 4_000)]
        for user_id in (MIRA, JUNO)
    ]
    expected = [
        (user_id, number, minute(start))
        for user_id in (MIRA, JUNO)
        for number, start in enumerate([0, 10, 20, 25, 30, 30 + 1440, 30 + 2880])
    ]

    done = run(written(tmp_path, rows), "--chunk", str(chunk))

    assert "10 added, as 14 sessions in 2 visits" in done.output
    assert "2 overlaps line" in done.output
    found = [
        (visit.user_id, number, session.started_at)
        for visit in Visit.objects.order_by("user_id")
        for number, session in enumerate(visit.sessions.order_by("started_at"))
    ]
    assert found == expected
    assert set(Visit.objects.values_list("ended_at", flat=True)) == {minute(4_030)}


def test_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path) -> None:
    make_session(100, 200)
    rows = [row(0, 10), row(5, 20), row(150, 160), row(0, 10), row(0, 10, user_id="x"), row(300)]
    path = written(tmp_path, rows)
    before = table()

    dry = run(path, "--dry-run")
    after = table()
    wet = run(path)

    assert after == before
    assert not JobRun.objects.filter(outcome__added=0).exists()
    assert dry.output.replace("would be ", "") == wet.output
    assert dry.status == wet.status == 1
    assert JobRun.objects.count() == 1
    assert VoiceSession.objects.count() == 3


def test_dry_run_after_an_import_says_what_is_there(tmp_path: Path) -> None:
    path = written(tmp_path, [row(0, 10), row(20, 30)])
    run(path)

    done = run(path, "--dry-run")

    assert "0 would be added" in done.output
    assert "2 there already" in done.output


@pytest.mark.parametrize(
    ("start", "end", "comes_in"),
    [
        (50, 100, True),
        (200, 250, True),
        (50, 101, False),
        (199, 250, False),
        (120, 130, False),
        (50, 250, False),
        (100, 200, False),
        (100, None, True),
        (150, None, False),
        (200, None, True),
    ],
)
def test_row_that_overlaps_a_session_in_the_table_is_refused(
    tmp_path: Path, start: float, end: float | None, *, comes_in: bool
) -> None:
    make_session(100, 200)

    done = run(written(tmp_path, [row(start, end)]))

    assert VoiceSession.objects.count() == 1 + comes_in
    assert done.status == (0 if comes_in else 1)
    if not comes_in:
        [line] = lines_refused(done.output)
        assert line == (
            "line 2: It overlaps a session of the same member that is there, from "
            "2024-05-01 01:40:00 UTC to 2024-05-01 03:20:00 UTC."
        )


def test_session_of_somebody_else_or_voided_by_staff_is_in_nobody_s_way(tmp_path: Path) -> None:
    make_session(100, 200, user_id=JUNO)
    make_session(100, 200, status=SessionStatus.CANCELLED)
    make_session_of(MIRA, guild_id=GUILD + 1, channel_id=LOUNGE, started_at=minute(100))

    assert run(written(tmp_path, [row(100, 200)])).status == 0


def test_row_that_goes_on_into_the_live_session_is_refused_and_that_is_left_alone(
    tmp_path: Path,
) -> None:
    live = make_session(100_000, None)
    make_voice_state(live)
    before = VoiceSession.objects.values().get()

    done = run(written(tmp_path, [row(99_000, 100_000), row(100_000, 100_001), row(100_005)]))

    assert done.status == 1
    assert [line.partition(" of the")[0] for line in lines_refused(done.output)] == [
        "line 3: It overlaps a session",
        "line 4: It overlaps a session",
    ]
    assert "to now (it goes on)" in done.output
    assert VoiceSession.objects.values().get(pk=live.pk) == before
    assert VoiceSession.objects.count() == 2


def test_row_after_an_estimate_that_the_bot_may_take_back_is_refused(tmp_path: Path) -> None:
    make_voice_state(make_session(100, 110, status=SessionStatus.STALE))
    make_session(100, 110, status=SessionStatus.STALE, user_id=JUNO)

    done = run(written(tmp_path, [row(120, 130), row(120, 130, user_id=str(JUNO))]))

    assert done.status == 1
    assert "1 added" in done.output
    assert [line[:7] for line in lines_refused(done.output)] == ["line 2:"]


def test_staff_s_changes_of_imported_sessions_outlive_a_second_import(tmp_path: Path) -> None:
    path = written(tmp_path, [row(0, 10), row(20, 30), row(40, 50)])
    run(path)
    first, second, _ = VoiceSession.objects.order_by("started_at")
    VoiceSession.objects.filter(pk=first.pk).update(status=SessionStatus.CANCELLED)
    VoiceSession.objects.filter(pk=second.pk).update(ended_at=minute(25))
    before = table()

    done = run(path)

    assert "3 there already" in done.output
    assert table() == before


def test_guild_s_own_limit_of_micro_sessions_counts(tmp_path: Path) -> None:
    make_guild(id=GUILD + 1, micro_session_seconds=60)
    make_guild(id=GUILD + 2, micro_session_seconds=0)
    rows = [row(0, 0.5, guild_id=str(GUILD + more)) for more in (0, 1, 2)]
    rows += [row(5, 5, guild_id=str(GUILD + more)) for more in (0, 1, 2)]

    done = run(written(tmp_path, rows))

    assert "3 added" in done.output
    assert "3 micro session" in done.output
    assert lines_refused(done.output)[0] == (
        "line 3: It lasts 30 s, and the guild keeps none shorter than 60 s."
    )


def test_bots_are_left_out_unless_the_guild_tracks_them(tmp_path: Path) -> None:
    make_member(Guild.objects.get(pk=GUILD), user_id=JUNO, is_bot=True)
    tracking = make_guild(id=GUILD + 1, tracks_bots=True)
    make_member(tracking, user_id=JUNO, is_bot=True)
    rows = [row(0, 10, user_id=str(JUNO)), row(0, 10, user_id=str(JUNO), guild_id=str(GUILD + 1))]

    done = run(written(tmp_path, rows))

    assert "1 added" in done.output
    assert lines_refused(done.output) == ["line 2: The member is a bot, and the guild tracks none."]


def test_guild_that_rollcall_does_not_know_is_refused_unless_asked_for(tmp_path: Path) -> None:
    rows = [row(0, 10, guild_id="77"), row(20, 20.01, guild_id="77"), row(0, 10)]
    path = written(tmp_path, rows)

    refused = run(path)
    taken = run(path, "--any-guild")

    assert "1 added" in refused.output
    assert "2 unknown guild" in refused.output
    assert "1 added" in taken.output
    assert "1 micro session" in taken.output
    assert VoiceSession.objects.filter(guild_id=77).count() == 1


def test_mapped_old_id_tells_rows_and_no_other_row_is_taken_for_one(tmp_path: Path) -> None:
    first = written(tmp_path, [row(0, 10, nr="1"), row(20, 30, nr="2")])
    run(first, "--map", "old_id=nr")

    rows = [row(0, 10, nr="1"), row(21, 30, nr="2"), row(40, 50, nr="3"), row(60, 70, nr="3")]
    rows += [row(40, 50, nr="3")]
    done = run(written(tmp_path, rows), "--map", "old_id=nr")

    assert "1 added" in done.output
    assert "1 there already" in done.output
    assert "1 repeated in the file" in done.output
    start, twin = lines_refused(done.output)
    assert start == (
        "line 3: It is there already with another start, 2024-05-01 00:20:00 UTC: "
        "a row's start cannot change."
    )
    assert twin == (
        "line 5: It is the row of line 4, from 2024-05-01 00:40:00 UTC to 2024-05-01 00:50:00 "
        "UTC, with another time or channel."
    )


def test_import_leaves_a_job_run_with_its_counts(tmp_path: Path) -> None:
    path = written(tmp_path, [row(0, 10), row(5, 7), row(60)])

    run(path)

    job = JobRun.objects.get()
    assert (job.job, job.found, job.error) == ("sessions_app.import_sessions", 3, "")
    assert job.finished_at is not None
    assert job.outcome == {
        "file": str(path),
        "rows": 3,
        "added": 2,
        "stale": 1,
        "sessions": 2,
        "visits": 2,
        "there": 0,
        "repeated": 0,
        "refused": {"overlaps_line": 1},
    }


def test_import_leaves_no_table_and_no_lock_behind(tmp_path: Path) -> None:
    run(written(tmp_path, [row(0, 10)]))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'import_%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (0,)
    with only_import() as is_only:
        assert is_only
