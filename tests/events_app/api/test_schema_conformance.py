"""What the API says of events held against its own description, where there is something."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from community.domain.scopes import Scope
from community.services.api_keys import issue_key
from community.wsgi import application
from events_app.services.planning import change_event
from events_app.services.publishing import withdraw_from_discord
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from events_app.services.series import create_series
from tests.events_app.planned import make_plan, make_role
from tests.factories import NOW, at, make_channel, make_gap, make_member, make_session, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from community.models import Guild
    from events_app.models import Event

pytestmark = pytest.mark.django_db

load_all_checks()
schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
OURS = "^/api/(events|series|credits|disputes|rewards|members)"


@pytest.fixture(autouse=True)
def _keep_the_connection() -> Iterator[None]:
    """Leaves the test's transaction open, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers() -> dict[str, str]:
    now = timezone.now()
    _, text = issue_key(
        name="Conformance",
        scopes=Scope,
        guilds=[],
        expires_at=now + timedelta(days=1),
        created_by=User.objects.create_superuser("root"),
        now=now,
    )
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def address(guild: Guild) -> dict[str, str]:
    """An event of a series with a member who took part, and all that can be told of it."""
    member, channel = make_member(guild), make_channel(guild)
    make_session(member, channel, started_at=at(-110), ended_at=at(-61), muted=[(at(-90), None)])
    gap = make_gap(guild.pk, began_at=at(-80), ended_at=at(-70))
    role = make_role(guild)
    plan = make_plan(
        starts_at=at(-120), ends_at=at(-60), minimum_share=0.1, capacity=1, reward_role=role.pk
    )
    series = create_series(plan, "FREQ=DAILY;COUNT=2", guild_id=guild.pk, actor=None, now=NOW)
    event: Event = series.events.earliest("starts_at")
    credit = event.credits.create(
        guild=guild, user_id=member.user_id, seconds=5, reason="seen", created_at=NOW
    )
    dispute = event.disputes.create(guild=guild, user_id=member.user_id, text="No", opened_at=NOW)
    event.rewards.create(
        guild=guild,
        user_id=5,
        role_id=role.pk,
        state="refused",
        error="Missing Permissions",
        created_at=NOW,
    )
    event.discord_event_id = 7_000
    event.save(update_fields=["discord_event_id"])
    withdraw_from_discord(event, actor=make_user("robin"), now=NOW)
    rebuild([event.pk], now=NOW)
    change = replace(plan_of(event), description="Bring dice")
    change_event(event.pk, change, actor=None, reason="dice", now=NOW)
    return {
        "event_id": str(event.pk),
        "credit_id": str(credit.pk),
        "dispute_id": str(dispute.pk),
        "gap_id": str(gap.pk),
        "version": "1",
        "series_id": str(series.pk),
        "guild_id": str(guild.pk),
        "user_id": str(member.user_id),
    }


@schema.include(path_regex=OURS).parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_endpoint_conforms_to_its_schema(
    case: Any, headers: dict[str, str], address: dict[str, str]
) -> None:
    given = case.path_parameters or {}
    for name in ("event_id", "series_id", "credit_id", "dispute_id", "gap_id"):
        if is_uuid(given.get(name)):
            given[name] = address[name]

    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)

    # What a plan, a window of time or a cursor may be, no schema can say.
    case.validate_response(response, headers=headers, excluded_checks=[positive_data_acceptance])


def is_uuid(value: object) -> bool:
    """Tells whether it is an id as the schema has it: only such a one gives way to a real one."""
    return isinstance(value, str) and UUID_TEXT.fullmatch(value) is not None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/events", "Game night"),
        ("/api/events/{event_id}", "withdraw"),
        ("/api/events/{event_id}/gaps", "connection_lost"),
        ("/api/events/{event_id}/gaps/{gap_id}", "candidates"),
        ("/api/events/{event_id}/versions", "dice"),
        ("/api/events/{event_id}/versions/{version}", "is_qualified"),
        ("/api/events/{event_id}/participation", "Mira"),
        ("/api/events/{event_id}/participation/{user_id}", "blind"),
        ("/api/events/{event_id}/export.csv", "Mira"),
        ("/api/events/{event_id}/export.json", "Mira"),
        ("/api/series", "FREQ=DAILY"),
        ("/api/series/{series_id}", "occurrences"),
        ("/api/credits", "seen"),
        ("/api/credits/{credit_id}", "seen"),
        ("/api/disputes", "open"),
        ("/api/disputes/{dispute_id}", "open"),
        ("/api/rewards", "Missing Permissions"),
        ("/api/members/{guild_id}/{user_id}/participation", "Mira"),
    ],
)
def test_answers_with_something_in_them_conform_to_their_schema(
    path: str, expected: str, headers: dict[str, str], address: dict[str, str]
) -> None:
    wanted = {name: value for name, value in address.items() if f"{{{name}}}" in path}
    case = schema[path]["GET"].Case(path_parameters=wanted)

    response = case.call_and_validate(headers=headers)

    assert response.status_code == 200
    assert expected in response.text
