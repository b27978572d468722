"""How an event's rewards stand: who can be given the role, and who has it and should not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Exists, OuterRef, Q, Subquery

from events_app.models import Participation, Reward, RewardState
from events_app.services.rewards import REFUSED

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

    from events_app.models import Event

HELD: Final = (RewardState.GIVEN, RewardState.WANTED)
"""The states of a reward that its member has, or is about to have."""

CAN_BE_TAKEN: Final = (*HELD, RewardState.REFUSED)
"""The states of a reward that can be taken back."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member who qualifies, and has not been given the event's role.

    Attributes:
        was_taken_back: whether it was taken back from them: it can be given again.
        is_in_doubt: whether the uncertainty could decide it the other way.
    """

    user_id: int
    was_taken_back: bool
    is_in_doubt: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An event's rewards, counted.

    Attributes:
        to_give: members who qualify and were never given the role.
        taken_back: members who qualify, and from whom it was taken back.
        states: rewards by their state.
        refused: those that Discord refused to give, or to take back.
        lost: those held by members who no longer qualify.
    """

    to_give: int
    taken_back: int
    states: dict[str, int]
    refused: int
    lost: int


def candidates_of(event: Event) -> QuerySet[Any]:
    """Selects who can be given an event's role, in the order in which their time counts."""
    earlier = Reward.objects.filter(
        event=event, role_id=event.reward_role or 0, user_id=OuterRef("user_id")
    )
    return (
        Participation.objects.filter(event=event, is_qualified=True)
        .annotate(earlier=Subquery(earlier.order_by().values("state")))
        .filter(Q(earlier=None) | Q(earlier=RewardState.REVOKED))
        .order_by("counted_from", "user_id")
    )


def candidates(event: Event, *, most: int) -> list[Candidate]:
    """Lists who can be given an event's role; nobody where it names none, or does not count.

    Args:
        event: the event.
        most: how many of them.
    """
    if event.reward_role is None or not event.is_on:
        return []
    rows = candidates_of(event).values_list("user_id", "earlier", "is_in_doubt")
    return [
        Candidate(user_id, earlier is not None, is_in_doubt)
        for user_id, earlier, is_in_doubt in rows[:most]
    ]


def standing_of(event: Event) -> Standing:
    """Counts an event's rewards, in three statements."""
    to_give = {"new": 0, "again": 0}
    if event.reward_role is not None and event.is_on:
        to_give = candidates_of(event).aggregate(
            new=Count("pk", filter=Q(earlier=None)),
            again=Count("pk", filter=~Q(earlier=None)),
        )
    rewards = Reward.objects.filter(event=event)
    states = dict(rewards.order_by().values_list("state").annotate(Count("pk")))
    told = judged(rewards).aggregate(
        refused=Count("pk", filter=REFUSED),
        lost=Count("pk", filter=Q(state__in=HELD, still_qualifies=False)),
    )
    return Standing(to_give["new"], to_give["again"], states, told["refused"], told["lost"])


def judged(rewards: QuerySet[Reward]) -> QuerySet[Any]:
    """Says beside each reward, as ``still_qualifies``, whether its member qualifies now."""
    qualified = Participation.objects.filter(
        event=OuterRef("event"), user_id=OuterRef("user_id"), is_qualified=True
    )
    return rewards.annotate(still_qualifies=Exists(qualified))


def held_elsewhere(event: Event, user_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """Tells which of some members have which roles by other events too: pairs of their ids."""
    others = Reward.objects.filter(
        guild_id=event.guild_id, user_id__in=user_ids, state__in=HELD
    ).exclude(event=event)
    return frozenset(others.order_by().values_list("user_id", "role_id"))
