"""Everything that talks to Discord: the bot, and the sandbox that stands in for Discord."""

from django.apps import AppConfig


class BotrunnerConfig(AppConfig):
    """The top floor: it may import all the others, and none of them imports it."""

    name = "botrunner"
    verbose_name = "Bot"
    default_auto_field = "django.db.models.BigAutoField"
