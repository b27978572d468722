"""A guild, and an organizer who plans its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_guild, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild


@pytest.fixture
def actor() -> User:
    return make_user("sam")


@pytest.fixture
def guild() -> Guild:
    return make_guild(time_zone="Europe/Berlin")
