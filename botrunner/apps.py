"""Everything that talks to Discord: the bot, and the sandbox that stands in for Discord."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.apps import AppConfig
from django.utils.module_loading import import_string

from community import registry as community_registry
from sessions_app import registry as sessions_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from sessions_app.registry import Panel

LONGEST_WITHOUT_SWEEP: Final = timedelta(minutes=5)
"""The sweep of rooms runs each minute; without one completed for so long health warns."""


class BotrunnerConfig(AppConfig):
    """The top floor: it may import all the others, and none of them imports it."""

    name = "botrunner"
    verbose_name = "Bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tells the floors below what they cannot know, and shows itself on their pages."""
        from botrunner.services.rooms import hubs, sweep  # noqa: PLC0415 - models are loaded now
        from botrunner.services.rooms.drift import (  # noqa: PLC0415 - models are loaded now
            OrphanedRooms,
            RoomPermissions,
        )

        room, hub, quarantined = (
            self.get_model(name) for name in ("Room", "Hub", "QuarantinedChannel")
        )
        community_registry.link_list(room, "rooms", to=("guild", "member"))
        community_registry.link_list(hub, "hubs", to=("guild",))
        community_registry.link_list(quarantined, "quarantine", to=("guild",))
        community_registry.link_page("botrunner_guild_rooms", "rooms now", to=("guild",))
        community_registry.add_to_demo("botrunner.services.rooms.demo_rooms.make_demo_rooms")
        sessions_registry.show_on_front_page(_rooms_now)
        sessions_registry.add_drift_part(OrphanedRooms())
        sessions_registry.add_drift_part(RoomPermissions())
        sessions_registry.name_hubs(hubs.hubs_of)
        sessions_registry.expect_job(sweep.JOB, within=LONGEST_WITHOUT_SWEEP)


def _rooms_now(request: HttpRequest) -> Panel | None:
    """Makes the box on the front page; only who shows it loads the admin, and never the bot."""
    make: Callable[[HttpRequest], Panel | None] = import_string(
        "botrunner.admin.dashboard.rooms_now"
    )
    return make(request)
