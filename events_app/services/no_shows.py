"""Who said that they would come to an event, and has no participation in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from events_app.models import Interest, Participation

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from events_app.models import Event


def no_shows_of(event: Event) -> QuerySet[Interest, int]:
    """Gives the user ids of those who are interested and did not take part, in their order.

    It goes by what was worked out. Who is missing while the event is on, the live board
    tells, from the sessions themselves.
    """
    came = Participation.objects.filter(event=event, user_id=OuterRef("user_id"))
    missing = Interest.objects.filter(~Exists(came), event=event)
    return missing.order_by("since", "user_id").values_list("user_id", flat=True)
