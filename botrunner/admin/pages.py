"""What the pages of rooms have in common: who may open them, and how a decision is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from community.domain.errors import RollcallError
from community.services.access import visible_guilds
from events_app.admin.pages import ReasonForm, refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django import forms
    from django.contrib.admin import AdminSite
    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from community.models import Guild

VIEW = "botrunner.view_room"
CHANGE_RULES = "botrunner.change_roomrules"


class RoomsAdmin(Protocol):
    """An admin of rooms, as far as these pages need it."""

    admin_site: AdminSite

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Gives the records that the account may see."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a page, and when.

    Attributes:
        admin: the admin that the page belongs to.
    """

    admin: RoomsAdmin
    request: HttpRequest
    now: datetime

    @property
    def user(self) -> User:
        """The account: the admin lets no other in."""
        return cast("User", self.request.user)

    @property
    def posted(self) -> Any:
        """What was sent in a form; None where none was sent."""
        return self.request.POST if self.request.method == "POST" else None

    def may(self, permission: str) -> bool:
        """Tells whether the account has a permission."""
        return self.user.has_perm(permission)

    def row(self, pk: Any) -> Any:
        """Finds a record of the guilds that the account sees.

        Raises:
            Http404: there is none for them.
        """
        row = self.admin.get_queryset(self.request).filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def guild(self, guild_id: int) -> Guild:
        """Finds a guild that the account sees.

        Raises:
            Http404: there is none for them.
        """
        guild = visible_guilds(self.user).filter(pk=guild_id).first()
        if guild is None:
            raise Http404
        return guild

    def render(self, template: str, title: str, **context: Any) -> TemplateResponse:
        """Renders a page in the admin's frame."""
        frame = self.admin.admin_site.each_context(self.request)
        return TemplateResponse(
            self.request, f"admin/botrunner/{template}", frame | {"title": title} | context
        )


def bound_to(
    admin: RoomsAdmin, page: Callable[..., HttpResponse], *permissions: str
) -> Callable[..., HttpResponse]:
    """Makes a view of a page, for staff who have all of some permissions.

    Args:
        admin: the admin that it belongs to.
        page: takes an :class:`Asker` and what the address says.
        *permissions: what it takes.
    """

    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perms(permissions):
            raise PermissionDenied
        return page(Asker(admin, request, timezone.now()), **kwargs)

    return cast("Callable[..., HttpResponse]", admin.admin_site.admin_view(view))


def address(name: str, *args: object) -> str:
    """Gives the address of a page of this floor."""
    return reverse(f"admin:botrunner_{name}", args=args)


@dataclass(frozen=True, slots=True)
class Decision:
    """What staff are asked before it is done.

    Attributes:
        title: the page's, in the imperative.
        explanation: what comes of it.
        submit: the button's words.
        done: what is said afterwards.
        what: does it, by what the form gave, ``actor`` and ``now``.
        form_class: with the reason at least.
    """

    title: str
    explanation: str
    submit: str
    done: str
    what: Callable[[dict[str, Any]], object]
    form_class: type[forms.Form] = ReasonForm


def decide(asker: Asker, decision: Decision, *, about: object, back: str) -> HttpResponse:
    """Asks, and does it; what refuses it is said in the form."""
    form = decision.form_class(asker.posted)
    if asker.posted is not None and form.is_valid():
        given = form.cleaned_data | {"actor": asker.user, "now": asker.now}
        try:
            decision.what(given)
        except RollcallError as error:
            refuse(form, error)
        else:
            messages.success(asker.request, decision.done)
            return HttpResponseRedirect(back)
    return asker.render(
        "decide.html",
        decision.title,
        about=about,
        form=form,
        explanation=decision.explanation,
        submit=decision.submit,
        back=back,
        media=form.media,
    )
