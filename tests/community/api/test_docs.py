from __future__ import annotations

import json
import re
import tomllib

from django.conf import settings
from django.test import Client

from community.domain.version import VERSION


def test_docs_page_loads_nothing_from_elsewhere() -> None:
    response = Client().get("/api/docs")

    page = response.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    (configuration,) = re.findall(r'id="swagger-settings">(.*?)</script>', page, re.DOTALL)
    swagger = json.loads(configuration)
    assert response.status_code == 200
    assert len(sources) >= 3
    assert all(source.startswith("/static/") for source in sources)
    assert swagger["url"] == "/api/openapi.json"
    assert swagger["validatorUrl"] is None
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_schema_describes_every_endpoint_parameter_and_refusal() -> None:
    schema = Client().get("/api/openapi.json").json()

    assert set(schema["paths"]) == {
        "/api/analytics/recover-sessions",
        "/api/analytics/session-health",
        "/api/credits",
        "/api/credits/{credit_id}",
        "/api/credits/{credit_id}/withdraw",
        "/api/disputes",
        "/api/disputes/{dispute_id}",
        "/api/disputes/{dispute_id}/answer",
        "/api/events",
        "/api/events/preview",
        "/api/events/{event_id}",
        "/api/events/{event_id}/cancel",
        "/api/events/{event_id}/change-series",
        "/api/events/{event_id}/credits",
        "/api/events/{event_id}/disputes",
        "/api/events/{event_id}/export.csv",
        "/api/events/{event_id}/export.json",
        "/api/events/{event_id}/gaps",
        "/api/events/{event_id}/gaps/{gap_id}",
        "/api/events/{event_id}/gaps/{gap_id}/credit",
        "/api/events/{event_id}/participation",
        "/api/events/{event_id}/participation/{user_id}",
        "/api/events/{event_id}/preview",
        "/api/events/{event_id}/reminders",
        "/api/events/{event_id}/publish",
        "/api/events/{event_id}/publish-on-discord",
        "/api/events/{event_id}/rewards/give",
        "/api/events/{event_id}/rewards/retry",
        "/api/events/{event_id}/rewards/revoke",
        "/api/events/{event_id}/undo",
        "/api/events/{event_id}/versions",
        "/api/events/{event_id}/versions/{version}",
        "/api/events/{event_id}/withdraw-from-discord",
        "/api/gaps",
        "/api/health",
        "/api/members/{guild_id}/{user_id}/participation",
        "/api/rewards",
        "/api/series",
        "/api/series/{series_id}",
        "/api/series/{series_id}/cancel",
        "/api/sessions",
        "/api/sessions/{session_id}",
    }
    for operation in (one for path in schema["paths"].values() for one in path.values()):
        assert operation["description"]
        assert {"401", "403", "422", "503"} <= set(operation["responses"])
        assert {"200", "201", "202"} & set(operation["responses"])
        assert all(
            "description" in parameter
            for parameter in operation["parameters"]
            if parameter["in"] == "query"
        )
    assert {"from", "until", "cursor"} <= {
        parameter["name"] for parameter in schema["paths"]["/api/sessions"]["get"]["parameters"]
    }


def test_schema_has_the_version_of_the_package() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]

    assert (
        project["version"] == VERSION == Client().get("/api/openapi.json").json()["info"]["version"]
    )
