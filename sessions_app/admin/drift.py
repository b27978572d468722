"""The drift console: Discord beside the sessions under way, and one action to mend them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.urls import path
from django.utils import timezone

from community.admin.pages import ReasonForm
from community.admin.showing import link_to, moment
from community.domain.durations import in_words
from community.models import Channel, Guild, Member
from sessions_app.admin.drift_parts import LOOK, MEND, mend_part, shown_parts
from sessions_app.admin.pages import Asker, SessionsAdmin, bound_to, render
from sessions_app.domain import words
from sessions_app.models import VoiceSession
from sessions_app.services import recovery
from sessions_app.services.comparison import Comparison, compare_guilds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from sessions_app.domain.drift import Drift
    from sessions_app.services.recovery import LatestComparison

KINDS: Final = {
    words.GHOST: (
        "ghost session",
        (
            "The session goes on, and Discord says that they are in no channel. Mending ends it "
            "where they were last known to be there."
        ),
    ),
    words.MOVED_UNSEEN: (
        "moved unseen",
        (
            "Discord says that they are in another channel. Mending ends the session, and begins "
            "one where they are."
        ),
    ),
    words.REJOINED: (
        "left and came back",
        (
            "They are in the same channel, on another visit. Mending ends the session, and begins "
            "one in a visit of its own."
        ),
    ),
    words.MISSING: (
        "missing session",
        "They are in voice, and no session goes on. Mending begins one.",
    ),
}
"""A kind's words, and what it means."""


@dataclass(frozen=True, slots=True)
class DriftLine:
    """One member of whom Discord says something else, in the page's words."""

    member: SafeString | str
    session: SafeString | str
    discord: SafeString | str
    kind: str
    seconds: str


@dataclass(slots=True)
class GuildDrift:
    """One guild with its latest comparison."""

    name: str
    link: SafeString | str
    latest: LatestComparison | None
    at: SafeString | str = ""
    error: str = ""
    lines: list[DriftLine] = field(default_factory=list)

    @property
    def is_partial(self) -> bool:
        """Whether time ran out before all were asked about."""
        return self.latest is not None and self.latest.found.checked < self.latest.found.to_check

    @property
    def to_mend(self) -> bool:
        """Whether there is anything that was found and not mended."""
        if self.latest is None:
            return False
        return self.latest.found.mended < len(self.latest.found.drift)


def addresses(model_admin: SessionsAdmin) -> list[URLPattern]:
    """Names the pages' addresses."""
    view = bound_to(model_admin, drift_page)
    return [
        path("health/drift/", view, name="sessions_app_drift"),
        path("health/drift/<int:guild_id>/", view, name="sessions_app_guild_drift"),
    ]


def drift_page(
    model_admin: SessionsAdmin, request: HttpRequest, guild_id: int | None = None
) -> HttpResponse:
    """Shows the latest comparison of one guild or of all; posted to, it compares or mends."""
    asker, now = Asker(model_admin, request), timezone.now()
    chosen = recovery.guilds_to_compare(asker.guild_ids, now=now, chosen=guild_id)
    if guild_id is not None and not chosen.guild_ids:
        raise Http404
    about = asker.guild_ids if guild_id is None else frozenset({guild_id})
    if request.method == "POST" and MEND in request.POST:
        mend_part(request, asker, about, now=now)
        return HttpResponseRedirect(request.path)
    guilds = _guilds(chosen.guild_ids)
    reason_form = ReasonForm()
    if request.method == "POST" and request.POST.get("action") == "compare":
        found = compare_guilds(chosen.guild_ids, mend=False, now=now, actor=asker.user)
        _say(request, found, guilds)
        return HttpResponseRedirect(request.path)
    if request.method == "POST":
        reason_form = ReasonForm(request.POST)
        if reason_form.is_valid():
            found = compare_guilds(
                [guild_id for guild_id, guild in guilds.items() if guild.to_mend],
                mend=True,
                now=now,
                actor=asker.user,
                reason=reason_form.cleaned_data["reason"],
            )
            _say(request, found, guilds)
            return HttpResponseRedirect(request.path)

    kinds = {line.kind for guild in guilds.values() for line in guild.lines}
    context = {
        "title": "Discord beside the sessions",
        "guilds": guilds.values(),
        "one": guild_id is not None,
        "left_out": chosen.left_out,
        "recovery": recovery.recoverability(chosen.guild_ids or asker.guild_ids, now=now),
        "to_mend": any(guild.to_mend for guild in guilds.values()),
        "meanings": [meaning for meaning in KINDS.values() if meaning[0] in kinds],
        "parts": shown_parts(request, asker, about, now=now),
        "look": LOOK,
        "mend_part": MEND,
        "reason_form": reason_form,
        "may_act": asker.may_act,
    }
    return render(model_admin, request, "drift.html", context)


def _guilds(guild_ids: Iterable[int]) -> dict[int, GuildDrift]:
    """Lays out guilds with what their latest comparisons found."""
    ids = list(guild_ids)
    latest = recovery.latest_comparisons(ids)
    known = Guild.objects.in_bulk(ids)
    naming = _Names([part for one in latest.values() for part in one.found.drift])
    laid_out = {}
    for guild_id in ids:
        guild = known.get(guild_id)
        name = str(guild) if guild else f"guild {guild_id}"
        one = GuildDrift(name, link_to(guild) if guild else name, latest.get(guild_id))
        if one.latest is not None:
            found = one.latest.found
            one.at = moment(one.latest.at, *([guild.zone] if guild else []))
            one.error = str(found.error) if found.error else ""
            one.lines = [naming.line(part) for part in found.drift]
        laid_out[guild_id] = one
    return laid_out


class _Names:
    """Names members and channels, all of them in two queries."""

    def __init__(self, drift: list[Drift]) -> None:
        user_ids = defaultdict(set)
        for part in drift:
            user_ids[part.guild_id].add(part.user_id)
        wanted = Q(pk__in=[])
        for guild_id, of_guild in user_ids.items():
            wanted |= Q(guild_id=guild_id, user_id__in=of_guild)
        self.members = {
            (member.guild_id, member.user_id): member for member in Member.objects.filter(wanted)
        }
        channel_ids = {id_ for part in drift for id_ in (part.channel_id, part.discord_channel_id)}
        self.channels: Mapping[int, Channel] = Channel.objects.in_bulk(channel_ids - {None})

    def line(self, part: Drift) -> DriftLine:
        member = self.members.get((part.guild_id, part.user_id))
        session: SafeString | str = "no session"
        if part.channel_id is not None and part.session_id is not None:
            session = link_to(VoiceSession(pk=part.session_id), self._channel(part.channel_id))
        discord_id = part.discord_channel_id
        return DriftLine(
            member=link_to(member) if member else f"user {part.user_id}",
            session=session,
            discord="not in voice" if discord_id is None else self._channel(discord_id),
            kind=KINDS[part.kind][0],
            seconds=in_words(part.seconds),
        )

    def _channel(self, channel_id: int) -> str:
        return str(self.channels.get(channel_id, f"channel {channel_id}"))


def _say(
    request: HttpRequest, comparisons: list[Comparison], guilds: Mapping[int, GuildDrift]
) -> None:
    """Tells what was found, what was mended, and where there was no answer."""
    if not comparisons:
        messages.info(request, "There was nothing to ask about: no session was changed.")
    unanswered = defaultdict(list)
    for found in comparisons:
        if found.error is not None:
            unanswered[str(found.error)].append(guilds[found.guild_id].name)
    for error, names in unanswered.items():
        messages.error(request, f"{', '.join(names)}: {error}")

    answered = [found for found in comparisons if found.error is None]
    if not answered:
        return
    differ = sum(len(found.drift) for found in answered)
    mended = sum(found.mended for found in answered)
    if mended:
        messages.success(request, f"Mended {mended:,} of {differ:,} difference{pluralize(differ)}.")
    elif differ:
        messages.warning(
            request, f"Found {differ:,} difference{pluralize(differ)}; nothing was changed."
        )
    else:
        messages.success(request, "All is well: Discord says the same as the sessions.")
