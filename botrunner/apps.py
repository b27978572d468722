"""Everything that talks to Discord: the bot, and the sandbox that stands in for Discord."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string

from community import registry as community_registry
from sessions_app import registry as sessions_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from sessions_app.registry import Panel


class BotrunnerConfig(AppConfig):
    """The top floor: it may import all the others, and none of them imports it."""

    name = "botrunner"
    verbose_name = "Bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Shows this floor on the pages of the floors below."""
        # Models are loaded by now.
        from botrunner import permissions  # noqa: PLC0415
        from botrunner.services.rooms.drift import OrphanedRooms, RoomPermissions  # noqa: PLC0415

        room, hub, quarantined = (
            self.get_model(name) for name in ("Room", "Hub", "QuarantinedChannel")
        )
        community_registry.link_list(room, "rooms", to=("guild", "member"))
        community_registry.link_list(hub, "hubs", to=("guild",))
        community_registry.link_list(quarantined, "quarantine", to=("guild",))
        community_registry.link_page("botrunner_guild_rooms", "rooms now", to=("guild",))
        sessions_registry.show_on_front_page(_rooms_now)
        sessions_registry.add_drift_part(OrphanedRooms())
        sessions_registry.add_drift_part(RoomPermissions())
        post_migrate.connect(permissions.lay, sender=self)


def _rooms_now(request: HttpRequest) -> Panel | None:
    """Makes the box on the front page; only who shows it loads the admin, and never the bot."""
    make: Callable[[HttpRequest], Panel | None] = import_string(
        "botrunner.admin.dashboard.rooms_now"
    )
    return make(request)
