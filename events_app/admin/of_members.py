"""What lists of what members have of events share: participation, disputes, rewards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpResponseRedirect

from community.admin import search
from community.admin.base import GuildScopedAdmin
from community.admin.showing import link_to
from events_app.admin.pages import VIEW

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


class OfMemberAdmin(GuildScopedAdmin):
    """A page of records, each of one member and one event."""

    exact_ids: ClassVar[tuple[str, ...]] = ("user_id",)
    search_fields = ("user_id",)
    search_help_text = "Member, or an id"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may look at events."""
        return request.user.has_perm(VIEW)

    def named(self, request: HttpRequest, text: str) -> Q:
        """Selects by the members' names."""
        return search.of_members_named(text, guilds=self.guilds(request))

    def with_uuid(self, uuid: Any) -> Q:
        """Selects one record, or those of an event."""
        return Q(pk=uuid) | Q(event=uuid)

    @admin.display(description="event")
    def event_link(self, row: Any) -> SafeString:
        """Links to the event."""
        return link_to(row.event)


class LeadingOnAdmin(OfMemberAdmin):
    """Such a page whose records have none of their own: each leads to one of its event's."""

    def page_of(self, row: Any) -> str:
        """Gives the address of the page that tells of a record."""
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Leads there, whoever may see the record."""
        row = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if row is None:
            refused: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
            return refused
        return HttpResponseRedirect(self.page_of(row))
