from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.botrunner.rooms.sandbox_beside import Discord, discord_beside

if TYPE_CHECKING:
    from collections.abc import Iterator


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
