"""Rewards in words: where each stands, what Discord said, what keeps a role from being given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from community.admin.showing import NOTHING, moment
from community.models import Role
from events_app.models import EventState, RewardState
from events_app.services.role_giving import Obstacle, obstacle_to

if TYPE_CHECKING:
    from datetime import tzinfo

    from django.utils.safestring import SafeString

    from community.services.bot_facts import BotFacts
    from events_app.models import Event, Reward

STATE_LABELS: Final = {
    RewardState.WANTED: "info",
    RewardState.GIVEN: "success",
    RewardState.REFUSED: "danger",
    RewardState.REVOKING: "warning",
    RewardState.REVOKED: "",
}

NO_LONGER: Final = "no longer qualifies"

NO_ROLE: Final = "The event names no role for those who qualify."

WHAT_TO_DO: Final = {
    Obstacle.BOT_GONE: "",
    Obstacle.ROLE_GONE: "Choose another role for the event.",
    Obstacle.MANAGED: "Choose another role for the event.",
    Obstacle.NOT_ALLOWED: "Give the bot's role that permission on Discord.",
    Obstacle.TOO_HIGH: "Move the bot's role above it on Discord, in the server's settings.",
}


@dataclass(frozen=True, slots=True)
class RewardRole:
    """The role that an event names for those who qualify.

    Attributes:
        name: empty where it names none.
        why_not: why it cannot be given at all; empty where it can.
        warning: what Discord would say as things stand; empty where nothing is known.
    """

    name: str = ""
    why_not: str = ""
    warning: str = ""


def role_of(event: Event, bot: BotFacts) -> RewardRole:
    """Tells of the role that an event names, and whether it can be given."""
    if event.reward_role is None:
        return RewardRole(why_not=NO_ROLE)
    role = Role.objects.filter(pk=event.reward_role, guild_id=event.guild_id).first()
    name = role.name if role else f"role {event.reward_role}"
    if event.state == EventState.DRAFT:
        return RewardRole(name, "A draft rewards nobody: publish it first.")
    if event.state == EventState.CANCELLED:
        return RewardRole(name, "The event was cancelled: it rewards nobody.")
    obstacle = obstacle_to(event.reward_role, guild_id=event.guild_id, bot_id=bot.user_id)
    if obstacle is None:
        return RewardRole(name)
    words = f"It cannot be given now: {obstacle}. {WHAT_TO_DO[obstacle]}".strip()
    return RewardRole(name, words) if obstacle.is_final else RewardRole(name, "", words)


def is_stuck(reward: Reward) -> bool:
    """Tells whether Discord refused what is wanted of a reward."""
    is_refused_taking = reward.state == RewardState.REVOKING and reward.settled_at is not None
    return reward.state == RewardState.REFUSED or is_refused_taking


def refusal_of(reward: Reward) -> str:
    """Says what Discord said when it refused; empty where it did not, or not since."""
    if is_stuck(reward):
        return reward.error or "no reason was given"
    is_under_way = reward.state in {RewardState.WANTED, RewardState.REVOKING}
    return f"last time: {reward.error}" if is_under_way and reward.error else ""


def next_try_of(reward: Reward, zone: tzinfo) -> SafeString | str:
    """Says when the bot tries again by itself what Discord refused."""
    if not is_stuck(reward):
        return NOTHING
    return moment(reward.next_try_at, zone) if reward.next_try_at else "not by itself any more"


def members_told(count: int) -> str:
    """Counts members, in words."""
    return f"{count} member{'' if count == 1 else 's'}"
