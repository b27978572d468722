"""The page on which staff correct a session: a form, its errors, and what was done."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextareaWidget

from community.admin.showing import zone_of
from sessions_app.admin.rows import length_of
from sessions_app.services import correction_errors, corrections

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.admin import ModelAdmin
    from django.contrib.auth.models import User
    from django.http import HttpRequest, HttpResponse

    from sessions_app.models import VoiceSession


class CorrectionForm(forms.Form):
    """What every correction asks for, in the order of the page."""

    title: ClassVar[str]
    explanation: ClassVar[str]
    submit: ClassVar[str]

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="It stands in the audit trail.",
    )

    def carry_out(self, session: VoiceSession, *, actor: User, now: datetime) -> str:
        """Does it, and says what was done."""
        raise NotImplementedError


class VoidForm(CorrectionForm):
    """Voids."""

    title = "Void a session"
    explanation = "The session is kept, and counts nowhere. This cannot be taken back."
    submit = "Void the session"

    def carry_out(self, session: VoiceSession, *, actor: User, now: datetime) -> str:
        """Voids the session."""
        reason = self.cleaned_data["reason"]
        corrections.void_session(session.pk, actor=actor, reason=reason, now=now)
        return "The session was voided: it counts nowhere from now on."


class EndForm(CorrectionForm):
    """Sets the end."""

    title = "Set a session's end"
    explanation = "The end that you set stays, whatever is observed."
    submit = "Set the end"

    ended_at = forms.DateTimeField(
        label="End",
        widget=forms.DateTimeInput(
            format="%Y-%m-%dT%H:%M:%S",
            attrs={"type": "datetime-local", "step": 1, "class": " ".join(INPUT_CLASSES)},
        ),
    )
    field_order = ("ended_at", "reason")

    def clean_ended_at(self) -> datetime:
        """Refuses a time that is none in UTC: the first and last hours that there are."""
        ended_at: datetime = self.cleaned_data["ended_at"]
        try:
            return ended_at.astimezone(UTC)
        except OverflowError:
            raise forms.ValidationError(
                "Enter a time of this age, not one at the end of all times."
            ) from None

    def carry_out(self, session: VoiceSession, *, actor: User, now: datetime) -> str:
        """Sets the session's end."""
        changed = corrections.set_end(
            session.pk,
            ended_at=self.cleaned_data["ended_at"],
            actor=actor,
            reason=self.cleaned_data["reason"],
            now=now,
        )
        return f"The end was set: the session lasted {length_of(changed, now=now)}."


def correction_page(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    object_id: str,
    form_class: type[CorrectionForm],
) -> HttpResponse:
    """Shows the form and, when it is posted, carries it out.

    Times are in the guild's zone, on the way in as on the way out.
    """
    session: VoiceSession | None = model_admin.get_object(request, object_id)
    if session is None:
        raise Http404

    actor = cast("User", request.user)  # whom the action's permission let through
    now = timezone.now()
    page = reverse("admin:sessions_app_voicesession_change", args=[session.pk])
    with timezone.override(zone_of(session)):
        initial = {"ended_at": session.ended_at or session.last_seen_at}
        form = form_class(request.POST or None, initial=initial)
        if "ended_at" in form.fields:
            form.fields["ended_at"].help_text = f"In the guild's time zone, {zone_of(session)}."
        if request.method == "POST" and form.is_valid():
            try:
                done = form.carry_out(session, actor=actor, now=now)
            except correction_errors.BotSilentError as error:
                messages.warning(request, str(error))
                return HttpResponseRedirect(page)
            except correction_errors.CorrectionError as error:
                form.add_error(error.field or None, str(error))
            else:
                messages.success(request, done)
                return HttpResponseRedirect(page)

        context = {
            **model_admin.admin_site.each_context(request),
            "title": form.title,
            "opts": model_admin.opts,
            "original": session,
            "session": session,
            "form": form,
            "page": page,
            "length": length_of(session, now=now),
            "has_view_permission": True,
            "media": model_admin.media + form.media,
        }
        response = TemplateResponse(
            request, "admin/sessions_app/voicesession/correct.html", context
        )
        return response.render()
