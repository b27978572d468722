from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine

from community.domain.scopes import Scope
from tests.events_app.api.keys import client_with
from tests.factories import NOW, make_guild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from community.models import Guild


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def guild() -> Guild:
    return make_guild("Harbour")


@pytest.fixture
def client() -> Client:
    return client_with(Scope.EVENTS_READ, Scope.EVENTS_WRITE)
