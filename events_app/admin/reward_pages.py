"""The roles of an event: who has one, who can be given it, and the giving and taking back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, Q, Value, When

from community.admin.pages import Names
from community.admin.showing import link_to_list, moment
from community.services.bot_facts import bot_of
from events_app.admin.bot_notes import NO_BOT
from events_app.admin.pages import REWARD, address
from events_app.admin.plan_choices import names_of_roles
from events_app.admin.reward_words import STATE_LABELS, is_stuck, next_try_of, refusal_of, role_of
from events_app.models import Event, EventState, Reward, RewardState
from events_app.services.reward_standing import (
    CAN_BE_TAKEN,
    HELD,
    Standing,
    candidates,
    judged,
    standing_of,
)
from events_app.services.rewards import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.http import HttpResponse
    from django.utils.safestring import SafeString

    from community.services.bot_facts import BotFacts
    from events_app.admin.pages import Asker
    from events_app.admin.reward_words import RewardRole

MOST_NAMES: Final = 100
MOST_ROWS: Final = 200

LOST, EVERYONE = "lost", "all"
"""Whom the page of taking back has chosen to begin with."""


@dataclass(frozen=True, slots=True)
class RewardBox:
    """How an event's rewards stand, on its own page."""

    role: RewardRole
    summary: str
    trouble: list[str]
    notes: list[str]
    actions: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RewardLine:
    """One member's reward, in the page's words."""

    member: str
    state: str
    label: str
    has_lost: bool
    other_role: str
    since: SafeString | str
    refusal: str
    next_try: SafeString | str
    take_back: str


def reward_box(asker: Asker, event: Event, bot: BotFacts) -> RewardBox:
    """Tells how an event's rewards stand, and what can be done."""
    standing = standing_of(event)
    role = role_of(event, bot)
    return RewardBox(
        role=role,
        summary=_summary(standing),
        trouble=_trouble(event, standing, role),
        notes=_notes(asker, event, standing, role, bot),
        actions=_actions(asker, event, standing, role),
    )


def _summary(standing: Standing) -> str:
    told = [(standing.to_give + standing.taken_back, "can be given it")]
    told += [(standing.states.get(state, 0), state.label) for state in RewardState]
    return ", ".join(f"{count} {words}" for count, words in told if count)


def _trouble(event: Event, standing: Standing, role: RewardRole) -> list[str]:
    trouble = [role.warning] if role.warning else []
    if _is_in_the_way(event, role):
        trouble.append(role.why_not)
    if standing.lost:
        has = "has the role, or is about to, and no longer qualifies"
        have = "have the role, or are about to, and no longer qualify"
        trouble.append(
            f"{standing.lost} {has if standing.lost == 1 else have}. Staff decide whether it is "
            "taken back."
        )
    return trouble


def _is_in_the_way(event: Event, role: RewardRole) -> bool:
    """Tells whether something of the role keeps it from being given, and nothing of the event."""
    return bool(role.why_not and role.name and event.is_on)


def _notes(
    asker: Asker, event: Event, standing: Standing, role: RewardRole, bot: BotFacts
) -> list[str]:
    notes = [role.why_not] if role.why_not and not _is_in_the_way(event, role) else []
    if not role.why_not and asker.now < event.ends_at and event.state != EventState.ENDED:
        notes.append("The event is not over: who qualifies may still change.")
    under_way = [RewardState.WANTED, RewardState.REVOKING]
    if not bot.is_running and any(standing.states.get(state) for state in under_way):
        notes.append(NO_BOT)
    return notes


def _actions(
    asker: Asker, event: Event, standing: Standing, role: RewardRole
) -> list[tuple[str, str]]:
    if not asker.may(REWARD):
        return []
    actions = []
    to_give = standing.to_give + standing.taken_back
    if to_give and not role.why_not:
        actions.append((address("give", event.pk), f"Give the role ({to_give})"))
    if standing.refused:
        actions.append((address("retry", event.pk), f"Try again now ({standing.refused})"))
    if standing.lost:
        whom = f"?chosen={LOST}"
        words = f"Take back from those who no longer qualify ({standing.lost})"
        actions.append((address("take_back", event.pk) + whom, words))
    taken = sum(standing.states.get(state, 0) for state in CAN_BE_TAKEN)
    if taken:
        actions.append((address("take_back", event.pk), "Take back"))
    return actions


def rewards_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows an event's rewards, those with trouble first, and who can be given the role."""
    event = asker.event(event_id)
    bot = bot_of(event.guild_id, now=asker.now)
    standing = standing_of(event)
    waiting = candidates(event, most=MOST_NAMES)
    trouble = Case(
        When(REFUSED, then=Value(0)),
        When(Q(state__in=HELD, still_qualifies=False), then=Value(1)),
        default=Value(2),
    )
    rows = judged(Reward.objects.filter(event=event)).annotate(trouble=trouble)
    found = list(rows.order_by("trouble", "-created_at", "pk")[:MOST_ROWS])
    names = Names(event.guild_id, [one.user_id for one in waiting] + [row.user_id for row in found])
    roles = names_of_roles({row.role_id for row in found})
    count = sum(standing.states.values())
    can_be_given = standing.to_give + standing.taken_back
    return asker.render(
        "event/rewards.html",
        f"Rewards: {event.title}",
        event=event,
        rewards=reward_box(asker, event, bot),
        figures=[
            ("can be given it", can_be_given),
            ("given", standing.states.get(RewardState.GIVEN, 0)),
            (
                "on the way",
                standing.states.get(RewardState.WANTED, 0)
                + standing.states.get(RewardState.REVOKING, 0),
            ),
            ("refused", standing.refused),
            ("no longer qualify", standing.lost),
        ],
        waiting=[
            (names.link(one.user_id), "taken back before" if one.was_taken_back else "")
            for one in waiting
        ],
        waiting_count=can_be_given,
        lines=[_line(asker, event, row, names, roles) for row in found],
        not_shown=count - len(found),
        all_lines=link_to_list(Reward, "All of them, with filters", event=str(event.pk)),
        back=address("change", event.pk),
    )


def _line(
    asker: Asker, event: Event, row: Any, names: Names, roles: Mapping[int, str]
) -> RewardLine:
    state = RewardState(row.state)
    may_take = asker.may(REWARD) and state in CAN_BE_TAKEN
    is_other = row.role_id != event.reward_role
    return RewardLine(
        member=names.link(row.user_id),
        state=str(state.label),
        label=STATE_LABELS[state],
        has_lost=state in HELD and not row.still_qualifies,
        other_role=roles.get(row.role_id, f"role {row.role_id}") if is_other else "",
        since=moment(row.settled_at or row.created_at, event.zone),
        refusal=refusal_of(row),
        next_try=next_try_of(row, event.zone) if is_stuck(row) else "",
        take_back=f"{address('take_back', event.pk)}?chosen={row.pk}" if may_take else "",
    )
