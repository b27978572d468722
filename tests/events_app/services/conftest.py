"""A guild with its channels, and an organizer who plans its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from community.models import ChannelKind
from events_app.services.series import create_series
from tests.events_app.planned import noted
from tests.events_app.services.saturdays import EARLY, PLAN, RULE
from tests.factories import make_channel, make_guild, make_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Channel, Guild
    from events_app.models import Event, EventSeries


@pytest.fixture
def actor() -> User:
    return make_user("sam")


@pytest.fixture
def guild() -> Guild:
    return make_guild(time_zone="Europe/Berlin")


@pytest.fixture
def lounge(guild: Guild) -> Channel:
    return make_channel(guild)


@pytest.fixture
def chat(guild: Guild) -> Channel:
    return make_channel(guild, "chat", kind=ChannelKind.TEXT)


@pytest.fixture
def series(guild: Guild) -> EventSeries:
    made = create_series(PLAN, RULE, guild_id=guild.pk, actor=None, now=EARLY)
    noted()
    return made


@pytest.fixture
def events(series: EventSeries) -> list[Event]:
    return list(series.events.order_by("starts_at"))
