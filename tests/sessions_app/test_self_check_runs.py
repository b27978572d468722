"""Run after run: what changed at once, all else in turn, what was wrong until it is mended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community.models import AuditEntry, JobRun
from sessions_app import registry, tasks
from sessions_app.domain.self_check import Finding, Seen
from sessions_app.models import SessionStatus, Visit, VoiceSession
from sessions_app.services.self_check import (
    CHECK_BOOKS,
    CheckResult,
    check_books,
    latest_check,
)
from tests.factories import NOW, at, make_session_of, make_shard, make_voice_state

if TYPE_CHECKING:
    from datetime import datetime

    from sessions_app.domain.self_check import Look

pytestmark = pytest.mark.django_db

GUILD = 7 << 22


@pytest.fixture(autouse=True)
def _only_this_floors_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_book_checks", {})


MINUTE = timedelta(minutes=1)
EVERY = 5 * MINUTE
DAY = 24 * 60
BEHIND_ALL = f"{at(DAY).isoformat()} ffffffff-ffff-ffff-ffff-ffffffffffff"


def run(now: datetime = NOW, *, least_rows: int = 5000) -> CheckResult:
    """Checks as the job does: what it leaves is what the next run goes on from."""
    result = check_books(now=now, stale_after=5 * MINUTE, least_rows=least_rows)
    record(now, result.outcome(), found=result.found)
    return result


def record(now: datetime, outcome: dict[str, Any], **fields: Any) -> None:
    JobRun.objects.create(
        job=CHECK_BOOKS, started_at=now, **{"finished_at": now, "outcome": outcome} | fields
    )


def record_all_seen(now: datetime) -> None:
    """A run that left nothing to be looked at in turn: only what changes since is seen."""
    record(now, {"places": {"sessions": BEHIND_ALL, "visits": BEHIND_ALL}})


def session(user_id: int = 1, **fields: Any) -> VoiceSession:
    return make_session_of(user_id, **{"guild_id": GUILD, "channel_id": 10} | fields)


def wrong_long_ago(count: int = 1) -> list[VoiceSession]:
    """Sessions of long ago, one after the other, whose sums are wrong."""
    return [
        session(
            started_at=at(-30 * DAY + number),
            ended_at=at(-30 * DAY + number + 1),
            afk_seconds=1,
        )
        for number in range(count)
    ]


def ids(result: CheckResult, kind: str = "sum") -> list[str]:
    named: list[str] = result.outcome()["ids"].get(kind, [])
    return named


# What changed since the last run ------------------------------------------------------------


def test_what_changed_is_looked_at_at_once_and_the_rest_is_not() -> None:
    [untouched] = wrong_long_ago()
    old = session(2, started_at=at(-30 * DAY), ended_at=at(-30 * DAY + 9), camera_seconds=1)
    begun = session(3, started_at=at(-4), camera_seconds=1)
    over = session(4, started_at=at(-DAY + 1), ended_at=at(-4), camera_seconds=1)
    stale = session(
        5,
        started_at=at(-3 * DAY),
        ended_at=at(-15),
        camera_seconds=1,
        status=SessionStatus.STALE,
    )
    going_on = session(6, started_at=at(-2 * DAY), ended_at=None, camera_seconds=1)
    make_voice_state(going_on)
    make_shard(shard_id=0, shard_count=1)
    AuditEntry.objects.create(
        at=at(-1), action="session.set_end", target_kind="voicesession", target_id=str(old.pk)
    )
    record_all_seen(NOW - EVERY)

    result = run()

    assert set(ids(result)) == {str(row.pk) for row in (old, begun, over, stale, going_on)}
    assert str(untouched.pk) not in ids(result)


@pytest.mark.parametrize("changed", ["earlier", "later"])
def test_an_overlap_is_found_when_only_one_of_the_two_changed(changed: str) -> None:
    is_late = changed == "later"
    session(1, started_at=at(-600), ended_at=at(-60 if is_late else -4))
    later = session(1, started_at=at(-100), ended_at=at(-4 if is_late else -60))
    record_all_seen(NOW - EVERY)

    assert ids(run(), "overlap") == [str(later.pk)]


def test_a_visit_is_looked_at_when_it_or_its_sessions_changed() -> None:
    fields = {"started_at": at(-600), "ended_at": at(-500)}
    untouched, in_session = session(1, **fields), session(2, **fields)
    session(2, visit=in_session.visit, started_at=at(-500), ended_at=at(-4))
    under_way = session(3, **fields)
    Visit.objects.filter(pk=under_way.visit_id).update(ended_at=None)
    empty = session(4, started_at=at(-4))
    empty.delete()
    Visit.objects.filter(pk=untouched.visit_id).update(ended_at=NOW)
    record_all_seen(NOW - EVERY)

    result = run()

    expected = {str(row.visit_id) for row in (in_session, under_way, empty)}
    assert set(ids(result, "visit")) == expected


def test_what_changed_while_no_check_ran_is_looked_at_up_to_a_day_back() -> None:
    missed = session(1, started_at=at(-300), ended_at=at(-290), afk_seconds=1)
    record_all_seen(at(-310))

    assert ids(run()) == [str(missed.pk)]


# All in turn --------------------------------------------------------------------------------


def test_everything_has_its_turn_in_one_pass_and_the_next_begins_anew() -> None:
    rows = wrong_long_ago(7)
    record(NOW - EVERY, {})

    passes = []
    for number in range(4):
        result = run(NOW + number * EVERY, least_rows=2)
        passes.append(result.outcome()["looked_at"])

    # With each share what was wrong before is looked at again.
    assert [seen["sessions"] for seen in passes] == [2, 4, 6, 7]
    assert [seen["visits"] for seen in passes] == [2, 2, 2, 1]
    assert set(ids(result)) == {str(row.pk) for row in rows}
    assert result.outcome()["places"] == {"sessions": "", "visits": "", "voice": ""}
    assert result.outcome()["passed_at"]["sessions"] == (NOW + 3 * EVERY).isoformat()


def test_the_turn_goes_on_where_rows_began_at_one_instant() -> None:
    for user_id in range(5):
        session(user_id, started_at=at(-9 * DAY), ended_at=at(-9 * DAY + 1), afk_seconds=1)

    result = [run(NOW + number * EVERY, least_rows=2) for number in range(3)][-1]

    assert result.found == 5


def test_a_share_grows_with_the_rows_and_the_time_since_the_last_run() -> None:
    wrong_long_ago(400)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sessions_app_voicesession")
        cursor.execute("ANALYZE sessions_app_visit")
    looked_at = []

    for minutes in (10, 60, 300):
        JobRun.objects.all().delete()
        record(NOW - minutes * MINUTE, {})
        looked_at.append(run(least_rows=1).outcome()["looked_at"])

    # In 20 hours all of the 400; a longer silence is not made up for at once.
    assert [seen["sessions"] for seen in looked_at] == [3, 20, 20]
    assert [seen["visits"] for seen in looked_at] == [3, 20, 20]


def test_a_run_that_failed_or_never_ended_is_not_gone_on_from() -> None:
    wrong_long_ago(3)
    run(NOW, least_rows=2)
    record(NOW + EVERY, {}, error="OperationalError: away")
    record(NOW + EVERY, {}, finished_at=None)

    result = run(NOW + 2 * EVERY, least_rows=2)

    assert result.found == 3
    assert latest_check() == JobRun.objects.get(started_at=NOW + 2 * EVERY)


# Until it is mended -------------------------------------------------------------------------


def test_the_figure_stands_until_the_row_is_mended() -> None:
    [row] = wrong_long_ago()
    Visit.objects.filter(pk=row.visit_id).update(first_channel_id=77)
    assert run(NOW).by_kind()["sum"] == 1
    figures = []

    for number in range(1, 4):
        record_all_seen(NOW + number * EVERY - MINUTE)
        if number == 2:
            Visit.objects.update(first_channel_id=10)
        if number == 3:
            VoiceSession.objects.update(afk_seconds=0)
        figures.append(run(NOW + number * EVERY).found)

    assert figures == [2, 1, 0]


def test_more_than_a_hundred_are_counted_and_each_is_named_in_its_turn() -> None:
    rows = wrong_long_ago(130)

    first, second = run(NOW), run(NOW + EVERY)

    assert first.found == second.found == 130
    assert len(ids(first)) == len(ids(second)) == 100
    assert {*ids(first), *ids(second)} == {str(row.pk) for row in rows}


# How much it asks ---------------------------------------------------------------------------


def test_a_check_takes_as_many_statements_for_many_rows_as_for_one() -> None:
    counts = []
    for number, many in enumerate((1, 60)):
        wrong_long_ago(many)
        make_voice_state(session(100 + number, ended_at=None))
        session(200 + number, started_at=at(-30))
        with CaptureQueriesContext(connection) as queries:
            run(NOW + number * EVERY)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 10


# Upper floors, and the job ------------------------------------------------------------------


def test_an_upper_floors_check_counts_in_the_figure_and_keeps_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [row] = wrong_long_ago()
    looks: list[Look] = []

    def check(look: Look) -> Seen:
        looks.append(look)
        return Seen(9, (Finding("participation", 2, (row.visit_id,)),), place=f"{len(looks)}")

    monkeypatch.setattr(registry, "_book_checks", {})
    registry.add_book_check("participation", check)

    run(NOW)
    result = run(NOW + EVERY)

    assert result.found == 3
    assert result.by_kind()["participation"] == 2
    assert result.outcome()["looked_at"]["participation"] == 9
    assert [look.place for look in looks] == ["", "1"]
    assert looks[0].known == ()
    assert set(looks[1].known) == {row.pk, row.visit_id}
    assert looks[1].share == EVERY / timedelta(hours=20)


def test_the_job_leaves_its_figure_and_goes_on_from_the_last_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    [row] = wrong_long_ago()

    with time_machine.travel(NOW, tick=False):
        tasks.check_books()
    record_all_seen(NOW + MINUTE)
    with time_machine.travel(NOW + EVERY, tick=False):
        tasks.check_books()

    check = latest_check()
    assert check is not None
    assert (check.job, check.found, check.error) == ("sessions_app.check_books", 1, "")
    assert check.outcome["ids"] == {"sum": [str(row.pk)]}
    assert "1 rows of the books are wrong" in caplog.text
