"""Voice sessions and the visits that they belong to."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """Who was in voice, when and for how long."""

    name = "sessions_app"
    verbose_name = "Sessions"
    default_auto_field = "django.db.models.BigAutoField"
