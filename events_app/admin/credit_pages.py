"""What staff give a member by hand, and take back: seconds or a verdict, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import Http404, HttpResponseRedirect
from unfold.widgets import UnfoldAdminSelectWidget

from community.admin.pages import Names, ReasonForm
from events_app.admin.member_page import what_it_gives
from events_app.admin.pages import address, attempt
from events_app.admin.plan_fields import CreditedTimeField
from events_app.models import Credit, Verdict
from events_app.services.credits import give_credit, withdraw_credit

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker


class CreditForm(ReasonForm):
    """Time, a verdict, or both."""

    seconds = CreditedTimeField(
        label="Minutes",
        help_text="On top of what was counted; both together never exceed the window.",
    )
    verdict = forms.ChoiceField(
        required=False,
        choices=Verdict.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Whatever the time says. Of several the latest holds.",
    )
    field_order = ("seconds", "verdict", "reason")


def give_page(asker: Asker, event_id: UUID, user_id: int) -> HttpResponse:
    """Credits a member."""
    event = asker.event(event_id)
    if user_id > 2**63 - 1:
        raise Http404
    name = Names(event.guild_id, [user_id]).text(user_id)
    back = address("member", event.pk, user_id)
    form = CreditForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"actor": asker.user, "now": asker.now}
        done = f"{name} was credited."
        if attempt(asker, form, lambda: give_credit(event.pk, user_id, **given), done=done):
            return HttpResponseRedirect(back)
    return asker.render(
        "event/decide.html",
        f"Credit {name}",
        event=event,
        form=form,
        explanation="A credit stays whatever is counted anew. It can be withdrawn.",
        submit="Give the credit",
        back=back,
        media=form.media,
    )


def withdraw_page(asker: Asker, event_id: UUID, credit_id: UUID) -> HttpResponse:
    """Takes a credit back."""
    event = asker.event(event_id)
    credit = Credit.objects.filter(event=event, pk=credit_id).first()
    if credit is None:
        raise Http404
    name = Names(event.guild_id, [credit.user_id]).text(credit.user_id)
    back = address("member", event.pk, credit.user_id)
    form = ReasonForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"actor": asker.user, "now": asker.now}
        done = "The credit was withdrawn."
        if attempt(asker, form, lambda: withdraw_credit(credit.pk, **given), done=done):
            return HttpResponseRedirect(back)
    return asker.render(
        "event/decide.html",
        f"Withdraw a credit of {name}",
        event=event,
        form=form,
        explanation=f"It gave {what_it_gives(credit)}: {credit.reason}",
        submit="Withdraw the credit",
        back=back,
        media=form.media,
    )
