"""What every app of Rollcall shares: the directory, the outbox, keys and the audit trail."""

from django.apps import AppConfig


class CommunityConfig(AppConfig):
    """The ground floor: it imports none of the other apps."""

    name = "community"
    verbose_name = "Community"
    default_auto_field = "django.db.models.BigAutoField"
