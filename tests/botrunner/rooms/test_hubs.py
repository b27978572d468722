from __future__ import annotations

import pytest

from botrunner.services.rooms.hub_choices import make_hub, remove_hub
from community.models import OutboxItem
from sessions_app.services.restore import guild_rules
from tests.factories import NOW, make_channel, make_guild, make_user

pytestmark = pytest.mark.django_db


def test_the_bot_learns_of_hubs_with_the_rules_of_their_guild() -> None:
    guild, other, actor = make_guild(), make_guild(), make_user("root")
    on, off = (
        make_hub(
            guild.pk,
            {"channel_id": make_channel(guild).pk, "is_enabled": is_enabled},
            actor=actor,
            now=NOW,
        )
        for is_enabled in (True, False)
    )

    found = guild_rules(guild.pk, at=NOW).hub_channel_ids

    assert found == {on.channel_id}
    assert off.channel_id not in found
    assert guild_rules(other.pk, at=NOW).hub_channel_ids == frozenset()
    asked = OutboxItem.objects.values_list("kind", "guild_id")
    assert set(asked) == {("guild.rules", guild.pk)}


def test_a_hub_that_is_removed_is_none_any_more() -> None:
    guild, actor = make_guild(), make_user("root")
    hub = make_hub(guild.pk, {"channel_id": make_channel(guild).pk}, actor=actor, now=NOW)
    OutboxItem.objects.all().delete()

    remove_hub(hub.pk, actor=actor, reason="no use", now=NOW)

    assert guild_rules(guild.pk, at=NOW).hub_channel_ids == frozenset()
    assert OutboxItem.objects.filter(kind="guild.rules").exists()
