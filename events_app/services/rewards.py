"""Roles for those who qualified: given once, and taken back when staff say so.

A reward's row says what is wanted of it; the bot of the guild does it. The row points to the
outbox item that was asked last: what the bot answers to an earlier one changes nothing any
more. What Discord refuses is tried again, with pauses that double, and then left to staff.
A role that is to be taken back and could not be stays "to be taken back", for it is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Q

from community.domain.errors import RollcallError
from community.models import OutboxState
from community.services import audit, outbox
from events_app.models import Participation, Reward, RewardState
from events_app.services.planning import locked_event
from events_app.services.rollup import roll_up

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from community.models import OutboxItem
    from events_app.models import Event

GIVE: Final = "reward.give"
REVOKE: Final = "reward.revoke"
KINDS: Final = frozenset({GIVE, REVOKE})
"""The kinds of outbox items about rewards."""

RETRY: Final = "events_app.retry_rewards"
"""The job's name."""

MOST_ATTEMPTS: Final = 8
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_ERROR: Final = 300
LONGEST_TITLE: Final = 80
MOST_AT_ONCE: Final = 500

REFUSED: Final = Q(state=RewardState.REFUSED) | Q(
    state=RewardState.REVOKING, settled_at__isnull=False
)
"""Selects the rewards that Discord refused to give, or to take back."""

_ASKED: Final = {GIVE: RewardState.WANTED, REVOKE: RewardState.REVOKING}
_DONE: Final = {GIVE: RewardState.GIVEN, REVOKE: RewardState.REVOKED}


class RewardError(RollcallError):
    """The rewards cannot be given."""

    code = "reward"


class NoRewardRoleError(RewardError):
    """The event names no role for those who qualify."""

    code = "reward.no_role"


class NotOnError(RewardError):
    """A draft or a cancelled event rewards nobody."""

    code = "reward.not_on"


@dataclass(frozen=True, slots=True)
class Retried:
    """What a run of the job asked for once more."""

    given: int
    revoked: int

    @property
    def found(self) -> int:
        """How many rewards were due."""
        return self.given + self.revoked

    def outcome(self) -> dict[str, Any]:
        """Says it for a job's record."""
        return {"given": self.given, "revoked": self.revoked}


def give_rewards(
    event_id: UUID,
    *,
    actor: User,
    now: datetime,
    user_ids: Collection[int] | None = None,
    expected_version: int | None = None,
) -> int:
    """Asks for the event's role for each member who qualifies and has not been given it.

    A second call gives to those who qualify by now; one whose reward was taken back is
    given it again, and what Discord refused is left to :func:`retry_refused`.

    Args:
        event_id: the event.
        actor: who asks.
        now: when.
        user_ids: to whom of them; None for all.
        expected_version: the version of the event that the actor saw; None where they saw
            none.

    Returns:
        To how many it is to be given.

    Raises:
        RewardError: one of its kinds, saying why not.
        ChangedMeanwhileError: the event is in another version than the one expected.
    """
    # Who qualifies by what was changed a moment ago, and not by what the last rollup found. Not
    # in the same transaction: who rolls up locks events.
    roll_up(now=now, waits=True)
    with transaction.atomic():
        event = locked_event(event_id, expected_version=expected_version)
        role_id = event.reward_role
        if role_id is None:
            raise NoRewardRoleError
        if not event.is_on:
            raise NotOnError
        rewards = {
            reward.user_id: reward
            for reward in Reward.objects.select_for_update().filter(event=event, role_id=role_id)
        }
        qualified = Participation.objects.filter(event=event, is_qualified=True)
        if user_ids is not None:
            qualified = qualified.filter(user_id__in=user_ids)
        wanted = [
            rewards.get(user_id) or _new(event, user_id, role_id=role_id, now=now)
            for user_id in qualified.order_by("counted_from", "user_id").values_list(
                "user_id", flat=True
            )
            if user_id not in rewards or rewards[user_id].state == RewardState.REVOKED
        ]
        _ask_all(wanted, GIVE, event=event, now=now)
        _record(event, GIVE, wanted, actor=actor, now=now)
    return len(wanted)


def revoke_rewards(
    event_id: UUID,
    *,
    actor: User,
    now: datetime,
    user_ids: Collection[int] | None = None,
    reward_ids: Collection[UUID] | None = None,
    reason: str = "",
) -> int:
    """Asks for an event's roles to be taken back.

    One that is still to be given is given first, and taken back then: the bot may be at it.
    One that Discord refused to give is over.

    Args:
        event_id: the event.
        actor: who asks.
        now: when.
        user_ids: whose; None for everyone's.
        reward_ids: which of them; None for all.
        reason: why, in their words.

    Returns:
        From how many it is to be taken.
    """
    with transaction.atomic():
        event = locked_event(event_id)
        rewards = Reward.objects.select_for_update().filter(event=event)
        if user_ids is not None:
            rewards = rewards.filter(user_id__in=user_ids)
        if reward_ids is not None:
            rewards = rewards.filter(pk__in=reward_ids)
        held = list(
            rewards.filter(state__in=[RewardState.GIVEN, RewardState.WANTED]).order_by("id")
        )
        _ask_all(held, REVOKE, event=event, now=now)
        refused = list(rewards.filter(state=RewardState.REFUSED).order_by("id"))
        for reward in refused:
            _settle(reward, RewardState.REVOKED, now=now)
        _record(event, REVOKE, [*held, *refused], actor=actor, now=now, reason=reason)
    return len(held)


def retry_refused(
    event_id: UUID,
    *,
    actor: User,
    now: datetime,
    reward_ids: Collection[UUID] | None = None,
) -> int:
    """Asks once more for what Discord refused, from the first attempt on.

    Args:
        event_id: the event.
        actor: who asks.
        now: when.
        reward_ids: which of them; None for all.

    Returns:
        How many rewards are tried again.
    """
    with transaction.atomic():
        event = locked_event(event_id)
        refused = Reward.objects.filter(REFUSED).select_for_update().filter(event=event)
        if reward_ids is not None:
            refused = refused.filter(pk__in=reward_ids)
        rewards = list(refused.order_by("id"))
        for reward in rewards:
            reward.attempts = 0
        retried = _ask_again(rewards, now=now)
        _record(event, "reward.retry", rewards, actor=actor, now=now)
    return retried.found


def retry_due(*, now: datetime) -> Retried:
    """Asks once more for what Discord refused and whose pause is over; safe to run twice."""
    with transaction.atomic():
        lost = Q(state__in=[RewardState.WANTED, RewardState.REVOKING], item=None)
        due = Reward.objects.filter(Q(next_try_at__lte=now) | lost).order_by("next_try_at", "id")
        locked = due.select_related("event").select_for_update(of=("self",), skip_locked=True)
        return _ask_again(list(locked[:MOST_AT_ONCE]), now=now)


# The bot's side ---------------------------------------------------------------------------


def settle_reward(item: OutboxItem, *, refusal: str | None, code: str, now: datetime) -> None:
    """Answers an item, and says of its reward how it came out, in one transaction.

    Doing it twice does nothing.

    Args:
        item: the item.
        refusal: what Discord said when it refused; None where it is done.
        code: Discord's code for that.
        now: when.
    """
    with transaction.atomic():
        locked = outbox.locked_pending(item)
        if locked is None:
            return
        reward = Reward.objects.select_for_update().filter(item=locked).first()
        if reward is not None:
            reward.attempts += 1
            if refusal is None:
                _settle(reward, _DONE[locked.kind], now=now)
            else:
                _refuse(reward, locked.kind, refusal, now=now)
        outbox.answer(
            locked,
            state=OutboxState.DONE if refusal is None else OutboxState.REFUSED,
            answer={} if refusal is None else {"code": code, "message": refusal},
            now=now,
        )


def _refuse(reward: Reward, kind: str, refusal: str, *, now: datetime) -> None:
    reward.state = RewardState.REFUSED if kind == GIVE else RewardState.REVOKING
    reward.error = refusal[:LONGEST_ERROR]
    pause = FIRST_PAUSE * 2 ** (reward.attempts - 1)
    reward.next_try_at = now + pause if reward.attempts < MOST_ATTEMPTS else None
    reward.settled_at = now
    reward.save(update_fields=["state", "error", "attempts", "next_try_at", "settled_at"])


# Asking -----------------------------------------------------------------------------------


def _ask_all(rewards: Iterable[Reward], kind: str, *, event: Event, now: datetime) -> None:
    """Asks the bot for each, once and from the first attempt on."""
    for reward in rewards:
        reward.attempts = 0
        _ask(reward, kind, title=event.title, now=now)


def _ask_again(rewards: Iterable[Reward], *, now: datetime) -> Retried:
    """Asks the bot once more for what each row wants."""
    asked = dict.fromkeys(KINDS, 0)
    for reward in rewards:
        kind = REVOKE if reward.state == RewardState.REVOKING else GIVE
        _ask(reward, kind, title=reward.event.title, now=now)
        asked[kind] += 1
    return Retried(given=asked[GIVE], revoked=asked[REVOKE])


def _ask(reward: Reward, kind: str, *, title: str, now: datetime) -> None:
    what = "Took part in" if kind == GIVE else "Taken back:"
    payload = {
        "reward_id": str(reward.pk),
        "user_id": str(reward.user_id),
        "role_id": str(reward.role_id),
        "reason": f"{what} {title[:LONGEST_TITLE]} (Rollcall)",
    }
    reward.item = outbox.ask(kind, guild_id=reward.guild_id, payload=payload, now=now)
    reward.state = _ASKED[kind]
    reward.next_try_at = reward.settled_at = None
    reward.save(update_fields=["item", "state", "attempts", "next_try_at", "settled_at"])


def _new(event: Event, user_id: int, *, role_id: int, now: datetime) -> Reward:
    return Reward.objects.create(
        event=event, guild_id=event.guild_id, user_id=user_id, role_id=role_id, created_at=now
    )


def _settle(reward: Reward, state: RewardState, *, now: datetime) -> None:
    reward.state, reward.error = state, ""
    reward.next_try_at, reward.settled_at = None, now
    reward.save(update_fields=["state", "error", "attempts", "next_try_at", "settled_at"])


def _record(
    event: Event,
    action: str,
    rewards: Collection[Reward],
    *,
    actor: User,
    now: datetime,
    reason: str = "",
) -> None:
    """Leaves a trail, where anything was asked for."""
    if rewards:
        audit.record(
            actor=actor,
            action=action,
            target=event,
            guild_id=event.guild_id,
            reason=reason,
            before={},
            after={
                "role_ids": sorted({str(reward.role_id) for reward in rewards}),
                "user_ids": sorted(str(reward.user_id) for reward in rewards),
            },
            at=now,
        )
