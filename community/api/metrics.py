"""``/metrics``: figures of the whole installation, for Prometheus.

Each scrape reads the database in a fixed number of statements; nothing is kept in the web
process, so that it does not matter which of several is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import OperationalError
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from community import registry
from community.api.authentication import guild_ids_of, key_of
from community.api.problems import ApiError, KeyMissingError, database_away, refusal
from community.api.shard_metrics import shard_families
from community.domain.errors import RollcallError
from community.domain.scopes import Scope
from community.domain.version import VERSION
from community.services.measures import measure_jobs, measure_outbox, measure_shards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.http import HttpRequest
    from prometheus_client.core import Metric

_OPENMETRICS: Final = "application/openmetrics-text"
_PERMISSION: Final = "community.view_shard"


class KeyOfSomeGuildsError(ApiError):
    """This key reaches some guilds alone, and the metrics are of the whole installation."""

    code = "key_of_some_guilds"
    status = 403


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Answers a scrape, in OpenMetrics where the caller takes it and as plain text otherwise.

    For a key with the scope ``metrics:read`` that reaches all guilds, and for staff who may
    look at shards, in their browser.
    """
    try:
        _let_in(request)
        return _answer(request, now=timezone.now())
    except RollcallError as error:
        return refusal(error)
    except OperationalError:
        return database_away()


def _let_in(request: HttpRequest) -> None:
    key = key_of(request, scope=Scope.METRICS_READ)
    if key is None:
        user = request.user
        if not (user.is_active and user.is_staff and user.has_perm(_PERMISSION)):
            raise KeyMissingError
    elif guild_ids_of(key):
        raise KeyOfSomeGuildsError


def _answer(request: HttpRequest, *, now: datetime) -> HttpResponse:
    families = _Families(tuple(_families(now=now)))
    if _OPENMETRICS in request.headers.get("Accept", ""):
        text, content_type = openmetrics.generate_latest(families), openmetrics.CONTENT_TYPE_LATEST
    else:
        text, content_type = generate_latest(families), CONTENT_TYPE_PLAIN_0_0_4
    return HttpResponse(text, content_type=content_type)


@dataclass(frozen=True)
class _Families(Collector):
    families: tuple[Metric, ...]

    def collect(self) -> tuple[Metric, ...]:
        return self.families


def _families(*, now: datetime) -> Iterator[Metric]:
    info = InfoMetricFamily("rollcall", "The version that runs.", value={"version": VERSION})
    yield info
    yield from shard_families(measure_shards(), now=now)
    yield from _outbox_families(now=now)
    yield from _job_families(now=now)
    for families_of in registry.metrics():
        yield from families_of(now)


def _outbox_families(*, now: datetime) -> Iterator[Metric]:
    outbox = measure_outbox()
    age = (now - outbox.oldest_at).total_seconds() if outbox.oldest_at else 0
    yield GaugeMetricFamily(
        "rollcall_outbox_pending", "Requests that wait for a bot.", value=outbox.pending
    )
    yield GaugeMetricFamily(
        "rollcall_outbox_oldest_age_seconds", "Since the oldest of them was made.", value=age
    )


def _job_families(*, now: datetime) -> Iterator[Metric]:
    runs = GaugeMetricFamily(
        "rollcall_job_runs",
        "Runs of a scheduled job that began within the last day, by how they went.",
        labels=("job", "result"),
    )
    age = GaugeMetricFamily(
        "rollcall_job_completed_age_seconds",
        "Since a scheduled job last came to its end without an error.",
        labels=("job",),
    )
    length = GaugeMetricFamily(
        "rollcall_job_last_seconds", "How long that run took.", labels=("job",)
    )
    for job in measure_jobs(now=now):
        runs.add_metric((job.job, "completed"), job.completed)
        runs.add_metric((job.job, "failed"), job.failed)
        runs.add_metric((job.job, "unfinished"), job.unfinished)
        if job.completed_at is not None and job.seconds is not None:
            age.add_metric((job.job,), (now - job.completed_at).total_seconds())
            length.add_metric((job.job,), job.seconds)
    yield from (runs, age, length)
