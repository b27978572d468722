"""The permission that staff need to end rooms, to decide about the quarantine, and to sweep."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

CODENAME: Final = "close_room"
CLOSE: Final = f"botrunner.{CODENAME}"
NAME: Final = "Can close rooms and decide about the quarantine"


def lay(*, using: str, **_kwargs: Any) -> None:
    """Has the permission be there; called after each migration of the app."""
    from botrunner.models import Room  # noqa: PLC0415 (models are loaded by now)

    of_room = ContentType.objects.db_manager(using).get_for_model(Room)
    Permission.objects.using(using).update_or_create(
        content_type=of_room, codename=CODENAME, defaults={"name": NAME}
    )
