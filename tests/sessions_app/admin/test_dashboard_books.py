"""The figure of the books on the page that the admin opens on."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from community.models import JobRun
from sessions_app.services.self_check import CHECK_BOOKS
from tests.factories import NOW, at, give, make_user

pytestmark = pytest.mark.django_db


def check(**fields: Any) -> JobRun:
    return JobRun.objects.create(
        job=CHECK_BOOKS, **{"started_at": at(-3), "finished_at": at(-2)} | fields
    )


def shown(*permissions: str) -> str:
    client = Client()
    client.force_login(give(make_user("staff", is_staff=True), *permissions))
    with time_machine.travel(NOW, tick=False):
        return client.get(reverse("admin:index")).content.decode()


def test_the_figure_stands_on_the_index_with_a_link_to_the_check() -> None:
    run = check()

    page = shown("view_jobrun")

    assert reverse("admin:community_jobrun_change", args=[run.pk]) in page
    assert "0 wrong rows</a>" in page
    assert "checked 3 min ago</small>" in page


def test_the_index_tells_what_is_wrong_by_kind() -> None:
    check(found=1203, outcome={"wrong": {"overlap": 1200, "negative": 0, "sum": 3}})

    page = shown("view_jobrun")

    assert "1,203 wrong rows</a>" in page
    assert "checked 3 min ago: 1,200 overlap, 3 sum</small>" in page


def test_the_index_shows_the_latest_check_that_came_to_its_end() -> None:
    check(started_at=at(-9), found=1)
    check(found=7, error="OperationalError: away")
    check(found=8, finished_at=None)

    page = shown("view_jobrun")

    assert "1 wrong row</a>" in page
    assert "checked 9 min ago" in page


def test_the_index_says_where_nothing_was_checked_yet() -> None:
    assert "Not checked yet" in shown("view_jobrun")


def test_the_figure_is_for_those_who_may_see_the_jobs() -> None:
    check(found=5)

    page = shown("view_shard")

    assert "wrong rows" not in page
    assert "books-title" not in page
