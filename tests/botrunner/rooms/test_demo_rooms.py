"""What the demo chooses for rooms, and again at its next start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from botrunner.domain.rooms import demo
from botrunner.models import Hub, QuarantinedChannel, QuarantineState, RoomRules
from botrunner.services.rooms.demo_rooms import make_demo_rooms
from community.embedded.demo import furnish
from community.models import AuditEntry, ChannelKind
from tests.factories import make_channel, make_guild, make_user

if TYPE_CHECKING:
    from community.models import Channel, Guild

pytestmark = pytest.mark.django_db(transaction=True)


def lay(guild: Guild) -> tuple[Channel, Channel]:
    """Lays what the sandbox lays: a hub, and what looks like a room."""
    category = make_channel(guild, demo.CATEGORY, kind=ChannelKind.CATEGORY)
    make_channel(guild, demo.LOOK_ALIKE)
    hub = make_channel(guild, demo.HUB, parent=category)
    return hub, make_channel(guild, demo.LOOK_ALIKE, parent=category)


@pytest.fixture
def guild() -> Guild:
    make_user("demo", is_staff=True, is_superuser=True)
    return make_guild()


def test_the_demo_has_a_hub_several_rooms_at_once_and_one_unproved(guild: Guild) -> None:
    hub, look_alike = lay(guild)

    furnish(timezone.now())
    furnish(timezone.now())

    shown = QuarantinedChannel.objects.get()
    assert Hub.objects.get().channel_id == hub.pk
    assert RoomRules.objects.get().most_rooms > 1
    assert (shown.channel_id, shown.state) == (look_alike.pk, QuarantineState.OPEN)
    assert AuditEntry.objects.filter(action__in=["hub.make", "rooms.choose"]).count() == 2


def test_the_next_start_has_channels_of_its_own(guild: Guild) -> None:
    lay(guild)
    make_demo_rooms(timezone.now())
    guild.channels.update(gone_at=timezone.now())
    hub, _ = lay(guild)

    make_demo_rooms(timezone.now())

    assert Hub.objects.get().channel_id == hub.pk
    assert RoomRules.objects.get().parent_id == hub.parent_id


def test_a_guild_without_such_channels_is_left_as_it_is(guild: Guild) -> None:
    make_channel(guild, demo.HUB)

    make_demo_rooms(timezone.now())

    assert not Hub.objects.exists()
