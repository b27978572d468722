from __future__ import annotations

import pytest

from botrunner.models import Hub
from botrunner.services.rooms import hubs
from community.models import OutboxItem
from sessions_app.services.restore import guild_rules
from tests.factories import NOW, make_channel, make_guild

pytestmark = pytest.mark.django_db


def test_the_bot_learns_of_hubs_with_the_rules_of_their_guild() -> None:
    guild, other = make_guild(), make_guild()
    on, off = (
        Hub(
            guild_id=guild.pk,
            channel_id=make_channel(guild).pk,
            is_enabled=is_enabled,
            created_at=NOW,
        )
        for is_enabled in (True, False)
    )

    hubs.keep(on, now=NOW)
    hubs.keep(off, now=NOW)

    assert guild_rules(guild.pk, at=NOW).hub_channel_ids == {on.channel_id}
    assert guild_rules(other.pk, at=NOW).hub_channel_ids == frozenset()
    asked = OutboxItem.objects.values_list("kind", "guild_id")
    assert set(asked) == {("guild.rules", guild.pk)}


def test_a_hub_that_is_dropped_is_none_any_more() -> None:
    guild = make_guild()
    hub = Hub(guild_id=guild.pk, channel_id=make_channel(guild).pk, created_at=NOW)
    hubs.keep(hub, now=NOW)
    OutboxItem.objects.all().delete()

    hubs.drop(hub, now=NOW)

    assert guild_rules(guild.pk, at=NOW).hub_channel_ids == frozenset()
    assert OutboxItem.objects.filter(kind="guild.rules").exists()
