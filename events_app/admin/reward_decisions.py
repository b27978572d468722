"""Giving an event's role, taking it back, and trying again: each asks, then does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from unfold.widgets import CHECKBOX_CLASSES

from community.admin import search
from community.admin.pages import Names, text_area
from community.domain.errors import RollcallError
from community.services.bot_facts import bot_of
from events_app.admin.pages import address, refuse
from events_app.admin.reward_pages import EVERYONE, LOST
from events_app.admin.reward_words import NO_LONGER, members_told, role_of
from events_app.models import Reward, RewardState
from events_app.services.plan_problems import LONGEST_REASON
from events_app.services.reward_standing import (
    CAN_BE_TAKEN,
    HELD,
    candidates,
    candidates_of,
    held_elsewhere,
    judged,
)
from events_app.services.rewards import give_rewards, retry_refused, revoke_rewards

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.models import Event

# A form of more fields than Django takes would be refused as a whole.
MOST_CHOICES: Final = 500

OF_ANOTHER: Final = "has it by another event too"


@dataclass(frozen=True, slots=True)
class Choice:
    """One member who can be chosen."""

    key: str
    name: str
    notes: list[str]
    is_chosen: bool


class ChosenField(forms.Field):
    """The keys that were chosen; those of rows that are no more are the service's to judge."""

    widget = forms.SelectMultiple
    default_error_messages = {"required": "Choose somebody: nothing was done."}

    def __init__(self, read: Callable[[str], Any]) -> None:
        """Takes what reads a key, and gives None for what is none."""
        super().__init__()
        self._read = read

    def to_python(self, value: Any) -> list[Any]:
        """Reads the keys; what is none is as if it had not been sent."""
        keys = [self._read(str(one)) for one in value or []]
        return [key for key in keys if key is not None]


class GiveForm(forms.Form):
    """To whom, and which version of the event was looked at."""

    chosen = ChosenField(search.as_snowflake)
    expected_version = forms.IntegerField(required=False)


class TakeBackForm(forms.Form):
    """From whom, and why."""

    chosen = ChosenField(search.as_uuid)
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=text_area(2),
        help_text="It stands in the audit trail; it may be empty.",
    )


def give_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows who would be given the role, and gives it to those who are chosen."""
    event = asker.event(event_id)
    form = GiveForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        if _give(asker, event, form):
            return HttpResponseRedirect(address("rewards", event.pk))
        event = asker.event(event_id)
    role = role_of(event, bot_of(event.guild_id, now=asker.now))
    found = [] if role.why_not else candidates(event, most=MOST_CHOICES)
    names = Names(event.guild_id, [one.user_id for one in found])
    chosen = _chosen(form)
    choices = [
        Choice(
            str(one.user_id),
            names.text(one.user_id),
            ["taken back before"] * one.was_taken_back + ["in doubt"] * one.is_in_doubt,
            not one.was_taken_back if chosen is None else str(one.user_id) in chosen,
        )
        for one in found
    ]
    explanation = (
        f"Whoever is chosen is given the role {role.name} on Discord. It can be taken back."
        if found
        else "Everyone who qualifies has been given the role, or is about to be."
    )
    more = len(found) == MOST_CHOICES and candidates_of(event).count() - len(found)
    return _choosing(
        asker,
        event,
        form,
        choices,
        title="Give the role",
        explanation=role.why_not or explanation,
        warning=role.warning,
        not_shown=more or 0,
        submit="Give it to those who are chosen",
    )


def _give(asker: Asker, event: Event, form: GiveForm) -> bool:
    chosen = set(form.cleaned_data["chosen"])
    try:
        given = give_rewards(
            event.pk,
            actor=asker.user,
            now=asker.now,
            user_ids=chosen,
            expected_version=form.cleaned_data["expected_version"],
        )
    except RollcallError as error:
        refuse(form, error)
        return False
    if given:
        messages.success(
            asker.request, f"The bot was asked to give the role to {members_told(given)}."
        )
    if given < len(chosen):
        messages.warning(
            asker.request,
            f"Nothing was asked for {members_told(len(chosen) - given)} of those chosen: they "
            "were given it meanwhile, or do not qualify any more.",
        )
    return True


def take_back_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows from whom the role can be taken, and takes it from those who are chosen."""
    event = asker.event(event_id)
    form = TakeBackForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid() and _take_back(asker, event, form):
        return HttpResponseRedirect(address("rewards", event.pk))
    rows = judged(Reward.objects.filter(event=event, state__in=CAN_BE_TAKEN))
    found = list(rows.order_by("still_qualifies", "-created_at", "pk")[:MOST_CHOICES])
    user_ids = [row.user_id for row in found]
    names, elsewhere = Names(event.guild_id, user_ids), held_elsewhere(event, user_ids)
    chosen = _chosen(form)
    whom = asker.request.GET.get("chosen", "")
    choices = [
        Choice(
            str(row.pk),
            names.text(row.user_id),
            _notes(row, has_another=(row.user_id, row.role_id) in elsewhere),
            _is_meant(row, whom) if chosen is None else str(row.pk) in chosen,
        )
        for row in found
    ]
    explanation = (
        "Whoever is chosen has the role taken from them on Discord. One that is still to be given "
        "is given first, and taken back then; one that Discord refused is over."
        if found
        else "Nobody has the role by this event."
    )
    return _choosing(
        asker,
        event,
        form,
        choices,
        title="Take the role back",
        explanation=explanation,
        not_shown=rows.count() - len(found) if len(found) == MOST_CHOICES else 0,
        submit="Take it back from those who are chosen",
        ways=[
            (f"?chosen={EVERYONE}", "Choose everyone"),
            (f"?chosen={LOST}", "Choose those who no longer qualify"),
            ("?", "Choose nobody"),
        ],
    )


def _take_back(asker: Asker, event: Event, form: TakeBackForm) -> bool:
    chosen = set(form.cleaned_data["chosen"])
    try:
        taken = take_back(
            asker, event.pk, reward_ids=chosen, reason=form.cleaned_data["reason"].strip()
        )
    except RollcallError as error:
        refuse(form, error)
        return False
    say_taken(asker, taken, chosen=len(chosen))
    return True


def take_back(
    asker: Asker, event_id: UUID, *, reward_ids: Collection[UUID], reason: str = ""
) -> tuple[int, int]:
    """Takes rewards of an event back.

    Returns:
        From how many the role is to be taken, and how many were over at once.
    """
    taken = revoke_rewards(
        event_id, actor=asker.user, now=asker.now, reward_ids=reward_ids, reason=reason
    )
    over = Reward.objects.filter(
        pk__in=reward_ids, event=event_id, state=RewardState.REVOKED, settled_at=asker.now
    )
    return taken, over.count()


def say_taken(asker: Asker, taken: tuple[int, int], *, chosen: int) -> None:
    """Says what came of taking back, of all that were chosen."""
    asked, over = taken
    if asked:
        messages.success(
            asker.request, f"The bot was asked to take the role from {members_told(asked)}."
        )
    if over:
        messages.success(
            asker.request,
            f"{members_told(over)} had not been given it, since Discord refused: that is over.",
        )
    rest = chosen - asked - over
    if rest > 0:
        messages.warning(
            asker.request,
            f"Nothing was done for {members_told(rest)} of those chosen: it was taken back "
            "already, or is about to be.",
        )


def retry_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Asks once more for all that Discord refused of an event."""
    event = asker.event(event_id)
    form = forms.Form(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST":
        retried = retry_refused(event.pk, actor=asker.user, now=asker.now)
        say_retried(asker, retried)
        return HttpResponseRedirect(address("rewards", event.pk))
    return asker.render(
        "event/decide.html",
        "Try again now",
        event=event,
        form=form,
        explanation="The bot asks Discord once more for everything that was refused, and from "
        "then on again by itself, with growing pauses.",
        submit="Try again",
        back=address("rewards", event.pk),
        media=form.media,
    )


def say_retried(asker: Asker, retried: int) -> None:
    """Says how much is tried again."""
    if retried:
        words = f"The bot was asked once more for {members_told(retried)}."
        messages.success(asker.request, words)
    else:
        messages.warning(asker.request, "Nothing is refused any more: it is being tried already.")


def _notes(row: Any, *, has_another: bool) -> list[str]:
    state = RewardState(row.state)
    notes = [] if state == RewardState.GIVEN else [str(state.label)]
    notes += [NO_LONGER] if state in HELD and not row.still_qualifies else []
    return notes + ([OF_ANOTHER] if has_another else [])


def _is_meant(row: Any, whom: str) -> bool:
    if whom == LOST:
        return row.state in HELD and not row.still_qualifies
    return whom in {EVERYONE, str(row.pk)}


def _chosen(form: forms.Form) -> set[str] | None:
    """Gives what was chosen on the page that was sent; None where none was."""
    return {str(key) for key in form["chosen"].value() or []} if form.is_bound else None


def _choosing(
    asker: Asker,
    event: Event,
    form: forms.Form,
    choices: list[Choice],
    *,
    title: str,
    explanation: str,
    not_shown: int,
    submit: str,
    warning: str = "",
    ways: Collection[tuple[str, str]] = (),
) -> HttpResponse:
    errors = [*form.non_field_errors(), *form["chosen"].errors] if form.is_bound else []
    return asker.render(
        "event/choose.html",
        title,
        event=event,
        choices=choices,
        checkbox=" ".join(CHECKBOX_CLASSES),
        errors=errors,
        reason=form["reason"] if "reason" in form.fields else None,
        explanation=explanation,
        warning=warning,
        not_shown=not_shown,
        submit=submit,
        ways=ways if choices else (),
        back=address("rewards", event.pk),
    )
