"""The page on which a single event becomes the first of a series."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import render

from community.admin.pages import text_area
from community.domain.errors import RollcallError
from events_app.admin.occurrence_words import dates_of
from events_app.admin.pages import address, refuse
from events_app.admin.repeat_form import FIELDS, KINDS, RepeatForm
from events_app.domain.local_times import wall_of
from events_app.domain.repeats import ONCE, WEEKLY
from events_app.services.plan_problems import LONGEST_REASON
from events_app.services.planning_errors import PlanningError
from events_app.services.series_from_event import places_from, refuse_to_repeat, repeat_event

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.models import Event


class RepeatEventForm(RepeatForm):
    """How an event that is there already repeats, and why."""

    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=text_area(2),
        help_text="Why; it stands in the audit trail.",
    )
    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    previewed = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, event: Event) -> None:
        """Proposes that it repeats each week."""
        self.event = event
        super().__init__(data, rule="", initial={"expected_version": event.version})
        self.initial["repeats"] = WEEKLY
        kinds: Any = self.fields["repeats"]
        kinds.choices = [kind for kind in KINDS if kind[0] != ONCE]

    def clean(self) -> dict[str, Any]:
        """Reads the rule, which has to begin with the event."""
        cleaned: dict[str, Any] = super().clean() or {}
        problem = self.read_rule(wall_of(self.event.starts_at, self.event.zone).date())
        if problem is not None:
            self.add_error(self.place_of(problem), problem.message)
        elif self.rule_text:
            try:
                self.places = places_from(self.event, self.rule_text)
            except PlanningError as error:
                refuse(self, error)
        elif not self.errors:
            self.add_error("repeats", "Say how it repeats.")
        return cleaned

    def digest(self) -> str:
        """Gives what tells two rules apart."""
        return hashlib.sha256(self.rule_text.encode()).hexdigest()

    def show_preview(self) -> None:
        """Has the page say of which rule it shows the dates."""
        data: Any = self.data
        self.data = data.copy()
        cast("Any", self.data)["previewed"] = self.digest()


def repeat_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows when the events of the series would take place, then makes them."""
    request, event = asker.request, asker.event(event_id)
    back = address("change", event.pk)
    try:
        refuse_to_repeat(event)
    except PlanningError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    form = RepeatEventForm(request.POST if request.method == "POST" else None, event=event)
    shows_dates = False
    if form.is_bound and form.is_valid():
        was_seen = form.cleaned_data["previewed"] == form.digest()
        if "_save" in request.POST and was_seen and _save(asker, form):
            return HttpResponseRedirect(back)
        if not form.errors:
            form.show_preview()
            shows_dates = True
    is_part = form.is_bound and "part" in request.GET
    dates: dict[str, Any] = {
        "dates": dates_of([place.starts_at for place in form.places], event.time_zone),
        "dates_zone": event.time_zone,
        "dates_problems": _problems(form) if is_part else [],
    }
    if is_part:
        return render(request, "admin/events_app/event/dates.html", dates)
    return asker.render(
        "event/repeat.html",
        f"Repeat {event.title}",
        form=form,
        event=event,
        back=back,
        shows_dates=shows_dates,
        **dates,
    )


def _save(asker: Asker, form: RepeatEventForm) -> bool:
    given = form.cleaned_data
    try:
        series = repeat_event(
            form.event.pk,
            form.rule_text,
            actor=asker.user,
            reason=given["reason"],
            now=asker.now,
            expected_version=given["expected_version"],
        )
    except RollcallError as error:
        refuse(form, error)
        return False
    count = series.events.count()
    noun = "event" if count == 1 else "events"
    messages.success(asker.request, f"It is the first of a series of {count} {noun} now.")
    return True


def _problems(form: RepeatForm) -> list[str]:
    names = [name for name, _, _ in FIELDS]
    return [
        *form.non_field_errors(),
        *(error for name in names for error in form.errors.get(name, [])),
    ]
