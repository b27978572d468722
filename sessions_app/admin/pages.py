"""What the pages of health and drift have in common: who may open them, and what they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse

from community.services.access import guild_ids_seen_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import AdminSite
    from django.contrib.auth.models import User
    from django.http import HttpRequest, HttpResponse


class SessionsAdmin(Protocol):
    """The admin of sessions, as far as these pages need it."""

    admin_site: AdminSite

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tells whether the account may look at sessions."""

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tells whether the account may correct sessions."""


class Asker:
    """Who asks for a page, and how far they see."""

    def __init__(self, model_admin: SessionsAdmin, request: HttpRequest) -> None:
        """Lets in whoever may look at sessions.

        Raises:
            PermissionDenied: for all others, and for a POST by who may not correct sessions.
        """
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        self.may_act = model_admin.has_correct_permission(request)
        if request.method == "POST" and not self.may_act:
            raise PermissionDenied
        self.user = cast("User", request.user)  # the admin lets no other in
        self.guild_ids = guild_ids_seen_by(self.user)


def bound_to(
    model_admin: SessionsAdmin, page: Callable[..., HttpResponse]
) -> Callable[..., HttpResponse]:
    """Makes a view of a page: for staff who are logged in, with the admin's own around it."""

    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return page(model_admin, request, **kwargs)

    return model_admin.admin_site.admin_view(view)


def render(
    model_admin: SessionsAdmin, request: HttpRequest, template: str, context: dict[str, Any]
) -> TemplateResponse:
    """Renders a page in the admin's frame."""
    frame = model_admin.admin_site.each_context(request)
    return TemplateResponse(request, f"admin/sessions_app/health/{template}", frame | context)
