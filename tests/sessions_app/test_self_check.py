"""What cannot be right is found, by its kind; what the services write is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection

from sessions_app.domain.self_check import KINDS
from sessions_app.models import EndReason, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services.self_check import CheckResult, check_books
from tests.factories import NOW, at, make_session_of, make_shard, make_voice_state
from tests.sessions_app.history import History

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from django.db.models import Model

pytestmark = pytest.mark.django_db

GUILD = 7 << 22
STALE_AFTER = timedelta(minutes=5)
DAY = 24 * 60
STALE: dict[str, Any] = {"status": SessionStatus.STALE, "end_reason": EndReason.STALE}
CORRECTED: dict[str, Any] = {"end_reason": EndReason.CORRECTED}
VOIDED: dict[str, Any] = {"status": SessionStatus.CANCELLED}


def check() -> CheckResult:
    return check_books(now=NOW, stale_after=STALE_AFTER)


def wrong() -> dict[str, set[str]]:
    """The ids that a check names, by kind: each once, and the counts agree with them."""
    outcome = check().outcome()
    assert {kind: len(set(ids)) for kind, ids in outcome["ids"].items()} == {
        kind: count for kind, count in outcome["wrong"].items() if count
    }
    return {kind: set(ids) for kind, ids in outcome["ids"].items()}


def ended(user_id: int = 1, **fields: Any) -> VoiceSession:
    """A session that lasted from an hour before now until now, and its visit."""
    return make_session_of(user_id, **{"guild_id": GUILD, "channel_id": 10} | fields)


def live(user_id: int = 1, **fields: Any) -> VoiceSession:
    """A session that goes on, its visit and its voice state."""
    session = ended(user_id, ended_at=None, **fields)
    make_voice_state(session)
    return session


def without_constraint(table: type[Model], name: str) -> None:
    """Lets the database take what it would refuse; the test's end takes it back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table._meta.db_table} DROP CONSTRAINT {name}")


def foreign_key_of_visit() -> str:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, VoiceSession._meta.db_table)
    [name] = [
        name
        for name, about in constraints.items()
        if about["foreign_key"] and about["columns"] == ["visit_id"]
    ]
    return name


# What is right ------------------------------------------------------------------------------


def test_check_finds_nothing_wrong_where_nothing_is() -> None:
    ended(1, muted=[(at(-50), at(-40))], muted_seconds=600)
    live(1, started_at=at(1), muted=[(at(2), None)])
    live(2)

    result = check()

    assert result.found == 0
    assert result.by_kind() == dict.fromkeys(KINDS, 0)
    assert result.outcome()["looked_at"] == {
        "sessions": 3,
        "visits": 3,
        "voice": 4,
        "participation": 0,
    }
    assert result.outcome()["ids"] == {}


@pytest.mark.parametrize("seed", range(6))
def test_check_finds_nothing_wrong_in_what_the_services_write(seed: int, actor: User) -> None:
    history = History(seed, actor=actor)

    for _ in range(12):
        for _ in range(6):
            history.step()
        result = check_books(now=history.now, stale_after=STALE_AFTER)

        assert result.outcome()["ids"] == {}, (seed, history.now)
    assert VoiceSession.objects.exclude(status=SessionStatus.ACTIVE).exists()


# Overlaps -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "lasted"), [(-40, 10), (-40, 40), (-40, None), (-60, 60), (-1, 20), (-1, None)]
)
def test_overlap_names_the_later_session_once(started: int, lasted: int | None) -> None:
    ended(1)
    over = None if lasted is None else at(started + lasted)
    later = (live if over is None else ended)(
        1, started_at=at(started), **({"ended_at": over} if over else {})
    )

    found = wrong()

    assert found == {"overlap": {str(later.pk)}}


@pytest.mark.parametrize(
    "fields",
    [
        {"started_at": NOW, "ended_at": at(5)},
        {"started_at": at(-90), "ended_at": at(-60)},
        {"started_at": at(-30), "ended_at": at(-30)},
        {"started_at": at(-30), "ended_at": at(-20), **VOIDED},
        {"started_at": at(-30), "guild_id": 8 << 22},
        {"started_at": at(-30), "user_id": 2},
    ],
    ids=["after", "before", "without length", "voided", "another guild", "another member"],
)
def test_what_shares_no_counted_time_is_no_overlap(fields: dict[str, Any]) -> None:
    ended(1)
    ended(**{"user_id": 1} | fields)

    assert wrong() == {}


# Negatives ----------------------------------------------------------------------------------


def test_a_session_that_ends_before_its_start_is_negative() -> None:
    without_constraint(VoiceSession, "voice_session_ends_after_start")
    session = ended(**CORRECTED)
    VoiceSession.objects.update(ended_at=at(-61))

    assert wrong() == {"negative": {str(session.pk)}}


def test_a_visit_that_ends_before_its_start_is_negative() -> None:
    without_constraint(Visit, "visit_ends_after_start")
    session = ended()
    Visit.objects.update(ended_at=at(-61))

    assert wrong() == {"negative": {str(session.visit_id)}}


@pytest.mark.parametrize("column", ["start_uncertainty", "end_uncertainty", "afk_seconds"])
@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf")])
def test_an_amount_that_is_none_is_negative(column: str, value: float) -> None:
    without_constraint(VoiceSession, "voice_session_uncertainty_not_negative")
    session = ended(1, **{column: value})

    assert wrong() == {"negative": {str(session.pk)}}


@pytest.mark.parametrize(
    "stretches",
    [
        [(at(-61), at(-60))],
        [(at(-61), at(-50))],
        [(at(-1), at(1))],
        [(at(1), at(2))],
        [(at(1), None)],
    ],
)
def test_a_stretch_outside_its_session_is_negative(
    stretches: list[tuple[datetime, datetime | None]],
) -> None:
    session = ended(camera=stretches)

    assert wrong() == {"negative": {str(session.pk)}}


@pytest.mark.parametrize("fields", [STALE, CORRECTED, VOIDED])
def test_a_stretch_before_its_session_is_negative_however_that_ended(
    fields: dict[str, Any],
) -> None:
    session = ended(camera=[(at(-61), at(-59))], camera_seconds=60, **fields)

    assert wrong() == {"negative": {str(session.pk)}}


@pytest.mark.parametrize("fields", [STALE, CORRECTED, VOIDED])
@pytest.mark.parametrize("until", [at(2), None])
def test_stretches_may_reach_beyond_an_end_that_was_not_observed(
    fields: dict[str, Any], until: datetime | None
) -> None:
    ended(camera=[(at(-1), until)], camera_seconds=60, alone=[(at(1), until)], **fields)

    assert wrong() == {}


# Sums ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 599.99, 600.01, 660])
def test_a_sum_that_differs_from_its_stretches_is_found(seconds: float) -> None:
    stretches = [(at(-50), at(-45)), (at(-5), None)]
    session = ended(streaming=stretches, streaming_seconds=seconds)
    ended(2, streaming=stretches, streaming_seconds=600)

    assert wrong() == {"sum": {str(session.pk)}}


def test_seconds_without_stretches_are_found_in_a_live_session_too() -> None:
    session = ended(1, deafened_seconds=1)
    going_on = live(2, muted=[(at(-50), at(-40))], muted_seconds=600)

    assert wrong() == {"sum": {str(session.pk), str(going_on.pk)}}


# What goes on -------------------------------------------------------------------------------


def test_a_session_seen_for_longer_than_one_may_last_is_endless() -> None:
    make_shard(shard_id=0, shard_count=1)
    session = live(1, started_at=at(-DAY - 10), last_seen_at=NOW)
    live(2, started_at=at(-DAY - 9), last_seen_at=NOW)

    assert wrong() == {"endless": {str(session.pk)}}


def test_a_session_that_neither_bot_nor_sweep_ends_is_endless() -> None:
    long_ago = {"started_at": at(-9 * DAY), "last_seen_at": at(-9 * DAY)}
    heard = ((0, NOW), (1, at(-15.1)), (2, at(-14.9)))
    for shard_id, heartbeat_at in heard:
        make_shard(shard_id=shard_id, shard_count=3, heartbeat_at=heartbeat_at, stopped_at=NOW)
    unheard = live(1, guild_id=7 << 22, **long_ago)
    live(2, guild_id=7 << 22, started_at=at(-DAY - 14), last_seen_at=at(-DAY))
    live(3, guild_id=8 << 22, **long_ago)
    live(4, guild_id=9 << 22, **long_ago)

    assert wrong() == {"endless": {str(unheard.pk)}}


def test_a_session_that_nobody_is_in_is_endless() -> None:
    alone, unseated, fine = ended(1, ended_at=None), live(2), live(3)
    VoiceState.objects.filter(session=unseated).update(session=None)

    found = wrong()

    assert found == {"endless": {str(alone.pk), str(unseated.pk)}}
    assert fine.pk


@pytest.mark.parametrize(
    ("fields", "is_wrong"),
    [({}, True), (STALE, False), (CORRECTED, False), (VOIDED, False), (STALE | VOIDED, False)],
)
def test_a_member_in_a_session_that_has_ended_is_endless(
    fields: dict[str, Any], is_wrong: bool
) -> None:
    session = ended(**fields)
    make_voice_state(session)

    assert wrong() == ({"endless": {str(session.pk)}} if is_wrong else {})


# Visits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        {"started_at": at(-59)},
        {"started_at": at(-61)},
        {"ended_at": at(-1)},
        {"ended_at": at(1)},
        {"ended_at": None},
        {"first_channel": 11},
        {"last_channel": 10},
    ],
)
def test_a_visit_that_differs_from_its_sessions_is_found(columns: dict[str, Any]) -> None:
    first = ended(1, ended_at=at(-30))
    ended(1, visit=first.visit, channel_id=11, started_at=at(-30))
    Visit.objects.update(ended_at=NOW, last_channel=11)
    assert wrong() == {}

    Visit.objects.update(**columns)

    assert wrong() == {"visit": {str(first.visit_id)}}


def test_a_visit_that_has_ended_while_a_session_goes_on_is_found() -> None:
    session = live()
    Visit.objects.update(ended_at=NOW)

    assert wrong() == {"visit": {str(session.visit_id)}}


def test_a_visit_without_sessions_is_found() -> None:
    session = ended()
    session.delete()

    assert wrong() == {"visit": {str(session.visit_id)}}


def test_a_visit_keeps_the_end_of_a_session_that_was_voided() -> None:
    first = ended(1, ended_at=at(-30))
    ended(1, visit=first.visit, started_at=at(-30), **VOIDED)
    Visit.objects.update(ended_at=NOW)

    assert wrong() == {}


@pytest.mark.parametrize(("channel_id", "is_wrong"), [(10, False), (11, False), (12, True)])
def test_a_visits_last_channel_is_one_of_those_that_it_has_where_staff_set_an_end(
    channel_id: int, *, is_wrong: bool
) -> None:
    first = ended(1, **CORRECTED)
    ended(1, visit=first.visit, channel_id=11, started_at=at(-30), ended_at=at(-29), **VOIDED)

    Visit.objects.update(last_channel=channel_id)

    assert wrong() == ({"visit": {str(first.visit_id)}} if is_wrong else {})


def test_a_visit_ends_with_its_last_session_or_where_the_bot_remembers_it() -> None:
    session = ended(1, **CORRECTED)
    Visit.objects.update(ended_at=at(-20))
    assert wrong() == {}

    VoiceSession.objects.update(end_reason=EndReason.LEFT)

    assert wrong() == {"visit": {str(session.visit_id)}}


def test_any_session_that_began_at_the_first_instant_is_the_first() -> None:
    first = ended(1, ended_at=at(-60), **CORRECTED)
    ended(1, visit=first.visit, channel_id=11)
    Visit.objects.update(ended_at=NOW, last_channel=11)
    assert wrong() == {}

    Visit.objects.update(first_channel=11)

    assert wrong() == {}


# Orphans ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [{"user_id": 2}, {"guild_id": 8 << 22}])
def test_a_session_in_a_visit_of_somebody_else_is_an_orphan(columns: dict[str, Any]) -> None:
    session = ended()
    Visit.objects.update(**columns)

    assert wrong() == {"orphan": {str(session.pk)}}


def test_a_session_without_a_visit_is_an_orphan() -> None:
    session = ended()
    without_constraint(VoiceSession, foreign_key_of_visit())
    Visit.objects.all()._raw_delete(using="default")

    assert wrong() == {"orphan": {str(session.pk)}}


@pytest.mark.parametrize("columns", [{"user_id": 2}, {"guild": 8 << 22}, {"channel": 11}])
def test_a_voice_state_with_the_session_of_another_is_an_orphan(columns: dict[str, Any]) -> None:
    session = live()
    VoiceState.objects.update(**columns)

    assert wrong() == {"orphan": {str(session.pk)}}


def test_a_voice_state_with_a_session_that_is_gone_is_an_orphan() -> None:
    session = ended()
    missing = uuid4()
    state = make_voice_state(session)
    VoiceState.objects.filter(pk=state.pk).update(session=missing)

    assert wrong() == {"orphan": {str(missing)}}
