"""Rooms for the demo: a hub in each guild, several rooms at once, and one that is not proved.

The sandbox's members use them by themselves (`manage.py sandbox --rooms`). Its channels are new
at each start, so what was chosen for those of the last time is chosen anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import User

from botrunner.domain.rooms import demo
from botrunner.models import Hub
from botrunner.services.rooms.choices import choose_rules
from botrunner.services.rooms.hub_choices import change_hub, make_hub
from botrunner.services.rooms.sweep_actions import quarantine
from community.models import Channel, ChannelKind, Guild

if TYPE_CHECKING:
    from datetime import datetime

MOST_ROOMS: Final = 3
GRACE_SECONDS: Final = 15
WHY: Final = "Our bot made it, and the audit log names no room."


def make_demo_rooms(now: datetime) -> None:
    """Chooses for the rooms of each guild of the demo; the same twice changes nothing.

    Args:
        now: when; the guilds and their channels are mirrored by now.
    """
    # The demo's account: what nobody does is Discord's in the trail.
    actor = User.objects.filter(is_superuser=True).order_by("pk").first()
    if actor is None:
        return
    for guild in Guild.objects.present().order_by("pk"):
        category = _channel(guild, demo.CATEGORY, ChannelKind.CATEGORY)
        hub = _channel(guild, demo.HUB, ChannelKind.VOICE, parent=category)
        if category is None or hub is None:
            continue
        rules = {
            "most_rooms": MOST_ROOMS,
            "grace_seconds": GRACE_SECONDS,
            "parent_id": category.pk,
        }
        choose_rules(guild.pk, rules, actor=actor, now=now)
        _choose_hub(guild, hub, actor=actor, now=now)
        look_alike = _channel(guild, demo.LOOK_ALIKE, ChannelKind.VOICE, parent=category)
        if look_alike is not None:
            # As the sweep does within a minute: whoever opens the demo looks now.
            quarantine(guild.pk, look_alike.pk, name=look_alike.name, why=WHY, now=now)


def _choose_hub(guild: Guild, channel: Channel, *, actor: User, now: datetime) -> None:
    former = Hub.objects.filter(guild=guild).first()
    choices = {"channel_id": channel.pk, "grace_seconds": GRACE_SECONDS}
    if former is None:
        make_hub(guild.pk, choices, actor=actor, now=now)
    else:
        change_hub(former.pk, choices, actor=actor, now=now)


def _channel(
    guild: Guild, name: str, kind: ChannelKind, *, parent: Channel | None = None
) -> Channel | None:
    found = guild.channels.filter(name=name, kind=kind, parent=parent, gone_at=None)
    return found.order_by("pk").last()
