from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.domain.scopes import Scope
from community.models import AuditEntry, JobRun
from sessions_app.models import VoiceSession
from sessions_app.services import recovery
from sessions_app.services.health import regular_jobs
from tests.factories import at, make_gap, make_guild
from tests.sessions_app.api.health_rows import HEALTH, post, shard, unseen
from tests.sessions_app.api.session_rows import GUILD, OTHER_GUILD, client_with, session

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild

pytestmark = pytest.mark.django_db


@pytest.fixture
def guild() -> Guild:
    return make_guild("Harbour", id=GUILD)


@pytest.fixture
def client() -> Client:
    return client_with(Scope.HEALTH_READ, Scope.SESSIONS_RECOVER)


@pytest.fixture
def limited(guild: Guild) -> Client:
    """A client whose key reaches one guild."""
    return client_with(Scope.HEALTH_READ, Scope.SESSIONS_RECOVER, guilds=[guild])


def test_health_tells_figures_runs_and_warnings(client: Client) -> None:
    shard()
    for job in regular_jobs():
        JobRun.objects.create(job=job, started_at=at(-2), finished_at=at(-1))
    session(ago=10, minutes=None)
    unseen(user_id=6)

    shown = client.get(HEALTH).json()

    assert shown == {
        "status": "degraded",
        "at": "2026-11-20T12:00:00Z",
        "sessions": {"active": 2, "stale": 0, "overdue": 1},
        "active_members": {"voice": 2},
        "shards": {"alive": 1, "known": 1},
        "recovery": {"possible": True, "why_not": None},
        "last_sweep": {
            "started_at": "2026-11-20T11:58:00Z",
            "completed_at": "2026-11-20T11:59:00Z",
        },
        "last_comparison": None,
        "warnings": [
            {"code": "checkpoint_overdue", "message": "Sessions without a recent checkpoint: 1."}
        ],
        "details": None,
    }


def test_health_says_why_no_recovery_is_possible(client: Client, limited: Client) -> None:
    shard(heartbeat_at=at(-1))

    for asker, words in ((client, "No bot runs, "), (limited, "No bot runs for these guilds, ")):
        shown = asker.get(HEALTH).json()["recovery"]
        assert shown["possible"] is False
        assert shown["why_not"].startswith(words)


def test_details_tell_what_stands_behind_the_figures(client: Client) -> None:
    shard(figures={"queued": 7, "spool_records": 0, "retries": 2})
    overdue = unseen()
    stale = unseen(user_id=6, status="stale", end_reason="stale", ended_at=at(-8))
    gap = make_gap(GUILD)
    make_gap(GUILD, began_at=at(-26 * 60), ended_at=at(-25 * 60))

    details = client.get(HEALTH, {"details": "true"}).json()["details"]

    assert [row["id"] for row in details["overdue_sessions"]] == [str(overdue.id)]
    assert details["stale_sessions"] == [
        {
            "id": str(stale.id),
            "guild_id": str(GUILD),
            "status": "stale",
            "started_at": "2026-11-20T11:00:00Z",
            "last_seen_at": "2026-11-20T11:50:00Z",
            "ended_at": "2026-11-20T11:52:00Z",
            "end_uncertainty": 0.0,
            "link": f"/api/sessions/{stale.id}",
        }
    ]
    assert [(row["id"], row["from"]) for row in details["gaps"]] == [
        (str(gap.id), "2026-11-20T11:59:00Z")
    ]
    assert {job["job"] for job in details["jobs"] if job["is_late"]} == set(regular_jobs())
    (told,) = details["shards"]
    assert (told["queued_facts"], told["spooled_facts"], told["retries"]) == (7, 0, 2)


def test_health_names_no_member(client: Client) -> None:
    unseen(user_id=987654321)

    assert b"987654321" not in client.get(HEALTH, {"details": "true"}).content


def test_a_key_of_a_guild_is_told_of_its_sessions_and_gaps_alone(limited: Client) -> None:
    shard()
    mine, others = unseen(), unseen(guild_id=OTHER_GUILD)
    gaps = [make_gap(GUILD), make_gap(OTHER_GUILD)]

    shown = limited.get(HEALTH, {"details": "true"}).json()

    assert shown["sessions"]["active"] == 1
    assert [row["id"] for row in shown["details"]["overdue_sessions"]] == [str(mine.id)]
    assert [row["id"] for row in shown["details"]["gaps"]] == [str(gaps[0].id)]
    assert str(others.id) not in str(shown)


def test_lists_in_details_are_bounded(client: Client) -> None:
    for number in range(102):
        unseen(user_id=1000 + number)

    details = client.get(HEALTH, {"details": "true"}).json()["details"]

    assert len(details["overdue_sessions"]) == 100


def test_health_takes_as_many_queries_however_much_there_is(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(HEALTH)
    for number in range(2):
        shard(shard_id=number, shard_count=2)
        unseen(user_id=100 + number)
        unseen(user_id=200 + number, status="stale", end_reason="stale", ended_at=at(-8))
        make_gap(GUILD)
        # The key and its guilds, five of health, whether a bot runs, the latest comparison;
        # gaps, overdue and stale sessions.
        with django_assert_num_queries(12):
            client.get(HEALTH, {"details": "true"})


@pytest.mark.parametrize(
    ("query", "field"),
    [("details=1", "details"), ("details=", "details"), ("detail=true", "detail")],
)
def test_health_refuses_a_switch_that_is_none(client: Client, query: str, field: str) -> None:
    response = client.get(f"{HEALTH}?{query}")

    assert response.status_code == 422
    assert response.json()["field"] == field


def test_a_sweep_takes_its_minutes_from_the_body(client: Client, guild: Guild) -> None:
    gone, fresh = unseen(3.1), unseen(2.9, user_id=6)

    answer = post(client, HEALTH, {"staleMinutes": 3, "reason": "the host is gone"})

    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "at": "2026-11-20T12:00:00Z",
        "stale_minutes": 3.0,
        "ended": 1,
        "dropped": 0,
        "ended_ids": [str(gone.id)],
        "dropped_ids": [],
    }
    gone.refresh_from_db()
    fresh.refresh_from_db()
    assert (gone.status, gone.ended_at) == ("stale", at(-1.1))
    assert fresh.status == "active"
    entry = AuditEntry.objects.get(action=recovery.SWEEP)
    assert (entry.guild_id, entry.target_id, entry.actor) == (guild.pk, str(guild.pk), None)
    assert entry.reason.startswith("the host is gone (API key Board (rc_")
    assert entry.after["ended_ids"] == [str(gone.id)]


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}])
def test_a_sweep_without_minutes_takes_the_setting(client: Client, body: Any) -> None:
    gone, fresh = unseen(5.1), unseen(4.9, user_id=6)

    answer = post(client, HEALTH, body).json()

    assert answer["stale_minutes"] == 5
    assert answer["ended_ids"] == [str(gone.id)]
    fresh.refresh_from_db()
    assert fresh.status == "active"


def test_a_sweep_asks_heartbeats_with_the_same_minutes(client: Client) -> None:
    unseen()
    shard(heartbeat_at=at(-2.5))

    assert post(client, HEALTH, {"staleMinutes": 3}).json()["ended"] == 0
    assert post(client, HEALTH, {"staleMinutes": 2}).json()["ended"] == 1


def test_a_sweep_ends_nothing_beyond_the_keys_guilds(limited: Client) -> None:
    mine, others = unseen(), unseen(guild_id=OTHER_GUILD)

    answer = post(limited, HEALTH, {"staleMinutes": 3}).json()

    others.refresh_from_db()
    assert answer["ended_ids"] == [str(mine.id)]
    assert others.status == "active"
    assert set(AuditEntry.objects.exclude(guild=None).values_list("guild_id", flat=True)) == {GUILD}


def test_a_sweep_that_ends_nothing_leaves_no_entry(client: Client) -> None:
    session(ago=5, minutes=None)

    assert post(client, HEALTH, {"staleMinutes": 3}).json()["ended"] == 0
    assert not AuditEntry.objects.filter(action=recovery.SWEEP).exists()


def test_a_sweep_says_what_it_dropped_and_whose_it_was(client: Client, guild: Guild) -> None:
    guild.micro_session_seconds = 60.0
    guild.save()
    dropped = unseen()
    VoiceSession.objects.update(entered_at=at(-8.5))
    # Their next session says that they were not there for a minute.
    VoiceSession.objects.create(
        visit=dropped.visit,
        guild_id=GUILD,
        user_id=dropped.user_id,
        channel_id=dropped.channel_id,
        status="completed",
        started_at=at(-8),
        entered_at=at(-8),
        ended_at=at(-6),
        last_seen_at=at(-6),
        end_reason="left",
    )

    answer = post(client, HEALTH, {"staleMinutes": 3}).json()

    assert (answer["ended"], answer["dropped"]) == (0, 1)
    assert answer["dropped_ids"] == [str(dropped.id)]
    entry = AuditEntry.objects.get(action=recovery.SWEEP)
    assert (entry.guild_id, entry.after["dropped_ids"]) == (GUILD, [str(dropped.id)])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"staleMinutes": 0.9}, "staleMinutes"),
        ({"staleMinutes": 1441}, "staleMinutes"),
        ({"staleMinutes": "3"}, "staleMinutes"),
        ({"staleMinutes": True}, "staleMinutes"),
        ({"staleMinutes": None}, "staleMinutes"),
        ('{"staleMinutes": NaN}', "staleMinutes"),
        ('{"staleMinutes": Infinity}', "staleMinutes"),
        ({"stale_minutes": 3}, "stale_minutes"),
        ({"reason": "a\0b"}, "reason"),
        ('{"reason": "\\ud800"}', "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ([3], "body"),
        ('"3"', "body"),
    ],
)
def test_a_sweep_refuses_a_bad_body_by_its_field(client: Client, body: Any, field: str) -> None:
    gone = unseen(2000)

    response = post(client, HEALTH, body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field
    assert response.json()["message"].startswith(field)
    gone.refresh_from_db()
    assert gone.status == "active"


@pytest.mark.parametrize("body", ["{", "staleMinutes=3", b"\xff", "[" * 100_000])
def test_a_sweep_refuses_what_is_no_json(client: Client, body: Any) -> None:
    unseen(2000)

    response = client.post(HEALTH, body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
    assert VoiceSession.objects.active().count() == 1
