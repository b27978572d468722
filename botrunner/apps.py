"""Everything that talks to Discord: the bot, and the sandbox that stands in for Discord."""

from django.apps import AppConfig

from sessions_app import registry as sessions_registry


class BotrunnerConfig(AppConfig):
    """The top floor: it may import all the others, and none of them imports it."""

    name = "botrunner"
    verbose_name = "Bot"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tells the floors below what they cannot know by themselves."""
        # Models are loaded by now.
        from botrunner.services.rooms import hubs  # noqa: PLC0415

        sessions_registry.name_hubs(hubs.hubs_of)
