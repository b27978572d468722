"""What pages of our own have in common: who asks, who may open them, and what they ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from community.admin.showing import link_to, moment
from community.models import AuditEntry, Member
from community.services.access import visible_guilds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, tzinfo

    from django.contrib.admin import AdminSite
    from django.contrib.auth.models import User
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse, QueryDict
    from django.http.response import HttpResponseBase
    from django.utils.safestring import SafeString

    from community.domain.errors import RollcallError
    from community.models import Guild


class PagesAdmin(Protocol):
    """The admin of some records, as far as pages of our own need it."""

    admin_site: AdminSite
    opts: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Gives the records that the account may see."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a page, and when.

    Attributes:
        admin: the admin that the page belongs to.
    """

    admin: PagesAdmin
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
        """Renders one of the templates of the admin's floor, in the admin's frame."""
        path = f"admin/{self.admin.opts.app_label}/{template}"
        return _render(self, path, title, context)


def _render(asker: Asker, path: str, title: str, context: dict[str, Any]) -> TemplateResponse:
    frame = asker.admin.admin_site.each_context(asker.request)
    return TemplateResponse(asker.request, path, frame | {"title": title} | context)


def bound_to(
    admin: PagesAdmin,
    page: Callable[..., HttpResponseBase],
    *permissions: str,
    asker: type[Asker] = Asker,
) -> Callable[..., HttpResponse]:
    """Makes a view of a page, for staff who have all of some permissions.

    Args:
        admin: the admin that it belongs to.
        page: takes an :class:`Asker` and what the address says.
        *permissions: what it takes.
        asker: the kind of asker that the page takes.
    """

    def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perms(permissions):
            raise PermissionDenied
        return page(asker(admin, request, timezone.now()), **kwargs)

    return cast("Callable[..., HttpResponse]", admin.admin_site.admin_view(view))


# What is asked -------------------------------------------------------------------------------


def text_area(rows: int) -> UnfoldAdminTextareaWidget:
    """Makes a box for some lines of text."""
    return UnfoldAdminTextareaWidget(attrs={"rows": rows})


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        max_length=1000,
        widget=text_area(2),
        help_text="It stands in the audit trail.",
    )


def refuse(form: forms.Form, error: RollcallError) -> None:
    """Says in a form why it was refused: at the field that the error names, or above all."""
    field = getattr(error, "field", "")
    form.add_error(field if field in form.fields else None, str(error))


class GuildForm(forms.Form):
    """Which guild something is made for."""

    def __init__(self, data: QueryDict | None, *, guilds: QuerySet[Guild], help_text: str) -> None:
        super().__init__(data)
        self.fields["guild"] = forms.ModelChoiceField(
            queryset=guilds,
            widget=UnfoldAdminSelectWidget,
            empty_label=None,
            help_text=help_text,
        )


def page_for_guild(
    asker: Asker,
    page: Callable[[Guild], HttpResponse],
    *,
    title: str,
    offered: str,
    nothing: str,
) -> HttpResponse:
    """Shows a page about one of the account's guilds, and asks which where there are several.

    Args:
        asker: who asks; their address may name the guild.
        page: makes the page, once the guild is known.
        title: the title of the page that asks.
        offered: what depends on the guild.
        nothing: what is said where there is none to choose.
    """
    guilds = visible_guilds(asker.user).filter(gone_at=None)
    asked = asker.request.GET
    form = GuildForm(asked if "guild" in asked else None, guilds=guilds, help_text=offered)
    if form.is_valid():
        return page(form.cleaned_data["guild"])
    found = list(guilds[:2])
    if len(found) == 1 and not form.is_bound:
        return page(found[0])
    context = {"form": form, "has_guilds": bool(found), "nothing": nothing}
    return _render(asker, "admin/community/which_guild.html", title, context)


# What is told --------------------------------------------------------------------------------


def trail_of(
    record: Model, zone: tzinfo, *, most: int = 50
) -> list[tuple[SafeString | str, SafeString, AuditEntry]]:
    """Gives what staff did to a record: when, a link to it, and the entry; the latest first."""
    kind = record._meta.model_name or ""
    entries = AuditEntry.objects.filter(target_kind=kind, target_id=str(record.pk))
    return [
        (moment(entry.at, zone), link_to(entry, entry.action), entry) for entry in entries[:most]
    ]


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
