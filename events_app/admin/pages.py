"""What the pages of events have in common: which event, who may open it, who does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.urls import reverse

from community.admin import pages
from community.domain.errors import RollcallError
from events_app.services.planning_errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django import forms
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from community.admin.pages import PagesAdmin
    from events_app.domain.problems import Problem
    from events_app.models import Event

VIEW, ADD, CHANGE, CREDIT, REWARD = (
    f"events_app.{name}_event" for name in ("view", "add", "change", "credit", "reward")
)


@dataclass(frozen=True, slots=True)
class Asker(pages.Asker):
    """Who asks for a page of an event, and when."""

    def event(self, event_id: UUID) -> Event:
        """Finds an event of the guilds that the account sees.

        Raises:
            Http404: there is none for them.
        """
        event: Event = self.row(event_id)
        return event


def bound_to(
    admin: PagesAdmin, page: Callable[..., HttpResponseBase], *permissions: str
) -> Callable[..., HttpResponse]:
    """Makes a view of a page, for staff who have all of some permissions, and see events.

    Args:
        admin: the admin that it belongs to.
        page: takes an :class:`Asker` and what the address says.
        *permissions: what it takes beside looking at events.
    """
    return pages.bound_to(admin, page, VIEW, *permissions, asker=Asker)


def address(name: str, *args: object) -> str:
    """Gives the address of one of an event's pages."""
    return reverse(f"admin:events_app_event_{name}", args=args)


def attempt(asker: Asker, form: forms.Form, what: Callable[[], object], *, done: str) -> bool:
    """Does what a valid form asks for; what refuses it is said at the field, or above all.

    Returns:
        Whether it was done.
    """
    try:
        what()
    except RollcallError as error:
        refuse(form, error)
        return False
    messages.success(asker.request, done)
    return True


def refuse(form: forms.Form, error: RollcallError) -> None:
    """Says in a form why it was refused: each problem of a plan at its field."""
    if not isinstance(error, PlanError):
        pages.refuse(form, error)
        return
    for problem in error.problems:
        # How an event repeats is entered in several fields, and checked as one rule.
        place = getattr(form, "place_of", _field_of)(problem)
        form.add_error(place if place in form.fields else None, problem.message)


def _field_of(problem: Problem) -> str:
    return problem.field
