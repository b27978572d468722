"""Pages of the admin, as an account opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.test import Client

if TYPE_CHECKING:
    from django.contrib.auth.models import User

HTML = "<script>alert('x')</script>"
"""What somebody may call something, and no page may show as it stands."""


def as_(user: User | None) -> Client:
    """Gives a browser in which an account is logged in, or nobody."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return client
