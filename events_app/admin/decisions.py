"""Publishing, cancelling, and going back to an earlier version: each asks, then does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpResponseRedirect

from community.admin.pages import ReasonForm, text_area
from events_app.admin.pages import address, attempt
from events_app.services import planning
from events_app.services.plan_problems import LONGEST_REASON

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.http import HttpResponse

    from events_app.admin.pages import Asker
    from events_app.models import Event


class DecisionForm(ReasonForm):
    """Why, and which version it was decided on."""

    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class PublishForm(DecisionForm):
    """A draft needs no reason to be published."""

    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=text_area(2),
        help_text="It stands in the audit trail; it may be empty.",
    )


def cancel_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Cancels an event."""
    return _page(
        asker,
        asker.event(event_id),
        DecisionForm,
        lambda event, given: planning.cancel_event(event.pk, **given),
        title="Cancel the event",
        explanation="It counts for nobody from then on. Going back to an earlier version undoes "
        "it, results and all.",
        submit="Cancel the event",
        done="The event was cancelled: it counts for nobody.",
    )


def publish_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Makes an event of a draft."""
    return _page(
        asker,
        asker.event(event_id),
        PublishForm,
        lambda event, given: planning.publish_draft(event.pk, **given),
        title="Publish the draft",
        explanation="From then on it counts. One whose window has begun counts from its start.",
        submit="Publish it",
        done="The draft was published.",
    )


def undo_page(asker: Asker, event_id: UUID, version: int) -> HttpResponse:
    """Takes an event back to what it was in an earlier version."""
    return _page(
        asker,
        asker.event(event_id),
        DecisionForm,
        lambda event, given: planning.undo(event.pk, version=version, **given),
        title=f"Go back to version {version}",
        explanation="The event is planned again as it was then. That makes a new version: "
        "nothing is lost, and this can be undone too.",
        submit=f"Go back to version {version}",
        done=f"The event is planned again as in version {version}. Participation follows within "
        "the minute.",
    )


def _page(
    asker: Asker,
    event: Event,
    form_class: type[DecisionForm],
    what: Callable[[Event, dict[str, Any]], object],
    *,
    title: str,
    explanation: str,
    submit: str,
    done: str,
) -> HttpResponse:
    back = address("change", event.pk)
    form = form_class(
        asker.request.POST if asker.request.method == "POST" else None,
        initial={"expected_version": event.version},
    )
    if asker.request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"actor": asker.user, "now": asker.now}
        if attempt(asker, form, lambda: what(event, given), done=done):
            return HttpResponseRedirect(back)
    return asker.render(
        "event/decide.html",
        title,
        event=event,
        form=form,
        explanation=explanation,
        submit=submit,
        back=back,
        media=form.media,
    )
