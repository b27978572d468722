"""Everything that talks to Discord: the bot, and the sandbox that stands in for Discord."""

from datetime import timedelta
from typing import Final

from django.apps import AppConfig

from sessions_app import registry as sessions_registry

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

        sessions_registry.add_drift_part(OrphanedRooms())
        sessions_registry.add_drift_part(RoomPermissions())
        sessions_registry.name_hubs(hubs.hubs_of)
        sessions_registry.expect_job(sweep.JOB, within=LONGEST_WITHOUT_SWEEP)
