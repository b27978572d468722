"""The API held against its own description, with whatever a client might send."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, assume, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from community.domain.scopes import Scope
from community.services.api_keys import issue_key
from community.wsgi import application
from sessions_app.models import Visit, VoiceSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

pytestmark = pytest.mark.django_db

load_all_checks()
config = schemathesis.Config.from_dict(
    {"phases": {"coverage": {"generate-duplicate-query-parameters": True}}}
)
schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application, config=config)

# A cursor of the right form that was made up, or a window that ends before it begins, is
# refused, which no schema can say.
BEYOND_SCHEMA = [positive_data_acceptance]
RECOVERY = "/api/analytics/recover-sessions"
# They want records to be found: tests/events_app/api/test_schema_conformance.py.
OF_EVENTS = "^/api/(events|series|credits|disputes|rewards|members)"


@pytest.fixture(autouse=True)
def _keep_the_connection() -> Iterator[None]:
    """Leaves the test's transaction open, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key_text() -> str:
    now = timezone.now()
    _, text = issue_key(
        name="Conformance",
        scopes=Scope,
        guilds=[],
        expires_at=now + timedelta(days=1),
        created_by=User.objects.create_superuser("root"),
        now=now,
    )
    return text


@pytest.fixture
def session_id() -> UUID:
    start = timezone.now() - timedelta(minutes=5)
    visit = Visit.objects.create(
        guild_id=1, user_id=2, started_at=start, first_channel_id=3, last_channel_id=3
    )
    rows = [
        VoiceSession(
            guild_id=1,
            user_id=2,
            channel_id=3,
            visit=visit,
            started_at=start - timedelta(minutes=5 * number),
            entered_at=start,
            ended_at=end,
            last_seen_at=start,
            status="active" if end is None else "completed",
            end_reason="" if end is None else "left",
            muted=[(start, None)],
        )
        for number, end in enumerate([None, start])
    ]
    VoiceSession.objects.bulk_create(rows)
    return rows[0].id


@schema.exclude(path_regex=OF_EVENTS).parametrize()
@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_endpoint_conforms_to_its_schema(case: Any, key_text: str, session_id: UUID) -> None:
    del session_id  # there has to be something to find
    # A list without items leaves no trace in the address: there is nothing to refuse.
    assume([] not in dict(case.query or {}).values())
    headers = {"Authorization": f"Bearer {key_text}"}
    response = case.call(headers=headers)

    excluded = [*BEYOND_SCHEMA]
    if case.path == RECOVERY and response.status_code == 503:
        # No bot runs here, which is told at once, and as the schema says.
        assert response.json()["code"] == "no_bot_answered"
        assert response.elapsed < 2
        excluded.append(not_a_server_error)
    case.validate_response(response, headers=headers, excluded_checks=excluded)


@pytest.mark.parametrize("suffix", ["", "?limit=1", "/{session_id}"])
def test_answer_with_sessions_conforms_to_its_schema(
    suffix: str, key_text: str, session_id: UUID
) -> None:
    path = "/api/sessions/{session_id}" if "{" in suffix else "/api/sessions"
    case = schema[path]["GET"].Case(
        path_parameters={"session_id": str(session_id)} if "{" in suffix else {},
        query={"limit": 1} if "limit" in suffix else {},
    )

    response = case.call_and_validate(headers={"Authorization": f"Bearer {key_text}"})

    assert response.status_code == 200
    assert str(session_id) in response.text
