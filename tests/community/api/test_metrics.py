"""``/metrics``: who may read it, and what it says of shards, the outbox and the jobs."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from community.domain.scopes import Scope
from community.domain.version import VERSION
from community.models import JobRun, OutboxItem, OutboxState, Shard
from tests.community.api.scrapes import OPENMETRICS, get, key, labels, samples_of, scrape
from tests.factories import NOW, at, give, make_guild, make_house, make_shard, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
FIRST = {"shard": "0", "shard_count": "2"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def shard(number: int = 0, **fields: Any) -> Shard:
    return make_shard(shard_id=number, **{"shard_count": 2} | fields)


# Who may read it ----------------------------------------------------------------------------


def test_a_key_of_some_guilds_is_refused_the_figures_of_all() -> None:
    response = get(key(guilds=[make_guild()]))

    assert response.status_code == 403
    assert response.json()["code"] == "key_of_some_guilds"


@pytest.mark.parametrize(
    ("permissions", "is_staff", "status"),
    [(["view_shard"], True, 200), (["view_jobrun"], True, 401), (["view_shard"], False, 401)],
)
def test_staff_who_may_look_at_shards_read_it_in_their_browser(
    permissions: list[str], is_staff: bool, status: int
) -> None:
    client = Client()
    client.force_login(give(make_user(is_staff=is_staff), *permissions))

    assert client.get("/metrics").status_code == status


def test_a_key_that_is_refused_is_refused_in_a_browser_of_staff_too() -> None:
    client = Client()
    client.force_login(give(make_user(is_staff=True), "view_shard"))

    response = client.get("/metrics", headers={"Authorization": "Bearer rc_no"})

    assert response.status_code == 401


def test_metrics_are_unavailable_while_the_database_is_away() -> None:
    text = key()

    def refuse(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        response = get(text)

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json()["code"] == "database_unavailable"


# Its form -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/html, application/xml;q=0.9", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text"),
        ("application/openmetrics-text; version=x", "application/openmetrics-text"),
        ("application/openmetrics-text; version=1.0.0; escaping=x", "application/openmetrics-text"),
    ],
)
def test_the_form_is_what_the_caller_takes(accept: str, content_type: str) -> None:
    shard(figures=FIGURES)

    response = get(key(), accept=accept)

    assert response["Content-Type"].startswith(content_type)
    samples = samples_of(response)
    assert samples["rollcall_info"] == {labels(version=VERSION): 1}
    assert samples["rollcall_batch_seconds_count"] == {labels(**FIRST): 30}


def test_statements_are_as_few_for_much_as_for_little() -> None:
    def statements() -> int:
        text = key()
        with CaptureQueriesContext(connection) as queries:
            samples_of(get(text))
        return len(queries)

    for_nothing = statements()
    make_house(make_guild(), members=3)
    for number in range(5):
        shard(number, shard_count=9, figures=FIGURES)
        JobRun.objects.create(job=f"job.{number}", started_at=at(-1), finished_at=NOW)

    assert statements() == for_nothing <= 16


# Shards -------------------------------------------------------------------------------------

FIGURES: dict[str, Any] = {
    "events": {"VOICE_STATE_UPDATE": 70, "GUILD_CREATE": 3},
    "unreadable": {"PRESENCE_UPDATE": 1},
    "queued": 4,
    "written": 80,
    "batches": 30,
    "retries": 2,
    "batch_seconds": 1.5,
    "batch_seconds_buckets": {"0.01": 20, "0.005": 10, "+Inf": 30},
    "batch_size_buckets": {"1": 5, "10": 29, "100": 30, "+Inf": 30},
    "lag_seconds": 6.25,
    "lag_seconds_buckets": {"0.1": 79, "2.5": 80, "+Inf": 80},
    "spool_records": 6,
    "spool_bytes": 1234,
    "spooled": 9,
    "reconnects": 1,
    "gaps": 2,
}


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_what_a_bot_has_counted_is_told_of_its_shard(accept: str) -> None:
    shard(figures=FIGURES)

    samples = scrape(accept=accept)

    of_shard = labels(**FIRST)
    assert {name: samples[f"rollcall_{name}"] for name in SIMPLE} == {
        name: {of_shard: value} for name, value in SIMPLE.items()
    }
    assert samples["rollcall_gateway_events_total"] == {
        labels(**FIRST, event="VOICE_STATE_UPDATE"): 70,
        labels(**FIRST, event="GUILD_CREATE"): 3,
    }
    assert samples["rollcall_gateway_unreadable_total"] == {
        labels(**FIRST, event="PRESENCE_UPDATE"): 1
    }
    assert samples["rollcall_batch_seconds_bucket"] == {
        labels(**FIRST, le="0.005"): 10,
        labels(**FIRST, le="0.01"): 20,
        labels(**FIRST, le="+Inf"): 30,
    }
    assert samples["rollcall_batch_size_bucket"] == {
        labels(**FIRST, le="1.0"): 5,
        labels(**FIRST, le="10.0"): 29,
        labels(**FIRST, le="100.0"): 30,
        labels(**FIRST, le="+Inf"): 30,
    }
    assert samples["rollcall_commit_lag_seconds_bucket"][labels(**FIRST, le="2.5")] == 80


SIMPLE = {
    "facts_queued": 4,
    "facts_written_total": 80,
    "batch_retries_total": 2,
    "batch_seconds_count": 30,
    "batch_seconds_sum": 1.5,
    "batch_size_count": 30,
    "batch_size_sum": 80,
    "commit_lag_seconds_count": 80,
    "commit_lag_seconds_sum": 6.25,
    "spool_records": 6,
    "spool_bytes": 1234,
    "facts_spooled_total": 9,
    "gateway_reconnects_total": 1,
    "shard_gaps_total": 2,
}


def test_figures_that_are_missing_are_left_out() -> None:
    shard(figures={"queued": 0, "batch_seconds": 1.5, "batches": 3})

    samples = scrape()

    counted = {name for name in samples if name.removeprefix("rollcall_") in SIMPLE}
    assert counted == {"rollcall_facts_queued"}
    assert samples["rollcall_facts_queued"] == {labels(**FIRST): 0}


@pytest.mark.parametrize(
    "figures",
    [
        f'{{"queued": {value}, "events": {{"X": {value}}}, "written": {value}}}'
        for value in ('"7"', "-1", "true", "null", "[1]", '{"a": 1}', "1e999")
    ]
    + [
        f'{{"events": 3, "batch_seconds": 1, "batch_seconds_buckets": {buckets}}}'
        for buckets in (
            '{"0.1": 1}',
            '{"0.1": 2, "+Inf": 1}',
            '{"soon": 1, "+Inf": 1}',
            '{"0.1": "1", "+Inf": null}',
            "[1, 2]",
        )
    ],
)
def test_figures_that_make_no_sense_are_left_out(figures: str) -> None:
    shard()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE community_shard SET figures = %s", [figures])

    samples = scrape()

    assert samples["rollcall_shard_up"] == {labels(**FIRST): 1}
    assert not {
        "rollcall_facts_queued",
        "rollcall_gateway_events_total",
        "rollcall_facts_written_total",
        "rollcall_batch_seconds_bucket",
    } & set(samples)


def test_any_text_is_a_label() -> None:
    name = 'a"b\\c\nd{e="f"} 1\n# HELP ü'
    shard(figures={"events": {name: 1}})

    for accept in ("", OPENMETRICS):
        samples = scrape(accept=accept)

        assert samples["rollcall_gateway_events_total"] == {labels(**FIRST, event=name): 1}


def test_shards_are_told_as_they_are() -> None:
    shard(
        0,
        heartbeat_at=NOW - 15 * SECOND,
        last_frame_at=NOW - 20 * SECOND,
        is_connected=True,
        latency_seconds=0.25,
        fence=3,
    )
    shard(1, heartbeat_at=NOW - 16 * SECOND)
    shard(0, shard_count=1, heartbeat_at=NOW - 3600 * SECOND)

    samples = scrape()

    def told(name: str) -> list[float | None]:
        return [
            samples.get(f"rollcall_shard_{name}", {}).get(labels(shard=number, shard_count="2"))
            for number in ("0", "1")
        ]

    assert told("up") == [1, 0]
    assert told("stopped") == [0, 0]
    assert told("connected") == [1, 0]
    assert told("heartbeat_age_seconds") == [15, 16]
    assert told("last_frame_age_seconds") == [20, None]
    assert told("latency_seconds") == [0.25, None]
    assert told("leases_total") == [3, 0]
    assert len(samples["rollcall_shard_up"]) == 2


def test_a_shard_that_was_stopped_is_down_and_said_to_be_stopped() -> None:
    shard(stopped_at=NOW - SECOND)

    samples = scrape()

    assert samples["rollcall_shard_up"] == {labels(**FIRST): 0}
    assert samples["rollcall_shard_stopped"] == {labels(**FIRST): 1}


# The outbox and the jobs --------------------------------------------------------------------


def test_the_outbox_is_told_by_what_waits_and_how_long() -> None:
    guild = make_guild()
    assert scrape()["rollcall_outbox_oldest_age_seconds"] == {labels(): 0}
    for minutes, state in ((-1, "pending"), (-3, "pending"), (-9, "done"), (-9, "refused")):
        OutboxItem.objects.create(
            guild=guild, kind="x", created_at=at(minutes), state=OutboxState(state)
        )

    samples = scrape()

    assert samples["rollcall_outbox_pending"] == {labels(): 2}
    assert samples["rollcall_outbox_oldest_age_seconds"] == {labels(): 180}


def test_jobs_are_told_by_their_runs_of_a_day_and_the_last_that_completed() -> None:
    for minutes, took, error in (
        (-24 * 60, 1, ""),
        (-30, 2, ""),
        (-20, 3, ""),
        (-10, 1, "ValueError: no"),
        (-1, None, ""),
    ):
        finished_at = None if took is None else at(minutes + took)
        JobRun.objects.create(
            job="a.job", started_at=at(minutes), finished_at=finished_at, error=error
        )
    JobRun.objects.create(job="never", started_at=at(-5), finished_at=at(-4), error="x")
    JobRun.objects.create(job="rare", started_at=at(-3 * 24 * 60), finished_at=at(-3 * 24 * 60 + 1))

    samples = scrape()

    def runs(job: str) -> list[float]:
        of_job = samples["rollcall_job_runs"]
        results = ("completed", "failed", "unfinished")
        return [of_job[labels(job=job, result=result)] for result in results]

    assert (runs("a.job"), runs("never"), runs("rare")) == ([2, 1, 1], [0, 1, 0], [0, 0, 0])
    assert samples["rollcall_job_completed_age_seconds"] == {
        labels(job="a.job"): 17 * 60,
        labels(job="rare"): (3 * 24 * 60 - 1) * 60,
    }
    assert samples["rollcall_job_last_seconds"] == {
        labels(job="a.job"): 180,
        labels(job="rare"): 60,
    }


def test_an_installation_where_nothing_ever_ran_has_metrics_too() -> None:
    samples = samples_of(get(key(*Scope)))

    assert samples["rollcall_outbox_pending"] == {labels(): 0}
    assert not any(math.isnan(value) for values in samples.values() for value in values.values())
