"""Health and recovery: counts, warnings, what runs, and the sweep by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.urls import path, reverse
from django.utils import timezone
from unfold.widgets import INPUT_CLASSES

from community.admin.pages import ReasonForm
from community.admin.running import SHARD_STATES, latency, shard_state
from community.admin.showing import link_or_id, link_to, link_to_list, moment, zone_of
from community.domain.durations import in_words
from community.models import JobRun
from sessions_app.admin.blind_gap import KNOWN, what_is_known
from sessions_app.admin.pages import Asker, SessionsAdmin, bound_to, render
from sessions_app.services import health_records, recovery, stale
from sessions_app.services.health import Health, JobHealth, ShardHealth, check_health
from sessions_app.services.health_records import MOST_LISTED

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from sessions_app.models import BlindGap, VoiceSession

MINUTE = 60


class SweepForm(forms.Form):
    """After how many minutes without a checkpoint a session is stale."""

    minutes = forms.FloatField(
        min_value=recovery.STALE_MINUTES[0],
        max_value=recovery.STALE_MINUTES[1],
        label="Minutes without a checkpoint",
        widget=forms.NumberInput(attrs={"step": "any", "class": " ".join(INPUT_CLASSES)}),
    )


def addresses(model_admin: SessionsAdmin) -> list[URLPattern]:
    """Names the pages' addresses."""
    return [
        path("health/", bound_to(model_admin, health_page), name="sessions_app_health"),
        path("health/sweep/", bound_to(model_admin, sweep_page), name="sessions_app_sweep"),
    ]


def health_page(model_admin: SessionsAdmin, request: HttpRequest) -> HttpResponse:
    """Shows how sessions are kept, within what the account may see."""
    asker, now = Asker(model_admin, request), timezone.now()
    found = look(asker.guild_ids, now=now)
    gaps = health_records.recent_gaps(asker.guild_ids, now=now).for_changelist()
    latest = recovery.latest_comparison(asker.guild_ids)
    context = {
        "title": "Health and recovery",
        "seen_at": moment(now),
        "figures": _figures(found),
        "warnings": found.warnings(),
        "shards": [_shard_line(part, request) for part in found.shards],
        "jobs": [_job_line(job, request, now=now) for job in found.jobs],
        "gaps": [_gap_line(gap) for gap in gaps[:MOST_LISTED]],
        "most_gaps": MOST_LISTED,
        "recovery": recovery.recoverability(asker.guild_ids, now=now),
        "last_sweep": found.sweep,
        "last_sweep_at": moment(found.sweep.completed_at),
        "latest": latest,
        "latest_at": moment(latest.at) if latest else "",
        "may_act": asker.may_act,
        "sweep_form": SweepForm(initial=_usual()),
    }
    return render(model_admin, request, "health.html", context)


def look(guild_ids: Collection[int] | None, *, now: datetime) -> Health:
    """Looks at the health of the guilds that an account sees; None for all."""
    every = timedelta(seconds=settings.CHECKPOINT_SECONDS)
    return check_health(now=now, checkpoint_every=every, guild_ids=guild_ids)


def sweep_page(model_admin: SessionsAdmin, request: HttpRequest) -> HttpResponse:
    """Shows what a sweep would end; posted to with a reason, it sweeps."""
    asker, now = Asker(model_admin, request), timezone.now()
    form = SweepForm(request.POST if request.method == "POST" else request.GET or _usual())
    reason_form = ReasonForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {
        "title": "Sweep: dry run",
        "form": form,
        "reason_form": reason_form,
        "may_act": asker.may_act,
        "grace": in_words(settings.STALE_GRACE_SECONDS),
        "most": MOST_LISTED,
    }
    if form.is_valid():
        stale_after = timedelta(minutes=form.cleaned_data["minutes"])
        grace = timedelta(seconds=settings.STALE_GRACE_SECONDS)
        if request.method == "POST" and reason_form.is_valid():
            result = recovery.sweep_by_hand(
                now=now,
                stale_after=stale_after,
                grace=grace,
                guild_ids=asker.guild_ids,
                actor=asker.user,
                reason=reason_form.cleaned_data["reason"],
            )
            _say(request, result)
            return HttpResponseRedirect(reverse("admin:sessions_app_health"))
        found = stale.stale_sessions(now=now, stale_after=stale_after, guild_ids=asker.guild_ids)
        shown = found.for_changelist().order_by("last_seen_at", "id")[:MOST_LISTED]
        context |= {
            "count": found.count(),
            "lines": [_sweep_line(session, grace=grace, now=now) for session in shown],
            "minutes": f"{form.cleaned_data['minutes']:g}",
        }
    return render(model_admin, request, "sweep.html", context)


def _usual() -> dict[str, str]:
    return {"minutes": f"{settings.STALE_AFTER_SECONDS / MINUTE:g}"}


def _say(request: HttpRequest, result: stale.SweepResult) -> None:
    if not result.found:
        messages.info(request, "Nothing was stale any more: no session was changed.")
        return
    ended, dropped = len(result.ended), len(result.dropped)
    messages.success(
        request,
        f"Ended {ended:,} session{pluralize(ended)} by estimate, and dropped {dropped:,} that "
        f"{pluralize(dropped, 'was,were')} too short to keep.",
    )


def _figures(found: Health) -> list[tuple[str, str, str]]:
    figures = (
        ("members in voice", found.active_members["voice"], ""),
        ("active sessions", found.active_sessions, ""),
        ("without a recent checkpoint", found.overdue_sessions, "warning"),
        ("gone stale in the last hour", found.stale_sessions, "warning"),
    )
    return [(words, f"{count:,}", label if count else "") for words, count, label in figures]


def _shard_line(part: ShardHealth, request: HttpRequest) -> dict[str, Any]:
    shard = part.shard
    state = shard_state(shard, now=timezone.now())
    may_open = request.user.has_perm("community.view_shard")
    return {
        "name": link_to(shard) if may_open else str(shard),
        "state": state,
        "label": SHARD_STATES[state],
        "last_frame": moment(shard.last_frame_at),
        "latency": latency(shard),
        "waiting": part.queued + part.spooled,
    }


def _job_line(job: JobHealth, request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    may_open = request.user.has_perm("community.view_jobrun")
    done = job.completed_at
    return {
        "name": link_to_list(JobRun, job.job, q=job.job) if may_open else job.job,
        "state": "late" if job.is_late else "on time",
        "label": "danger" if job.is_late else "success",
        "done": f"done {in_words((now - done).total_seconds())} ago" if done else "not done lately",
    }


def _gap_line(gap: BlindGap) -> dict[str, Any]:
    known = what_is_known(gap)
    return {
        "began": link_to(gap, f"{gap.began_at.astimezone(zone_of(gap)):%Y-%m-%d %H:%M:%S %Z}"),
        "length": in_words(gap.length.total_seconds()),
        "cause": gap.get_cause_display(),
        "known": known,
        "label": "success" if known == KNOWN else "warning",
        "guild": link_or_id(gap, "guild", id_name="guild_id", kind="guild"),
        "mended": gap.sessions_mended,
        "touched": gap.sessions_touched,
    }


def _sweep_line(session: VoiceSession, *, grace: timedelta, now: datetime) -> dict[str, Any]:
    zone = zone_of(session)
    return {
        "member": link_or_id(session, "member", id_name="user_id", kind="user"),
        "channel": link_or_id(session, "channel", id_name="channel_id", kind="channel"),
        "guild": link_or_id(session, "guild", id_name="guild_id", kind="guild"),
        "session": link_to(session, f"{session.started_at.astimezone(zone):%Y-%m-%d %H:%M %Z}"),
        "last_seen": moment(session.last_seen_at, zone),
        "would_end": moment(min(session.last_seen_at + grace, now), zone),
    }
