"""A scrape of ``/metrics`` as Prometheus would read it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from community.domain.scopes import Scope
from community.services.api_keys import issue_key
from tests.factories import NOW

if TYPE_CHECKING:
    from community.models import Guild

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

Labels = frozenset[tuple[str, str]]


def key(*scopes: Scope, guilds: list[Guild] | None = None) -> str:
    """Makes a key as a superuser would."""
    superuser, _ = User.objects.get_or_create(username="root", is_superuser=True)
    _, text = issue_key(
        name="Prometheus",
        scopes=scopes or [Scope.METRICS_READ],
        guilds=guilds or [],
        expires_at=NOW + timedelta(days=1),
        created_by=superuser,
        now=NOW,
    )
    return text


def get(text: str | None = None, *, accept: str = "") -> Any:
    """Asks, with a key where one is given."""
    headers = {"Accept": accept} if accept else {}
    if text is not None:
        headers["Authorization"] = f"Bearer {text}"
    return Client().get("/metrics", headers=headers)


def samples_of(response: Any) -> dict[str, dict[Labels, float]]:
    """Reads an answer: by the sample's name its values by labels; no sample comes twice."""
    assert response.status_code == 200, response.content
    is_open = response["Content-Type"].startswith("application/openmetrics-text")
    parse = parse_openmetrics if is_open else parse_text
    samples: dict[str, dict[Labels, float]] = {}
    for family in parse(response.content.decode()):
        for sample in family.samples:
            values = samples.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in values, sample
            values[labels] = sample.value
    return samples


def scrape(*, accept: str = "") -> dict[str, dict[Labels, float]]:
    """Asks with a key that may, and reads the answer."""
    return samples_of(get(key(), accept=accept))


def labels(**of: str) -> Labels:
    """Labels as the samples have them."""
    return frozenset(of.items())
