from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from community.admin.api_key import ApiKeyAdmin
from community.domain.scopes import Scope
from community.models import ApiKey, AuditEntry, Guild, GuildAccess
from community.services.api_keys import issue_key, verify
from tests.factories import make_guild

pytestmark = pytest.mark.django_db

LIST = reverse("admin:community_apikey_changelist")
ADD = reverse("admin:community_apikey_add")
KEY = re.compile(r"rc_[a-z0-9]{8}_[A-Za-z0-9]{43}")


def staff(*permissions: str, guilds: tuple[Guild, ...] = ()) -> User:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    for guild in guilds:
        GuildAccess.objects.create(user=user, guild=guild)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def superuser() -> User:
    return User.objects.create_superuser("root")


def choices(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Board",
        "scopes": ["sessions:read"],
        "guilds": [],
        "expires_at_0": "2099-01-01",
        "expires_at_1": "12:00:00",
    } | changes


def issue(user: User, *guilds: Guild, name: str = "Board") -> ApiKey:
    now = timezone.now()
    return issue_key(
        name=name,
        scopes=[Scope.SESSIONS_READ],
        guilds=guilds,
        expires_at=now + timedelta(days=1),
        created_by=user,
        now=now,
    )[0]


def test_adding_a_key_shows_it_once_and_keeps_it_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    user = superuser()
    client = signed_in(user)
    guild = make_guild("Harbour", id=7)
    caplog.set_level("DEBUG")

    made = client.post(ADD, choices(guilds=[guild.pk]))

    (text,) = set(KEY.findall(made.content.decode()))
    key = verify(text, now=timezone.now())
    assert key is not None
    assert (key.name, key.scopes, list(key.guilds.all())) == ("Board", ["sessions:read"], [guild])
    assert key.created_by == user
    assert key.expires_at == datetime(2099, 1, 1, 12, tzinfo=UTC)
    assert "will not be shown again" in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    later = [client.get(LIST), client.get(reverse("admin:community_apikey_change", args=[key.pk]))]
    assert [page.status_code for page in later] == [200, 200]
    assert not any(KEY.search(page.content.decode()) for page in later)
    kept: list[Any] = [session.get_decoded() for session in Session.objects.all()]
    kept += [*LogEntry.objects.values(), *AuditEntry.objects.values()]
    secret = text.rsplit("_", 1)[1]
    assert secret not in f"{kept}{made.cookies}{caplog.text}"


def test_adding_a_key_proposes_ninety_days() -> None:
    page = signed_in(superuser()).get(ADD).content.decode()

    proposed = (timezone.now() + timedelta(days=90)).date()
    assert f'value="{proposed}"' in page
    assert "sessions:read: read voice sessions" in page
    assert "_addanother" not in page
    assert "_continue" not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"expires_at_0": "2020-01-01"},
        {"expires_at_0": ""},
        {"name": ""},
        {"guilds": ["99"]},
    ],
)
def test_adding_a_key_refuses_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    response = signed_in(superuser()).post(ADD, choices(**wrong))

    assert response.status_code == 200
    assert not KEY.search(response.content.decode())
    assert not ApiKey.objects.exists()


def test_staff_give_out_only_guilds_that_they_see() -> None:
    mine, other = make_guild("Mine", id=1), make_guild("Other", id=2)
    client = signed_in(staff("add_apikey", "view_apikey", guilds=(mine,)))

    page = client.get(ADD).content.decode()
    refused = [client.post(ADD, choices(guilds=ids)) for ids in ([], [other.pk], [mine.pk, 2])]
    made = client.post(ADD, choices(guilds=[mine.pk]))

    assert "Mine" in page
    assert "Other" not in page
    assert not any(KEY.search(response.content.decode()) for response in refused)
    assert KEY.search(made.content.decode())
    assert ApiKey.objects.count() == 1


def test_staff_see_only_keys_within_their_guilds() -> None:
    root = superuser()
    mine, other = make_guild(id=1), make_guild(id=2)
    issue(root, mine, name="within")
    hidden = [issue(root, name="all"), issue(root, other, name="other")]
    hidden.append(issue(root, mine, other, name="beyond"))
    client = signed_in(staff("view_apikey", guilds=(mine,)))

    page = client.get(LIST).content.decode()

    assert "within" in page
    for key in hidden:
        assert key.prefix not in page
        address = reverse("admin:community_apikey_change", args=[key.pk])
        assert client.get(address).status_code == 302


def test_a_key_is_never_edited_or_deleted() -> None:
    key = issue(superuser(), name="before")
    client = signed_in(User.objects.get())

    changed = client.post(
        reverse("admin:community_apikey_change", args=[key.pk]), choices(name="after")
    )
    deleted = client.post(reverse("admin:community_apikey_delete", args=[key.pk]), {"post": "yes"})

    assert (changed.status_code, deleted.status_code) == (403, 403)
    assert ApiKey.objects.get().name == "before"


def revoke_by(client: Client, key: ApiKey) -> Any:
    return client.post(
        LIST, {"action": "revoke_keys", "_selected_action": [str(key.pk)]}, follow=True
    )


def test_revoking_says_what_it_did_and_leaves_a_trail() -> None:
    user = superuser()
    key = issue(user)
    client = signed_in(user)

    first = revoke_by(client, key)
    second = revoke_by(client, key)

    assert f"Revoked Board ({key.prefix}" in first.content.decode()
    assert "revoked already" in second.content.decode()
    assert ApiKey.objects.get().revoked_at is not None
    assert AuditEntry.objects.get(action="api_key.revoke").actor == user


def test_revoking_needs_permission() -> None:
    mine = make_guild(id=1)
    key = issue(superuser(), mine)
    client = signed_in(staff("view_apikey", guilds=(mine,)))

    revoke_by(client, key)

    assert ApiKey.objects.get().revoked_at is None


def test_staff_with_permission_revoke_keys_of_their_guilds_alone() -> None:
    mine, other = make_guild(id=1), make_guild(id=2)
    root = superuser()
    within, beyond = issue(root, mine), issue(root, other)
    client = signed_in(staff("change_apikey", guilds=(mine,)))

    revoke_by(client, within)
    revoke_by(client, beyond)

    assert ApiKey.objects.get(pk=within.pk).revoked_at is not None
    assert ApiKey.objects.get(pk=beyond.pk).revoked_at is None


def test_list_takes_as_many_queries_for_three_as_for_one(
    django_assert_max_num_queries: Any,
) -> None:
    user = superuser()
    client = signed_in(user)
    issue(user)
    with django_assert_max_num_queries(20) as one:
        client.get(LIST)
    issue(user)
    issue(user, make_guild(id=1))

    with django_assert_max_num_queries(20) as three:
        client.get(LIST)

    assert len(three) == len(one)


def test_state_tells_whether_a_key_still_opens_anything() -> None:
    page = ApiKeyAdmin(ApiKey, site)
    now = timezone.now()

    states = [
        page.state(ApiKey(expires_at=now + timedelta(minutes=1))),
        page.state(ApiKey(expires_at=now)),
        page.state(ApiKey(expires_at=now, revoked_at=now)),
    ]

    assert states == ["in force", "expired", "revoked"]
