"""A guild with one member and one channel, and who looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_channel, make_guild, make_member, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Channel, Guild, Member


@pytest.fixture
def actor() -> User:
    return make_user("sam")


@pytest.fixture
def guild() -> Guild:
    return make_guild(time_zone="Europe/Berlin")


@pytest.fixture
def channel(guild: Guild) -> Channel:
    return make_channel(guild)


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)
