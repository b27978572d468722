"""Disputes: members say that a number is wrong, staff answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.text import Truncator
from unfold.decorators import display
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from community.admin.base import PagedAdmin
from community.admin.filters import GuildFilter, MemberFilter, TimeRangeFilter
from community.admin.pages import Names, text_area
from community.admin.showing import link_to, moment
from events_app.admin.filters import EventFilter
from events_app.admin.of_members import OfMemberAdmin
from events_app.admin.pages import CREDIT, address, attempt, bound_to
from events_app.admin.plan_fields import CreditedTimeField
from events_app.models import Dispute, DisputeState, Verdict
from events_app.services.disputes import answer_dispute
from events_app.services.plan_problems import LONGEST_REASON

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from events_app.admin.pages import Asker

LABELS = {"open": "warning", "accepted": "success", "declined": ""}

ACCEPT, DECLINE = "accept", "decline"

MOST_SAID = 80


class AnswerForm(forms.Form):
    """What staff say, and what the member is credited with."""

    decision = forms.ChoiceField(
        choices=[(ACCEPT, "they are right"), (DECLINE, "the number stays")],
        widget=UnfoldAdminRadioSelectWidget,
    )
    answer = forms.CharField(
        max_length=LONGEST_REASON, widget=text_area(3), help_text="The member reads it."
    )
    seconds = CreditedTimeField(
        label="Credit, minutes", help_text="Where they are right; empty: none."
    )
    verdict = forms.ChoiceField(
        required=False,
        choices=Verdict.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Where they are right: whatever the time says.",
    )


@admin.register(Dispute)
class DisputeAdmin(OfMemberAdmin, PagedAdmin):
    """Disputes, in the order in which they wait."""

    list_display = ("opened", "member_link", "event_link", "said", "state_label", "guild_link")
    list_display_links = ("opened",)
    list_filter = (
        GuildFilter,
        "state",
        EventFilter,
        MemberFilter,
        ("opened_at", TimeRangeFilter),
    )
    ordering = ("-opened_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the records that the rows link to."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("member", "event").prefetch_related("guild")

    def record_page(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Shows a dispute; it is answered there, once, by those who may credit."""
        needed = (CREDIT,) if request.method == "POST" else ()
        return bound_to(self, dispute_page, *needed)(request, dispute_id=uuid)

    @admin.display(description="opened", ordering="opened_at")
    def opened(self, dispute: Dispute) -> SafeString | str:
        """Shows since when it waits."""
        return moment(dispute.opened_at, dispute.event.zone)

    @admin.display(description="what they say")
    def said(self, dispute: Dispute) -> str:
        """Gives the beginning of what the member says."""
        return Truncator(dispute.text).chars(MOST_SAID)

    @display(description="state", label=LABELS, ordering="state")
    def state_label(self, dispute: Dispute) -> str:
        """Says where it stands."""
        return str(DisputeState(dispute.state).label)


def dispute_page(asker: Asker, dispute_id: UUID) -> HttpResponse:
    """Shows a dispute and, where it is open, takes the answer."""
    dispute: Dispute = asker.row(dispute_id)
    zone, is_open = dispute.event.zone, dispute.state == DisputeState.OPEN
    back = reverse("admin:events_app_dispute_changelist")
    form = AnswerForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        given: dict[str, Any] = {
            "is_accepted": form.cleaned_data["decision"] == ACCEPT,
            **{name: form.cleaned_data[name] for name in ("answer", "seconds", "verdict")},
            "actor": asker.user,
            "now": asker.now,
        }
        done = "The dispute was answered."
        if attempt(asker, form, lambda: answer_dispute(dispute.pk, **given), done=done):
            return HttpResponseRedirect(back)
    names = Names(dispute.guild_id, [dispute.user_id])
    return asker.render(
        "dispute.html",
        f"Dispute of {names.text(dispute.user_id)}",
        dispute=dispute,
        label=LABELS[dispute.state],
        member=names.link(dispute.user_id),
        event_link=link_to(dispute.event),
        opened=moment(dispute.opened_at, zone),
        answered=moment(dispute.answered_at, zone) if dispute.answered_at else "",
        why=address("member", dispute.event_id, dispute.user_id),
        form=form if is_open and asker.may(CREDIT) else None,
        back=back,
        media=form.media,
    )
