"""What the pages of rooms have in common: how a decision is asked for, and what is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse

from community.admin.pages import ReasonForm, refuse
from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django import forms
    from django.http import HttpResponse

    from community.admin.pages import Asker

VIEW = "botrunner.view_room"
CHANGE_RULES = "botrunner.change_roomrules"


def address(name: str, *args: object) -> str:
    """Gives the address of a page of this floor."""
    return reverse(f"admin:botrunner_{name}", args=args)


def say(asker: Asker, done: str) -> None:
    """Says what a form that was sent has done; empty for nothing."""
    if done:
        messages.success(asker.request, done)
    else:
        messages.info(asker.request, "Nothing was different: nothing was changed.")


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


def decide_about(asker: Asker, pk: UUID, decision: Decision) -> HttpResponse:
    """Asks for a decision about a record that has a page, and leads back there."""
    row = asker.row(pk)
    back = address(f"{row._meta.model_name}_change", row.pk)
    return decide(asker, decision, about=row, back=back)


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
            say(asker, decision.done)
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
