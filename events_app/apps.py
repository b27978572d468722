"""Events and what members are credited with."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """What organizers plan, and who took part."""

    name = "events_app"
    verbose_name = "Events"
    default_auto_field = "django.db.models.BigAutoField"
