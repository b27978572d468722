from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("query", ["status=%00", "q=a%00b", "%00=1", "guild__id__exact=%00"])
def test_a_nul_in_an_admin_address_is_refused(admin_client: Client, query: str) -> None:
    answer = admin_client.get(reverse("admin:sessions_app_voicesession_changelist") + "?" + query)

    assert answer.status_code == HTTPStatus.BAD_REQUEST


def test_other_queries_are_answered(admin_client: Client) -> None:
    answer = admin_client.get(reverse("admin:sessions_app_voicesession_changelist") + "?q=ab")

    assert answer.status_code == HTTPStatus.OK
