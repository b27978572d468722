"""The pages on which an event is made and changed: what it would do is shown before it is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from community.admin.pages import page_for_guild
from community.domain.errors import RollcallError
from community.services.bot_facts import bot_of
from events_app.admin.bot_notes import roles_note
from events_app.admin.occurrence_words import dates_of
from events_app.admin.outcomes import PreviewLines, preview_lines
from events_app.admin.pages import address, refuse
from events_app.admin.plan_form import FROM_HERE, TIMES, PlanForm
from events_app.admin.repeat_form import FIELDS
from events_app.domain.plan import Plan
from events_app.domain.repeats import ONCE
from events_app.services.plan_problems import problems_of
from events_app.services.planning import change_event, create_event
from events_app.services.planning_errors import NotInSeriesError, PlanError
from events_app.services.preview import preview_change
from events_app.services.revisions import plan_of, tidied
from events_app.services.series import change_from_here, create_series, rule_from_here
from events_app.services.series_plans import check_series

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from community.models import Guild
    from events_app.admin.pages import Asker
    from events_app.domain.problems import Problem
    from events_app.models import Event

USUAL_LENGTH: Final = timedelta(hours=2)


def add_page(asker: Asker) -> HttpResponse:
    """Asks for the guild where there are several, then for the plan; makes the event."""
    return page_for_guild(
        asker,
        lambda guild: _plan_page(asker, guild, None),
        title="Plan an event",
        offered="Its channels and roles are offered on the next page.",
        nothing="There is no guild that you could plan an event for: the bot has been in none, "
        "or none was given to your account.",
    )


def edit_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows an event's plan, what another would do, and changes it."""
    event = asker.event(event_id)
    return _plan_page(asker, event.guild, event)


def _plan_page(asker: Asker, guild: Guild, event: Event | None) -> HttpResponse:
    request = asker.request
    known = plan_of(event) if event else _proposal(guild, asker.now)
    form = PlanForm(
        request.POST if request.method == "POST" else None,
        guild_id=guild.pk,
        known=known,
        rule=_rule_of(event),
        is_new=event is None,
        is_from_discord=bool(event and event.is_from_discord),
        version=event.version if event else None,
    )
    shown: PreviewLines | None = None
    if request.method == "POST" and form.is_valid() and form.plan is not None:
        plan = tidied(form.plan)
        refuse(form, PlanError(_problems_of(form, plan, guild.pk, known)))
        digest = form.digest()
        was_seen = form.cleaned_data["previewed"] == digest
        matters = min(plan.starts_at, known.starts_at) <= asker.now
        if not form.errors and "_save" in request.POST and (was_seen or not matters):
            try:
                return _save(asker, form, plan, guild, event)
            except RollcallError as error:
                refuse(form, error)
        elif not form.errors:
            try:
                preview = preview_change(
                    event.pk if event else None, plan, guild_id=guild.pk, now=asker.now
                )
            except RollcallError as error:
                refuse(form, error)
            else:
                shown = preview_lines(preview, guild.pk)
                form.show_preview_of(digest)
                if "_save" in request.POST:
                    messages.info(
                        request, "Nothing is saved yet: look at what it would do, then save."
                    )
    is_part = request.method == "POST" and "part" in request.GET
    dates = _dates(form, is_part=is_part)
    if is_part:
        return render(request, "admin/events_app/event/dates.html", dates)
    back = address("change", event.pk) if event else reverse("admin:events_app_event_changelist")
    return asker.render(
        "event/plan.html",
        f"Change {event.title}" if event else "Plan an event",
        form=form,
        guild=guild,
        event=event,
        preview=shown,
        roles_note=roles_note(bot_of(guild.pk, now=asker.now)),
        back=back,
        media=form.media,
        repeats_help="Of this event and those after it." if event else "",
        **dates,
    )


def _problems_of(form: PlanForm, plan: Plan, guild_id: int, known: Plan) -> list[Problem]:
    if form.rule_text:
        return check_series(plan, form.rule_text, guild_id=guild_id, known_role_ids=known.role_ids)
    return problems_of(plan, guild_id=guild_id, known_role_ids=known.role_ids)


def _dates(form: PlanForm, *, is_part: bool) -> dict[str, Any]:
    """Tells the dates of a series by its form as it stands, or what is in their way."""
    given: dict[str, Any] = getattr(form, "cleaned_data", {})
    zone = given.get("time_zone", form.known.time_zone)
    return {
        "dates": dates_of([place.starts_at for place in form.places], zone),
        "dates_zone": zone,
        "is_once": is_part and given.get("repeats") in {"", ONCE},
        "dates_problems": [
            message
            for name in (*(name for name, _, _ in FIELDS), *TIMES, "time_zone")
            for message in form.errors.get(name, [])
        ]
        if is_part
        else [],
    }


def _proposal(guild: Guild, now: datetime) -> Plan:
    """Proposes an event of two hours that begins with the next full hour but one."""
    starts_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    starts_at += timedelta(hours=2)
    return Plan(
        title="",
        time_zone=guild.time_zone,
        starts_at=starts_at,
        ends_at=starts_at + USUAL_LENGTH,
        counts_muted=guild.counts_muted,
        counts_deafened=guild.counts_deafened,
        counts_alone=guild.counts_alone,
        counts_afk=guild.counts_afk,
    )


def _rule_of(event: Event | None) -> str | None:
    if event is None or event.is_from_discord:
        return None
    try:
        return rule_from_here(event)
    except NotInSeriesError:
        return None


def _save(
    asker: Asker, form: PlanForm, plan: Plan, guild: Guild, event: Event | None
) -> HttpResponse:
    given = form.cleaned_data
    who: dict[str, Any] = {"actor": asker.user, "now": asker.now}
    if event is None and form.rule_text:
        series = create_series(
            plan, form.rule_text, guild_id=guild.pk, reason=given["reason"], **who
        )
        count = series.events.count()
        first = series.events.earliest("starts_at")
        done = f"Made a series of {count} event{'s' if count != 1 else ''}."
    elif event is None:
        first = create_event(plan, guild_id=guild.pk, as_draft=given["as_draft"], **who)
        done = "The draft was kept." if given["as_draft"] else "The event was made."
    else:
        change: dict[str, Any] = {
            "reason": given["reason"],
            "expected_version": given["expected_version"],
            **who,
        }
        first, done = event, "The event was changed."
        if given.get("scope") == FROM_HERE:
            change_from_here(event.pk, plan, form.rule_text, **change)
            done = "The series was changed from this event on."
        else:
            change_event(event.pk, plan, **change)
    messages.success(asker.request, f"{done} Participation follows within the minute.")
    return HttpResponseRedirect(address("change", first.pk))
