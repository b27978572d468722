from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection

from community.domain.scopes import Scope
from community.models import AuditEntry, JobRun, OutboxItem, Shard
from sessions_app.api.analytics_schemas import EXAMPLES
from sessions_app.services import comparison
from sessions_app.services.health import regular_jobs
from tests.factories import at, make_guild
from tests.sessions_app.api.health_rows import HEALTH, RECOVERY, post, shard, unseen
from tests.sessions_app.api.session_rows import GUILD, OTHER_GUILD, client_with, session
from tests.sessions_app.bot_at_hand import bot, drift_of, finds

if TYPE_CHECKING:
    from django.test import Client

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


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_recovery_without_a_bot_says_so_at_once(client: Client, method: str) -> None:
    session(ago=10, minutes=None)

    answer = client.generic(method, RECOVERY)

    assert answer.status_code == 503
    assert answer.json()["code"] == "no_bot_answered"
    assert answer.json()["message"].startswith("No bot runs")
    assert not OutboxItem.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_recovery_whose_bot_is_silent_says_so_in_time_and_takes_it_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "ANSWER_SECONDS", 0.3)
    shard()
    session(ago=10, minutes=None)

    answer = post(client, RECOVERY)

    assert answer.status_code == 503
    assert answer.json()["code"] == "no_bot_answered"
    assert answer.json()["message"].startswith("No bot answered within 0.3 s")
    assert not OutboxItem.objects.exists()


def test_a_recovery_of_nobody_asks_nobody(client: Client) -> None:
    shard()

    assert client.get(RECOVERY).json() == {
        "at": "2026-11-20T12:00:00Z",
        "mend": False,
        "differences": 0,
        "mended": 0,
        "guilds": [],
        "guilds_left_out": 0,
    }


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_tells_what_differs_and_leaves_no_entry(client: Client) -> None:
    shard()
    row = session(ago=10, minutes=None)

    with bot(finds(drift_of(row), checked=2, to_check=5)):
        answer = client.get(RECOVERY)

    assert answer.status_code == 200, answer.content
    assert answer.json()["guilds"] == [
        {
            "guild_id": str(GUILD),
            "error": None,
            "checked": 2,
            "to_check": 5,
            "drift": [
                {
                    "kind": "ghost",
                    "user_id": "5",
                    "channel_id": "30",
                    "discord_channel_id": None,
                    "session_id": str(row.id),
                    "seconds": 312.5,
                }
            ],
            "mended": 0,
        }
    ]
    assert (answer.json()["mend"], answer.json()["differences"]) == (False, 1)
    assert not AuditEntry.objects.filter(action=comparison.COMPARE).exists()


@pytest.mark.django_db(transaction=True)
def test_a_recovery_mends_and_says_by_which_key(client: Client) -> None:
    shard()
    row = session(ago=10, minutes=None)

    with bot(finds(drift_of(row))):
        answer = post(client, RECOVERY, {"reason": "after the outage"})
    health = client.get(HEALTH).json()["last_comparison"]

    assert answer.status_code == 200, answer.content
    assert (answer.json()["mend"], answer.json()["mended"]) == (True, 1)
    entry = AuditEntry.objects.get(action=comparison.COMPARE)
    assert entry.reason.startswith("after the outage (API key Board (rc_")
    assert health["guild_id"] == str(GUILD)
    assert (health["mend"], health["differences"], health["mended"]) == (True, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_guild_whose_bot_does_not_answer_has_an_error_beside_the_others(client: Client) -> None:
    mine, others = session(ago=10, minutes=None), session(ago=9, minutes=None, guild_id=OTHER_GUILD)
    refusing = session(ago=8, minutes=None, guild_id=GUILD + (2 << 22))
    shard(shard_count=2, shard_id=(GUILD >> 22) % 2)

    with bot(lambda item: None if item.guild_id == refusing.guild_id else finds()(item)):
        answer = client.get(RECOVERY)

    assert answer.status_code == 200, answer.content
    errors = {row["guild_id"]: row["error"] for row in answer.json()["guilds"]}
    assert errors[str(mine.guild_id)] is None
    assert errors[str(others.guild_id)]["code"] == "no_bot_answered"
    assert errors[str(refusing.guild_id)] == {
        "code": "comparison_refused",
        "message": "The bot could not compare: The guild is in an outage.",
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_recovery_asks_about_the_keys_guilds_alone(limited: Client, method: str) -> None:
    shard()
    make_guild("Elsewhere", id=OTHER_GUILD)
    session(ago=10, minutes=None)
    session(ago=10, minutes=None, guild_id=OTHER_GUILD)

    with bot(finds()):
        all_of_them = limited.generic(method, RECOVERY)
        named = limited.generic(method, f"{RECOVERY}?guild_id={OTHER_GUILD}")

    assert [row["guild_id"] for row in all_of_them.json()["guilds"]] == [str(GUILD)]
    assert named.json()["guilds"] == []
    assert set(OutboxItem.objects.values_list("guild_id", flat=True)) == {GUILD}


@pytest.mark.django_db(transaction=True)
def test_a_guild_that_is_named_is_compared_whoever_is_there(client: Client, guild: Guild) -> None:
    shard()
    session(ago=10, minutes=None, guild_id=OTHER_GUILD)

    with bot(finds()):
        answer = client.get(RECOVERY, {"guild_id": str(guild.pk)})
        unknown = client.get(RECOVERY, {"guild_id": "77"})

    assert [row["guild_id"] for row in answer.json()["guilds"]] == [str(guild.pk)]
    assert unknown.json()["guilds"] == []


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [
        ("guild_id=x", None, "guild_id"),
        ("guild=5", None, "guild"),
        ("", {"mend": False}, "mend"),
        ("", {"reason": 5}, "reason"),
        ("", {"reason": "\0"}, "reason"),
    ],
)
def test_a_recovery_refuses_what_it_does_not_know(
    client: Client, query: str, body: Any, field: str
) -> None:
    response = post(client, f"{RECOVERY}?{query}", body)

    assert response.status_code == 422, response.content
    assert response.json()["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", HEALTH, Scope.HEALTH_READ),
        ("POST", HEALTH, Scope.SESSIONS_RECOVER),
        ("GET", RECOVERY, Scope.SESSIONS_RECOVER),
        ("POST", RECOVERY, Scope.SESSIONS_RECOVER),
    ],
)
def test_each_asks_for_one_scope_and_no_other(method: str, path: str, scope: Scope) -> None:
    unseen(2000)
    others = client_with(*(other for other in Scope if other is not scope))

    refused = others.generic(method, path)
    let_in = client_with(scope).generic(method, path)

    assert refused.status_code == 403
    assert refused.json()["message"] == f"This key lacks the scope {scope}."
    assert let_in.status_code == (503 if path == RECOVERY else 200)


@pytest.mark.parametrize(("method", "path"), [("GET", HEALTH), ("POST", HEALTH), ("GET", RECOVERY)])
def test_with_the_database_away_the_answer_says_so(client: Client, method: str, path: str) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        response = client.generic(method, path)

    assert response.status_code == 503
    assert response.json()["code"] == "database_unavailable"


@pytest.mark.django_db(transaction=True)
def test_the_documented_examples_have_the_shape_of_the_answers(client: Client) -> None:
    shard()
    row = unseen()
    for job in regular_jobs():
        JobRun.objects.create(job=job, started_at=at(-2), finished_at=at(-1))
    with bot(finds(drift_of(row))):
        answers = {
            "recovery": client.get(RECOVERY).json(),
            "session_health": client.get(HEALTH).json(),
        }
    Shard.objects.all().delete()
    answers["sweep"] = post(client, HEALTH).json()

    for name, example in EXAMPLES.items():
        assert shape(example) == shape(answers[name]), name


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items() if name != "why_not"}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__
