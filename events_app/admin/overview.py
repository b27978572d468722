"""An event's page: what is planned, how it stands, and the way to all else about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html

from community.admin.pages import Names, trail_of
from community.admin.showing import link_or_id, link_to, link_to_list, moment
from community.domain.durations import in_words
from community.services.bot_facts import bot_of
from events_app.admin.announcing import announcement_box
from events_app.admin.bot_notes import roles_note
from events_app.admin.outcomes import share_words
from events_app.admin.pages import ADD, CHANGE, CREDIT, address
from events_app.admin.plan_choices import names_of_channels, names_of_roles
from events_app.admin.reward_pages import reward_box
from events_app.admin.rows import STATE_LABELS, ParticipationLine, participation_lines
from events_app.models import (
    DiscordStatus,
    Dispute,
    DisputeState,
    Event,
    EventState,
    GapPolicy,
    Participation,
)
from events_app.services.discord_state import refusal_of
from events_app.services.no_shows import no_shows_of
from events_app.services.planning_errors import PlanningError
from events_app.services.series_from_event import refuse_to_repeat

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse
    from django.utils.safestring import SafeString

    from events_app.admin.pages import Asker

MOST_MEMBERS: Final = 100
MOST_ENTRIES: Final = 20

Link = tuple[str, str]
"""An address, and its words."""


def event_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows an event."""
    event = asker.event(event_id)
    rows = Participation.objects.filter(event=event).for_changelist()
    counts = Participation.objects.filter(event=event).aggregate(
        all=Count("pk"),
        qualified=Count("pk", filter=Q(is_qualified=True)),
        late=Count("pk", filter=Q(is_late=True)),
        early=Count("pk", filter=Q(left_early=True)),
        doubt=Count("pk", filter=Q(is_in_doubt=True)),
    )
    open_disputes = Dispute.objects.filter(event=event, state=DisputeState.OPEN).count()
    missing = _no_shows(event)
    bot = bot_of(event.guild_id, now=asker.now)
    lines: list[ParticipationLine] = participation_lines(
        rows.order_by("-is_qualified", "counted_from", "user_id")[:MOST_MEMBERS], event
    )
    return asker.render(
        "event/event.html",
        event.title,
        event=event,
        label=STATE_LABELS[EventState(event.state)],
        facts=facts_of(event),
        figures=[
            ("qualified", counts["qualified"]),
            ("took part", counts["all"]),
            ("late", counts["late"]),
            ("left early", counts["early"]),
            ("in doubt", counts["doubt"]),
        ],
        lines=lines,
        not_shown=max(counts["all"] - len(lines), 0),
        all_lines=link_to_list(Participation, "All of them, with filters", event=str(event.pk)),
        missing=missing,
        pages=_pages(event, open_disputes),
        actions=_actions(asker, event),
        may_credit=asker.may(CREDIT),
        announcement=announcement_box(asker, event, bot),
        rewards=reward_box(asker, event, bot),
        roles_note=roles_note(bot) if event.asks_for_roles else "",
        audit_lines=trail_of(event, event.zone, most=MOST_ENTRIES),
        counted=moment(event.counted_at, event.zone) if event.counted_at else "",
    )


def facts_of(event: Event) -> list[tuple[str, object]]:
    """Says what is planned, in words."""
    channels, roles = (
        names_of_channels(event.channel_ids),
        names_of_roles(
            {*event.any_role_ids, *event.all_role_ids, *event.no_role_ids, event.reward_role or 0}
        ),
    )

    def roles_named(ids: list[int]) -> str:
        return ", ".join(roles.get(pk, f"role {pk}") for pk in ids)

    graces = (
        ("late", event.late_grace_seconds),
        ("early", event.early_grace_seconds),
        ("rejoin", event.rejoin_grace_seconds),
    )
    idle = [
        words
        for words, counts in (
            ("muted", event.counts_muted),
            ("deafened", event.counts_deafened),
            ("alone", event.counts_alone),
            ("AFK", event.counts_afk),
        )
        if not counts
    ]
    facts: list[tuple[str, object]] = [
        ("Guild", link_or_id(event, "guild", id_name="guild_id", kind="guild")),
        ("Start", moment(event.starts_at, event.zone)),
        ("End", moment(event.ends_at, event.zone)),
        ("Length", in_words(event.length.total_seconds())),
        ("Time zone", event.time_zone),
        (
            "Channels",
            ", ".join(channels.get(pk, f"channel {pk}") for pk in event.channel_ids)
            or "the whole guild",
        ),
        ("Any of the roles", roles_named(event.any_role_ids)),
        ("All of the roles", roles_named(event.all_role_ids)),
        ("None of the roles", roles_named(event.no_role_ids)),
        ("Minimum stay", in_words(event.minimum_seconds) if event.minimum_seconds else ""),
        ("Minimum share", share_words(event.minimum_share) if event.minimum_share else ""),
        ("Grace", ", ".join(f"{name} {in_words(of)}" for name, of in graces if of)),
        ("Capacity", event.capacity or ""),
        ("Time that does not count", ", ".join(idle)),
        ("Blind gaps", GapPolicy(event.gap_policy).label),
        (
            "Role for those who qualify",
            roles_named([event.reward_role]) if event.reward_role else "",
        ),
        ("Series", _series(event)),
        ("On Discord", _on_discord(event)),
        ("Refused by Discord", _refused(event)),
        ("From Discord", "yes: title and times are edited there" if event.is_from_discord else ""),
    ]
    return [(name, fact) for name, fact in facts if fact != ""]


def _on_discord(event: Event) -> SafeString | str:
    """Says what Discord last said, and when that was heard."""
    if not event.discord_status:
        return "announced" if event.discord_event_id else ""
    said = str(DiscordStatus(event.discord_status).label)
    seen_at = event.discord_seen_at
    return format_html("{}, heard {}", said, moment(seen_at, event.zone)) if seen_at else said


def _refused(event: Event) -> str:
    """Says what Discord would not let the bot do of the event's beginning or end."""
    if event.is_from_discord or event.discord_event_id is None:
        return ""
    refusal = refusal_of(event)
    return f"the event is {event.get_state_display()} here: {refusal}" if refusal else ""


def _series(event: Event) -> object:
    if event.series is None:
        return ""
    words = f"{event.series.title}, edited apart" if event.is_apart else event.series.title
    return link_to(event.series, words)


def _no_shows(event: Event) -> tuple[int, list[str]]:
    """Tells how many did not come, and names the first of them."""
    missing = no_shows_of(event)
    ids = list(missing[:MOST_MEMBERS])
    names = Names(event.guild_id, ids)
    count = len(ids) if len(ids) < MOST_MEMBERS else missing.count()
    return count, [names.link(user_id) for user_id in ids]


def _pages(event: Event, open_disputes: int) -> list[Link]:
    disputes = reverse("admin:events_app_dispute_changelist")
    return [
        (address("board", event.pk), "Live board"),
        (address("timeline", event.pk), "Timeline"),
        (address("gaps", event.pk), "Blind gaps"),
        (address("rewards", event.pk), "Rewards"),
        (
            f"{disputes}?event={event.pk}",
            f"Disputes ({open_disputes} open)" if open_disputes else "Disputes",
        ),
        (address("versions", event.pk), f"Versions ({event.version})"),
        (address("csv", event.pk), "CSV"),
        (address("json", event.pk), "JSON"),
    ]


def _actions(asker: Asker, event: Event) -> list[Link]:
    if not asker.may(CHANGE) or event.state == EventState.CANCELLED:
        return []
    publish = [(address("publish", event.pk), "Publish")]
    repeat = [(address("repeat", event.pk), "Repeat this event")]
    return [
        *(publish if event.state == EventState.DRAFT else []),
        (address("edit", event.pk), "Change"),
        *(repeat if asker.may(ADD) and _may_repeat(event) else []),
        (address("cancel", event.pk), "Cancel the event"),
    ]


def _may_repeat(event: Event) -> bool:
    try:
        refuse_to_repeat(event)
    except PlanningError:
        return False
    return True
