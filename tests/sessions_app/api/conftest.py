from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from community.domain.scopes import Scope
from tests.factories import NOW
from tests.sessions_app.api.session_rows import client_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    GetJson = Callable[..., Any]


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client() -> Client:
    return client_with(Scope.SESSIONS_READ)


@pytest.fixture
def get(client: Client) -> GetJson:
    def get_json(path: str = "/api/sessions", **query: Any) -> Any:
        response = client.get(path, query)
        assert response.status_code == 200, response.content
        return response.json()

    return get_json
