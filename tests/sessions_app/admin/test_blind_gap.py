"""What staff read of blind gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from community.models import Member
from tests.factories import NOW, at, make_gap, make_guild, make_viewer

if TYPE_CHECKING:
    from community.models import Guild
    from sessions_app.models import BlindGap

pytestmark = pytest.mark.django_db

LIST = "admin:sessions_app_blindgap_changelist"


@pytest.fixture
def client(guild: Guild) -> Client:
    client = Client()
    client.force_login(make_viewer("sam", guild))
    return client


def listed(client: Client, **asked: Any) -> list[BlindGap]:
    response = client.get(reverse(LIST), asked)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_gaps_are_listed_newest_first_and_filtered(client: Client, guild: Guild) -> None:
    old = make_gap(guild.pk, began_at=at(-90), ended_at=at(-60), cause="bot_down")
    new = make_gap(guild.pk, is_replayed=True)
    elsewhere = make_gap(make_guild("Elsewhere").pk)

    assert listed(client) == [new, old]
    assert listed(client, cause__exact="bot_down") == [old]
    assert listed(client, is_replayed__exact="1") == [new]
    assert listed(client, began_at_from="2026-11-20T11:00") == [new]
    assert listed(client, guild=elsewhere.guild_id) == []


def test_a_gap_of_one_member_is_found_by_them(client: Client, guild: Guild, member: Member) -> None:
    gap = make_gap(guild.pk, user_id=member.user_id, cause="event_missed")
    make_gap(guild.pk)

    for text in (gap.pk, member.user_id, "mira"):
        assert listed(client, q=text) == [gap], text
    assert listed(client, q="nobody") == []


def test_a_gaps_page_says_when_why_and_for_whom(client: Client, guild: Guild) -> None:
    gap = make_gap(guild.pk, began_at=at(-3.5), cause="bot_down", sessions_mended=4)

    page = client.get(reverse("admin:sessions_app_blindgap_change", args=[gap.pk]))

    body = page.content.decode()
    assert "3 min 30 s" in body
    assert "bot down" in body
    assert "everyone" in body
    assert f"{NOW:%Y-%m-%d} 13:00:00 CET" in body


def test_a_gap_of_one_member_names_them_or_their_id(
    client: Client, guild: Guild, member: Member
) -> None:
    make_gap(guild.pk, user_id=member.user_id, cause="event_missed")
    make_gap(guild.pk, user_id=555, cause="event_missed")
    Member.objects.filter(pk=member.pk).update(display_name="<script>alert(1)</script>")

    body = client.get(reverse(LIST)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert "<script>alert(1)" not in body
    assert reverse("admin:community_member_change", args=[member.pk]) in body
    assert "user 555" in body


def test_a_guilds_page_links_to_its_gaps(client: Client, guild: Guild) -> None:
    page = client.get(reverse("admin:community_guild_change", args=[guild.pk]))

    assert f"{reverse(LIST)}?guild={guild.pk}" in page.content.decode()
