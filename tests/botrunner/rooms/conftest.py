from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from botrunner.models import QuarantinedChannel
from botrunner.services.rooms.sweep import sweep_guild
from tests.botrunner.rooms.sandbox_beside import Discord, discord_beside, later
from tests.factories import make_member, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

    from botrunner.sandbox.entities import Channel


@pytest.fixture
def discord() -> Iterator[Discord]:
    with discord_beside() as found:
        yield found


@pytest.fixture
def no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has changes be applied by whoever asks for it, whether they hold a lease or not."""
    monkeypatch.setattr("botrunner.services.rooms.applying.leases.check", lambda _: None)


@pytest.fixture
def others(discord: Discord) -> Iterator[list[int]]:
    """What others made and what resembles ours: it stands in every story, and at its end."""
    channels = list(discord.guild.channels)
    somebody = discord.people[5]
    channels.append(discord.make_channel(by=somebody).id)
    channels.append(discord.make_channel(by=somebody, reason="Rollcall room").id)
    yield channels
    assert [channel_id for channel_id in channels if not discord.has(channel_id)] == []


@pytest.fixture
def sam() -> User:
    """Who decides."""
    return make_user("sam", is_staff=True)


@pytest.fixture
def channel(discord: Discord) -> Channel:
    """One that our bot made, and that names no room."""
    return discord.make_channel(reason="no room")


@pytest.fixture
def item(discord: Discord, channel: Channel) -> QuarantinedChannel:
    """The same, as staff are shown it."""
    with discord.rest() as rest:
        sweep_guild(discord.guild.id, rest=rest, now=later())
    return QuarantinedChannel.objects.get(channel_id=channel.id)


@pytest.fixture
def owner_id(discord: Discord) -> int:
    """A member who may be given a room."""
    return make_member(discord.row, user_id=discord.people[0]).user_id
