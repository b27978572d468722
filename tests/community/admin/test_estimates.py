from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from community.admin import estimates
from community.admin.estimates import EstimatedPaginator
from community.models import Member
from tests.factories import make_guild, make_member, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that counts as large from 50 rows on, with fresh statistics."""
    guild = make_guild("One")
    Member.objects.bulk_create(
        Member(guild=guild, user_id=number, username=f"u{number}", display_name=f"u{number}")
        for number in range(1, 1_235)
    )
    make_member(make_guild("Two"), "Only one")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE community_member")
    monkeypatch.setattr(estimates, "EXACT_UP_TO", 50)


def test_a_small_list_is_counted() -> None:
    guild = make_guild()
    for number in range(3):
        make_member(guild, f"m{number}")

    paginator = EstimatedPaginator(Member.objects.all(), 2)

    assert (paginator.total, paginator.num_pages) == ("3", 2)
    assert len(paginator.page(2).object_list) == 1


def test_what_django_knows_to_be_empty_is_empty() -> None:
    assert EstimatedPaginator(Member.objects.none(), 2).total == "0"


@pytest.mark.usefixtures("_many")
def test_a_large_list_is_estimated_without_counting() -> None:
    paginator = EstimatedPaginator(Member.objects.order_by("pk"), 100)

    assert paginator.total == "about 1,200"
    assert paginator.num_pages == estimates.LAST_PAGE
    assert len(paginator.page(13).object_list) == 35
    assert len(paginator.page(500).object_list) == 0


@pytest.mark.usefixtures("_many")
def test_a_filtered_list_is_estimated_by_its_filter() -> None:
    few = Member.objects.filter(display_name="Only one")

    assert EstimatedPaginator(few, 100).total == "1"


@pytest.mark.usefixtures("_many")
def test_a_large_list_is_said_to_be_about_so_long_and_pages_on() -> None:
    client = Client()
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    url = reverse("admin:community_member_changelist")

    first = client.get(url).content.decode()
    second = client.get(url, {"p": "2"}).content.decode()
    beyond = client.get(url, {"p": "900"})

    assert "about 1,200 members" in first
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert 'rel="prev"' in second
    assert beyond.status_code == 200
