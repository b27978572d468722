"""What is wrong with a plan, by what is known of the guild that it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from community.models import Channel, Role
from events_app.domain.plan import check_plan, is_storable
from events_app.domain.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from events_app.domain.plan import Plan

LONGEST_REASON: Final = 1000


def problems_of(
    plan: Plan, *, guild_id: int, known_role_ids: Collection[int] = ()
) -> list[Problem]:
    """Says all that is wrong with a plan, each at its field.

    Args:
        plan: the plan.
        guild_id: the guild that it is for: channels and roles of another are refused.
        known_role_ids: roles that the event names already: a role that was deleted since
            is no reason to refuse a change of something else.
    """
    roles = Role.objects.order_by().filter(guild_id=guild_id, gone_at=None, pk__in=plan.role_ids)
    channels = Channel.objects.order_by().filter(guild_id=guild_id, pk__in=plan.channel_ids)
    return check_plan(
        plan,
        guild_id=guild_id,
        guild_role_ids={*roles.values_list("pk", flat=True), *known_role_ids},
        guild_channels=dict(channels.values_list("pk", "kind")),
    )


def reason_problems(reason: str) -> list[Problem]:
    """Says what is wrong with a reason; none at all is nothing wrong."""
    if len(reason) > LONGEST_REASON:
        return [Problem("reason", "too_long", f"A reason has {LONGEST_REASON} characters at most.")]
    if not is_storable(reason):
        return [Problem("reason", "not_text", "The reason has characters that are none.")]
    return []
