"""What the pages of events have in common: which event, who may open it, who does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from community.admin.showing import link_to
from community.domain.errors import RollcallError
from community.models import Member
from events_app.services.plan_problems import LONGEST_REASON
from events_app.services.planning_errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from django.contrib.admin import AdminSite
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from events_app.domain.problems import Problem
    from events_app.models import Event

VIEW, ADD, CHANGE, CREDIT, REWARD = (
    f"events_app.{name}_event" for name in ("view", "add", "change", "credit", "reward")
)


class EventsAdmin(Protocol):
    """An admin of events, as far as these pages need it."""

    admin_site: AdminSite
    opts: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Gives the records that the account may see."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a page of an event, and when.

    Attributes:
        admin: the admin that the page belongs to.
    """

    admin: EventsAdmin
    request: HttpRequest
    now: datetime

    @property
    def user(self) -> User:
        """The account: the admin lets no other in."""
        return cast("User", self.request.user)

    def may(self, permission: str) -> bool:
        """Tells whether the account has a permission."""
        return self.user.has_perm(permission)

    def event(self, event_id: UUID) -> Event:
        """Finds an event of the guilds that the account sees.

        Raises:
            Http404: there is none for them.
        """
        event: Event | None = self.admin.get_queryset(self.request).filter(pk=event_id).first()
        if event is None:
            raise Http404
        return event

    def render(self, template: str, title: str, **context: Any) -> TemplateResponse:
        """Renders a page in the admin's frame."""
        frame = self.admin.admin_site.each_context(self.request)
        return TemplateResponse(
            self.request, f"admin/events_app/{template}", frame | {"title": title} | context
        )


def bound_to(
    admin: EventsAdmin,
    page: Callable[..., HttpResponseBase],
    *permissions: str,
) -> Callable[..., HttpResponse]:
    """Makes a view of a page, for staff who have all of some permissions, and see events.

    Args:
        admin: the admin that it belongs to.
        page: takes an :class:`Asker` and what the address says.
        *permissions: what it takes beside looking at events.
    """

    def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perms([VIEW, *permissions]):
            raise PermissionDenied
        return page(Asker(admin, request, timezone.now()), **kwargs)

    return cast("Callable[..., HttpResponse]", admin.admin_site.admin_view(view))


def address(name: str, *args: object) -> str:
    """Gives the address of one of an event's pages."""
    return reverse(f"admin:events_app_event_{name}", args=args)


def text_area(rows: int) -> UnfoldAdminTextareaWidget:
    """Makes a box for some lines of text."""
    return UnfoldAdminTextareaWidget(attrs={"rows": rows})


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=text_area(2),
        help_text="It stands in the audit trail.",
    )


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
        field = getattr(error, "field", "")
        form.add_error(field if field in form.fields else None, str(error))
        return
    for problem in error.problems:
        # How an event repeats is entered in several fields, and checked as one rule.
        place = getattr(form, "place_of", _field_of)(problem)
        form.add_error(place if place in form.fields else None, problem.message)


def _field_of(problem: Problem) -> str:
    return problem.field


class Names:
    """Names members of one guild, all of them in one query."""

    def __init__(self, guild_id: int, user_ids: Iterable[int]) -> None:
        """Looks the names up."""
        members = Member.objects.filter(guild_id=guild_id, user_id__in=set(user_ids))
        self.members = {member.user_id: member for member in members}

    def text(self, user_id: int) -> str:
        """Names a member; one who is not mirrored by the id."""
        return str(self.members.get(user_id, f"user {user_id}"))

    def link(self, user_id: int) -> str:
        """Links to a member's page."""
        member = self.members.get(user_id)
        return link_to(member) if member else f"user {user_id}"
