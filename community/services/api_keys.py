"""Keys to the HTTP API: made, checked, revoked.

A key reads ``rc_<prefix>_<secret>``: eight characters that tell keys apart and 43 that
nobody can guess (256 bits). Only its SHA-256 is kept: with a secret of that size a slow
hash would add nothing but time to each request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q

from community.domain.scopes import (
    GuildsBeyondReachError,
    KeyExpiryPastError,
    KeyWithoutScopeError,
    Scope,
)
from community.models import ApiKey
from community.services import audit
from community.services.access import visible_guilds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from django.contrib.auth.models import User

    from community.models import Guild

USE_NOTED_EVERY: Final = timedelta(minutes=1)

_PREFIX_ALPHABET = string.ascii_lowercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(r"(rc_[a-z0-9]{8})_[A-Za-z0-9]{43}", re.ASCII)


def issue_key(
    *,
    name: str,
    scopes: Iterable[Scope],
    guilds: Collection[Guild],
    expires_at: datetime,
    created_by: User,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Makes a key.

    Args:
        name: what it is for.
        scopes: what it may do.
        guilds: the guilds that it may read; none means all, those of the future included.
        expires_at: from when on it is refused.
        created_by: who gives it out.
        now: the current time.

    Returns:
        The record, and the key itself, which is kept nowhere: this is the only time
        that it can be shown.

    Raises:
        KeyWithoutScopeError: if there is no scope.
        KeyExpiryPastError: if it would have expired already.
        GuildsBeyondReachError: if ``created_by`` does not see all that it would reach.
    """
    granted = sorted({Scope(scope) for scope in scopes})
    if not granted:
        raise KeyWithoutScopeError
    if expires_at <= now:
        raise KeyExpiryPastError
    chosen = {guild.pk for guild in guilds}
    if not created_by.is_superuser:
        seen = set(visible_guilds(created_by).filter(pk__in=chosen).values_list("pk", flat=True))
        if not chosen or seen != chosen:
            raise GuildsBeyondReachError

    prefix = "rc_" + _random(_PREFIX_ALPHABET, 8)
    key_text = f"{prefix}_{_random(_SECRET_ALPHABET, 43)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name,
            prefix=prefix,
            digest=_digest(key_text),
            scopes=[str(scope) for scope in granted],
            created_by=created_by,
            created_at=now,
            expires_at=expires_at,
        )
        key.guilds.set(chosen)
        audit.record(
            actor=created_by,
            action="api_key.issue",
            target=key,
            guild_id=None,
            reason="",
            before={},
            after={
                "name": name,
                "prefix": prefix,
                "scopes": key.scopes,
                "guilds": sorted(str(guild_id) for guild_id in chosen),
                "expires_at": expires_at,
            },
            at=now,
        )
    return key, key_text


def verify(key_text: str, *, now: datetime) -> ApiKey | None:
    """Finds the key that a caller shows, its guilds with it, and notes that it was used.

    Returns:
        None where the key is unknown, malformed, expired or revoked: a caller is not
        told which.
    """
    match = _KEY.fullmatch(key_text)
    if match is None:
        return None
    key = ApiKey.objects.filter(prefix=match[1]).prefetch_related("guilds").first()
    if key is None or not hmac.compare_digest(key.digest, _digest(key_text)):
        return None
    if key.revoked_at is not None or key.expires_at <= now:
        return None

    due = now - USE_NOTED_EVERY
    if key.last_used_at is None or key.last_used_at <= due:
        # The condition stands in the statement too: of many requests at once one writes.
        ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=due), pk=key.pk).update(
            last_used_at=now
        )
    return key


def revoke(key: ApiKey, *, actor: User | None, now: datetime, reason: str = "") -> bool:
    """Refuses a key from now on, for good.

    Returns:
        Whether it was still standing; revoking twice changes nothing.
    """
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            return False
        audit.record(
            actor=actor,
            action="api_key.revoke",
            target=key,
            guild_id=None,
            reason=reason,
            before={"revoked_at": None},
            after={"revoked_at": now},
            at=now,
        )
    key.revoked_at = now
    return True


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _digest(key_text: str) -> str:
    return hashlib.sha256(key_text.encode("ascii")).hexdigest()
