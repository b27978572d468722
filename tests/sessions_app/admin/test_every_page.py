"""Every page of the admin, opened by everyone who might."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from community.admin.base import GuildScopedAdmin, MirrorAdmin
from community.models import Member, RoleSpan
from sessions_app.models import Visit, VoiceSession, VoiceState
from tests.factories import (
    give,
    make_guild,
    make_house,
    make_running,
    make_user,
    make_viewer,
)
from tests.pages import as_

if TYPE_CHECKING:
    from django.db.models import Model

pytestmark = pytest.mark.django_db

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
SCOPED = [m for m in MODELS if isinstance(admin.site._registry[m], GuildScopedAdmin)]
MIRRORS = [
    m
    for m in MODELS
    if isinstance(admin.site._registry[m], MirrorAdmin)
    and m._meta.app_label not in {"events_app", "botrunner"}
]


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200, url
    return len(queries)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_takes_as_many_queries_for_three_rows_as_for_one(model: type[Model]) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"))
    make_running()
    url = address(model, "changelist")
    client.get(url)
    with_one = queries_of(client, url)

    for number in range(3):
        make_house(make_guild(f"More {number}"), members=3)
        make_user(f"user{number}")
    assert queries_of(client, url) == with_one


def test_the_index_takes_as_many_queries_for_many_as_for_one() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"))
    make_running()
    url = reverse("admin:index")
    client.get(url)
    with_one = queries_of(client, url)

    make_house(make_guild("More"), members=3)
    assert queries_of(client, url) == with_one


def test_a_visits_page_takes_as_many_queries_for_many_sessions_as_for_one() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"))
    visit = Visit.objects.earliest("started_at")
    session = visit.sessions.get()
    pages = [address(Visit, "change", visit.pk), address(VoiceSession, "change", session.pk)]
    for page in pages:
        client.get(page)
    with_one = [queries_of(client, page) for page in pages]

    make_house(make_guild("More"), members=3)
    VoiceSession.objects.filter(ended_at__isnull=False).update(visit=visit)
    assert visit.sessions.count() == 4
    assert [queries_of(client, page) for page in pages] == with_one


def test_a_visit_is_found_once_by_its_id_and_by_any_sessions() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"), members=3)
    visit = Visit.objects.earliest("started_at")
    VoiceSession.objects.filter(ended_at__isnull=False).update(visit=visit)

    for text in (visit.pk, *visit.sessions.values_list("pk", flat=True)):
        found = client.get(address(Visit, "changelist"), {"q": str(text)})
        assert list(found.context["cl"].result_list) == [visit], text


def test_the_index_and_the_list_leave_out_whom_nobody_has_seen_since_the_sweep() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"))
    VoiceSession.objects.active().update(status="stale", ended_at=F("started_at"))

    index = client.get(reverse("admin:index"))
    listed = client.get(address(VoiceState, "changelist"))

    assert index.context["live_guilds"] == []
    assert list(listed.context["cl"].result_list) == []


def test_every_page_opens_for_a_superuser_and_shows_the_record() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))

    for row in make_house(make_guild("Lantern House")) + make_running():
        response = client.get(address(type(row), "change", row.pk))
        history = client.get(address(type(row), "history", row.pk))

        assert (response.status_code, history.status_code) == (200, 200), row


def test_titles_name_the_member_or_the_user_who_is_not_mirrored() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    rows = [row for row in make_house(make_guild()) if getattr(row, "member", None)]
    assert {type(row) for row in rows} == {RoleSpan, Visit, VoiceSession, VoiceState}

    def shown(page: str) -> list[str]:
        pages = (client.get(address(type(row), page, row.pk)) for row in rows)
        return [page.content.decode() for page in pages]

    assert all(" of Mira 0" in page for page in shown("change") + shown("history"))
    Member.objects.all().delete()
    assert all(re.search(r" of user \d+", page) for page in shown("change"))


def test_a_row_names_its_member_without_asking_the_database() -> None:
    make_house(make_guild())
    rows = [model.objects.get() for model in (RoleSpan, VoiceState)]

    with CaptureQueriesContext(connection) as queries:
        names = [str(row) for row in rows]

    assert not queries
    assert all(f"of user {row.user_id}" in name for row, name in zip(rows, names, strict=True))


def test_every_list_and_page_opens_for_staff_of_the_guild() -> None:
    guild = make_guild("Lantern House")
    rows = make_house(guild) + make_running()
    client = as_(make_viewer("staff", guild))

    assert client.get(reverse("admin:index")).status_code == 200
    for row in rows:
        assert client.get(address(type(row), "changelist")).status_code == 200, row
        assert client.get(address(type(row), "change", row.pk)).status_code == 200, row


def test_staff_of_another_guild_see_nothing_of_this_one() -> None:
    rows = make_house(make_guild("Hidden Harbour"))
    client = as_(make_viewer("other", make_guild("Elsewhere")))

    assert b"Hidden" not in client.get(reverse("admin:index")).content
    for row in rows:
        model = type(row)
        listed = client.get(address(model, "changelist"))
        found = client.get(address(model, "changelist"), {"q": "Hidden"})
        assert address(model, "change", row.pk).encode() not in listed.content, row
        assert b"Hidden Harbour" not in listed.content + found.content, row
        for page in ("change", "history", "delete"):
            response = client.get(address(model, page, row.pk))
            assert response.status_code in {302, 403}, (row, page)


@pytest.mark.parametrize("name", ["guild", "channel", "member"])
def test_a_filter_on_what_is_hidden_finds_nothing_and_names_nothing(name: str) -> None:
    rows = make_house(make_guild("Hidden Harbour"))
    hidden = {"guild": rows[0], "channel": rows[2], "member": rows[3]}[name]
    client = as_(make_viewer("other", make_guild("Elsewhere")))

    response = client.get(address(VoiceSession, "changelist"), {name: hidden.pk})

    assert response.status_code == 200
    assert str(hidden) not in response.content.decode()
    assert response.context["cl"].result_count == 0


def test_autocompletion_offers_a_guilds_records_to_its_staff_alone() -> None:
    guild = make_guild("Hidden Harbour")
    make_house(guild)
    ours, theirs = make_viewer("ours", guild), make_viewer("theirs", make_guild("Elsewhere"))
    any_field, of_members = (
        reverse(f"admin:{name}") for name in ("autocomplete", "community_member_autocomplete")
    )

    for url, field in ((any_field, "guild"), (any_field, "channel"), (of_members, "member")):
        asked = {"app_label": "sessions_app", "model_name": "voicesession", "field_name": field}
        assert as_(ours).get(url, asked).json()["results"], field
        names = [result["text"] for result in as_(theirs).get(url, asked).json()["results"]]
        assert names in ([], ["Elsewhere"]), field
        assert Client().get(url, asked).status_code == 302


@pytest.mark.parametrize("who", ["anonymous", "member", "staff without permissions"])
def test_nothing_opens_for_those_who_may_see_nothing(who: str) -> None:
    guild = make_guild("Lantern House")
    rows = make_house(guild) + make_running()
    client = Client()
    if who != "anonymous":
        user = make_user("someone", is_staff=who.startswith("staff"))
        client.force_login(give(user, guild=guild))

    for row in rows:
        pages = [address(type(row), "changelist"), address(type(row), "add")]
        pages += [address(type(row), page, row.pk) for page in ("change", "delete", "history")]
        for page in pages:
            for response in (client.get(page), client.post(page, {"action": "delete_selected"})):
                assert response.status_code in {302, 403}, page
                assert response.status_code == 403 or "login" in response["Location"], page


@pytest.mark.parametrize("model", MIRRORS, ids=lambda model: model._meta.label)
def test_even_a_superuser_adds_and_deletes_no_mirrored_record(model: type[Model]) -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    rows = make_house(make_guild("Lantern House")) + make_running()
    row = next(row for row in rows if type(row) is model)
    counted = model._default_manager.count()

    assert client.post(address(model, "add"), {}).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    client.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"},
    )
    assert model._default_manager.count() == counted


def test_accounts_are_superusers_business() -> None:
    guild = make_guild("Lantern House")
    user = make_viewer("staff", guild, "add_guildaccess", "change_user", "add_user", "change_group")
    client = as_(user)

    for name in ("auth_user", "auth_group", "community_guildaccess"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403
        assert client.post(reverse(f"admin:{name}_add"), {}).status_code == 403
    assert (
        client.post(
            reverse("admin:auth_user_change", args=[user.pk]), {"is_superuser": "on"}
        ).status_code
        == 403
    )


@pytest.mark.parametrize("model", SCOPED, ids=lambda model: model._meta.label)
@pytest.mark.parametrize(
    "text", ["x", "'", "%", "999999999999999999999999", "1", "00000000-0000-0000-0000-000000000000"]
)
def test_any_search_is_answered(model: type[Model], text: str) -> None:
    guild = make_guild("Lantern House")
    make_house(guild)
    client = as_(make_viewer("staff", guild))

    assert client.get(address(model, "changelist"), {"q": text}).status_code == 200
