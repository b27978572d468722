from __future__ import annotations

import hashlib
import string
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from community.domain.scopes import (
    GuildsBeyondReachError,
    KeyExpiryPastError,
    KeyWithoutScopeError,
    Scope,
)
from community.models import ApiKey, AuditEntry, GuildAccess
from community.services.api_keys import issue_key, revoke, verify
from tests.factories import NOW, make_guild

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("root", password="irrelevant")


def issue(user: User, **changes: object) -> tuple[ApiKey, str]:
    choices: dict[str, object] = {
        "name": "Board",
        "scopes": [Scope.SESSIONS_READ],
        "guilds": [],
        "expires_at": NOW + timedelta(days=90),
        "created_by": user,
        "now": NOW,
    }
    return issue_key(**(choices | changes))  # type: ignore[arg-type]  # a test's own mixture


def test_issue_key_keeps_a_hash_alone(superuser: User) -> None:
    key, text = issue(superuser)

    key.refresh_from_db()
    stored = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert text.startswith(f"{key.prefix}_")
    assert key.digest == hashlib.sha256(text.encode()).hexdigest()
    assert text.removeprefix(f"{key.prefix}_") not in stored


def test_issue_key_writes_an_audit_entry_without_the_secret(superuser: User) -> None:
    guild = make_guild("Harbour", id=7)

    key, text = issue(superuser, guilds=[guild])

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == (
        "api_key.issue",
        superuser,
        str(key.pk),
    )
    assert entry.after["guilds"] == ["7"]
    assert entry.after["scopes"] == ["sessions:read"]
    assert text not in str(entry.after)
    assert key.digest not in str(entry.after)


def test_issue_key_makes_keys_that_differ(superuser: User) -> None:
    texts = {issue(superuser)[1] for _ in range(20)}

    assert len(texts) == 20
    assert all(set(text) <= set(string.ascii_letters + string.digits + "_") for text in texts)


def test_issue_key_refuses_what_makes_no_sense(superuser: User) -> None:
    with pytest.raises(KeyWithoutScopeError):
        issue(superuser, scopes=[])
    with pytest.raises(KeyExpiryPastError):
        issue(superuser, expires_at=NOW)
    with pytest.raises(ValueError, match="everything"):
        issue(superuser, scopes=["everything"])

    assert not ApiKey.objects.exists()


def test_issue_key_gives_out_only_guilds_that_its_maker_sees() -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    mine = make_guild(id=1)
    other = make_guild(id=2)
    GuildAccess.objects.create(user=staff, guild=mine)

    key, _ = issue(staff, guilds=[mine])
    with pytest.raises(GuildsBeyondReachError):
        issue(staff, guilds=[mine, other])
    with pytest.raises(GuildsBeyondReachError):
        issue(staff, guilds=[])

    assert [guild.pk for guild in key.guilds.all()] == [1]
    assert ApiKey.objects.count() == 1


def test_verify_finds_the_key(superuser: User) -> None:
    key, text = issue(superuser)

    assert verify(text, now=NOW) == key


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text + "\n",
        lambda text: text.upper(),
        lambda text: text.replace("rc_", "xx_"),
        lambda text: text[:3] + "\x00" + text[4:],
        lambda text: text[:-1] + "\u00e9",
        lambda text: text[:-1] + "\u0661",
        lambda _: "",
        lambda _: "rc_",
        lambda _: "rc_" + "a" * 100_000,
    ],
)
def test_verify_refuses_what_is_not_the_key(superuser: User, spoil: object) -> None:
    _, text = issue(superuser)

    assert callable(spoil)
    assert verify(spoil(text), now=NOW) is None


def test_verify_refuses_an_expired_key(superuser: User) -> None:
    key, text = issue(superuser)

    assert verify(text, now=key.expires_at - timedelta(microseconds=1)) == key
    assert verify(text, now=key.expires_at) is None


def test_verify_refuses_a_revoked_key_for_good(superuser: User) -> None:
    key, text = issue(superuser)

    first = revoke(key, actor=superuser, now=NOW, reason="left the team")
    second = revoke(key, actor=superuser, now=NOW + timedelta(hours=1))

    assert (first, second) == (True, False)
    assert verify(text, now=NOW) is None
    assert key.revoked_at == ApiKey.objects.get().revoked_at == NOW
    entry = AuditEntry.objects.get(action="api_key.revoke")
    assert (entry.reason, entry.actor) == ("left the team", superuser)


def test_verify_notes_the_use_once_a_minute(
    superuser: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, text = issue(superuser)

    with django_assert_num_queries(3):  # the key, its guilds, the note
        verify(text, now=NOW)
    with django_assert_num_queries(2):
        verify(text, now=NOW + timedelta(seconds=59))

    assert ApiKey.objects.get().last_used_at == NOW

    verify(text, now=NOW + timedelta(seconds=60))

    assert ApiKey.objects.get().last_used_at == NOW + timedelta(seconds=60)
