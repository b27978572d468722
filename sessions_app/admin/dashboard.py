"""The page that the admin opens on: who is in voice now, and whether all is well."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.utils import timezone

from community.admin.running import (
    JOB_STATES,
    SHARD_STATES,
    job_state,
    latency,
    shard_state,
)
from community.admin.showing import link_or_id, link_to, moment
from community.domain.durations import in_words
from community.models import JobRun, Shard
from community.services.access import guild_ids_seen_by, visible_guilds
from sessions_app.admin import health
from sessions_app.admin.rows import length_of
from sessions_app.admin.voice_state import marks_of
from sessions_app.models import VoiceSession, VoiceState
from sessions_app.registry import front_page_boxes
from sessions_app.services.health import STALE_WITHIN
from sessions_app.services.self_check import latest_check

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

Rows = TypeVar("Rows", bound="QuerySet[Any]")

MOST_MEMBERS = 300
"""How many members the page names at once; the rest are in the list that it links to."""


@dataclass(frozen=True, slots=True)
class LiveMember:
    """One member in voice, in the page's words."""

    name: SafeString | str
    session: SafeString | str
    marks: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """One channel with those who are in it."""

    name: SafeString | str
    members: list[LiveMember]


@dataclass(slots=True)
class LiveGuild:
    """One guild with its channels that somebody is in."""

    name: SafeString | str
    channels: list[LiveChannel] = field(default_factory=list)


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds to the index's context what the page shows, within what the account may see."""
    user, now = cast("User", request.user), timezone.now()  # the admin lets no other in
    context["seen_at"] = moment(now)
    context["sees_voice"] = user.has_perm("sessions_app.view_voicestate")
    if context["sees_voice"]:
        states = _scoped(user, VoiceState.objects.live())
        shown = list(
            states.for_changelist().order_by("guild_id", "channel_id", "changed_at", "pk")[
                :MOST_MEMBERS
            ]
        )
        context["live_guilds"] = _live_guilds(shown, now=now)
        in_voice = len(shown) if len(shown) < MOST_MEMBERS else states.count()
        context["not_named"] = in_voice - len(shown)
        context["figures"] = _figures(user, in_voice=in_voice, now=now)
    context["sees_health"] = user.has_perm("sessions_app.view_voicesession")
    if context["sees_health"]:
        context["warnings"] = health.look(guild_ids_seen_by(user), now=now).warnings()
    context["boxes"] = front_page_boxes(request)
    context["sees_bot"] = user.has_perm("community.view_shard")
    if context["sees_bot"]:
        context["shards"] = [_shard_line(shard, now=now) for shard in Shard.objects.all()]
    context["sees_jobs"] = user.has_perm("community.view_jobrun")
    if context["sees_jobs"]:
        latest = JobRun.objects.order_by("job", "-started_at", "-id").distinct("job")
        context["jobs"] = [_job_line(run, now=now) for run in latest]
        check = latest_check()
        context["books"] = _books_line(check, now=now) if check else None
    return context


def _scoped(user: User, rows: Rows) -> Rows:
    if user.is_superuser:
        return rows
    return rows.filter(guild__in=visible_guilds(user).values("pk"))


def _figures(user: User, *, in_voice: int, now: datetime) -> list[tuple[str, str, str]]:
    sessions = _scoped(user, VoiceSession.objects.order_by())
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    stale = sessions.gone_stale(since=now - STALE_WITHIN)
    figures = (
        ("members in voice", in_voice, ""),
        ("active sessions", sessions.active().count(), ""),
        ("sessions since midnight UTC", sessions.filter(started_at__gte=midnight).count(), ""),
        ("gone stale in the last hour", stale.count(), "warning"),
    )
    return [(words, f"{count:,}", label if count else "") for words, count, label in figures]


def _live_guilds(states: list[VoiceState], *, now: datetime) -> list[LiveGuild]:
    guilds = []
    for _, of_guild in groupby(states, key=lambda state: state.guild_id):
        in_guild = list(of_guild)
        guild = LiveGuild(link_or_id(in_guild[0], "guild", id_name="guild_id", kind="guild"))
        for _, of_channel in groupby(in_guild, key=lambda state: state.channel_id):
            in_channel = list(of_channel)
            guild.channels.append(
                LiveChannel(
                    link_or_id(in_channel[0], "channel", id_name="channel_id", kind="channel"),
                    [_live_member(state, now=now) for state in in_channel],
                )
            )
        guilds.append(guild)
    return guilds


def _live_member(state: VoiceState, *, now: datetime) -> LiveMember:
    session = state.session
    return LiveMember(
        name=link_or_id(state, "member", id_name="user_id", kind="user"),
        session=(
            link_to(session, length_of(session, now=now).removesuffix(" so far"))
            if session
            else "not tracked until the next move"
        ),
        marks=marks_of(state),
    )


def _shard_line(shard: Shard, *, now: datetime) -> dict[str, Any]:
    state = shard_state(shard, now=now)
    frame = shard.last_frame_at
    return {
        "name": link_to(shard),
        "state": state,
        "label": SHARD_STATES[state],
        "last_frame": f"{in_words((now - frame).total_seconds())} ago" if frame else "none yet",
        "latency": latency(shard),
    }


def _job_line(run: JobRun, *, now: datetime) -> dict[str, Any]:
    state = job_state(run)
    return {
        "name": link_to(run, run.job),
        "state": state,
        "label": JOB_STATES[state],
        "when": f"{in_words((now - run.started_at).total_seconds())} ago",
        "found": run.found,
    }


def _books_line(check: JobRun, *, now: datetime) -> dict[str, Any]:
    rows = "1 wrong row" if check.found == 1 else f"{check.found:,} wrong rows"
    by_kind: dict[str, int] = check.outcome.get("wrong", {})
    most_first = sorted(by_kind.items(), key=lambda part: -part[1])
    return {
        "name": link_to(check, rows),
        "state": "wrong" if check.found else "right",
        "label": "danger" if check.found else "success",
        "when": f"{in_words((now - check.started_at).total_seconds())} ago",
        "kinds": ", ".join(f"{count:,} {kind}" for kind, count in most_first if count),
    }
