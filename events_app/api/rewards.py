"""``/api/rewards`` and ``/api/events/{id}/rewards``: roles for those who qualify."""

from typing import Annotated
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from ninja import Field, Query, Router, Schema, Status

from community.api.authentication import KeyedRequest
from community.api.fields import (
    Moment,
    PlainText,
    SnowflakeFilter,
    SnowflakeInput,
    SnowflakeText,
    StrictBody,
    UuidFilter,
    UuidInput,
    UuidText,
)
from community.api.problems import PROBLEMS
from events_app.api.events import READ, WRITE
from events_app.api.plan_schemas import WHY, VersionSeen
from events_app.api.problems import CHANGED, examples, refusals_told
from events_app.api.reach import REWARD, event_of, maker_of, reachable
from events_app.models import Reward, RewardState
from events_app.services import rewards as services
from events_app.services.plan_problems import LONGEST_REASON
from sessions_app.api.paging import PageQuery, page_of

router = Router(tags=["rewards"], auth=READ)
of_event = Router(tags=["rewards"], auth=WRITE)
"""What stands under ``/api/events``."""

UserIds = Annotated[list[SnowflakeInput], Field(min_length=1, max_length=1000)]
ReasonIn = Annotated[PlainText, Field(max_length=LONGEST_REASON, description=WHY)]
RewardIds = Annotated[list[UuidInput], Field(min_length=1, max_length=1000)]


class RewardFilters(PageQuery):
    """Which rewards to list; `from` and `until` are of when they were first asked for."""

    guild_id: SnowflakeFilter = Field(None, description="Only of this guild.")
    event_id: UuidFilter = Field(None, description="Only of this event.")
    user_id: SnowflakeFilter = Field(None, description="Only of this member.")
    role_id: SnowflakeFilter = Field(None, description="Only of this role.")
    state: list[RewardState] = Field(
        default_factory=list,
        description="Only in this state; give it several times for any of several.",
    )


class RewardOut(Schema):
    """A role for a member who qualified, and where it is on its way."""

    id: UuidText
    event_id: UuidText
    guild_id: SnowflakeText
    user_id: SnowflakeText
    role_id: SnowflakeText
    state: RewardState = Field(
        description="`wanted`: to be given; `revoking`: to be taken back; `refused`: Discord "
        "would not give it."
    )
    refusal: str | None = Field(
        description="What Discord said when it last refused, to give it or to take it back."
    )
    attempts: int = Field(description="Times that Discord was asked since it was last wanted so.")
    next_try_at: Moment | None = Field(
        description="When it is tried again by itself; null: not before `retry` asks for it."
    )
    created_at: Moment
    settled_at: Moment | None = Field(description="When Discord last answered.")


class RewardPage(Schema):
    """A page of rewards, newest first."""

    rewards: list[RewardOut]
    next: str | None = Field(description="Path of the next page; null on the last.")


class GivingIn(StrictBody):
    """To whom the role is to be given."""

    user_ids: Annotated[
        UserIds | None,
        Field(description="Members, of whom those who qualify are given it; null: all who do."),
    ] = None
    expected_version: VersionSeen = None


class RevocationIn(StrictBody):
    """Whose roles are to be taken back, and why."""

    user_ids: UserIds | None = Field(
        description="Members; null, which has to be said: all. Who has none is passed over."
    )
    reason: ReasonIn = ""


class RetryIn(StrictBody):
    """What is to be tried again."""

    reward_ids: RewardIds | None = Field(
        None, description="Rewards that Discord refused; null: all. Others are passed over."
    )


class RewardsAsked(Schema):
    """What the bot was asked for."""

    asked: int = Field(description="For how many members; 0 where there was nothing to do.")
    link: str = Field(description="The event's rewards, and how they come out.")


@router.get(
    "",
    response={200: RewardPage} | PROBLEMS,
    openapi_extra=examples(PROBLEMS),
    summary="List rewards",
)
def list_rewards(request: KeyedRequest, filters: Query[RewardFilters]) -> RewardPage:
    """Lists rewards with how they came out, newest first, page by page.

    `from` and `until` ask for those that were first asked for after the one and before the
    other.
    """
    rows = reachable(Reward.objects.all(), request).filter(_chosen(filters))
    shown, following = page_of(rows, request, limit=filters.limit, start="created_at")
    return RewardPage(
        rewards=[_reward_out(reward) for reward in shown],
        next=following,
    )


@of_event.post(
    "/{event_id}/rewards/give",
    response={202: RewardsAsked} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Give those who qualify the event's role",
)
def give_rewards(
    request: KeyedRequest, event_id: UUID, asked: GivingIn | None = None
) -> Status[RewardsAsked]:
    """Asks the bot to give the event's role to each who qualifies and was not given it.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    give the roles of events. Again, it gives to those who qualify by now, and to those whose
    role was taken back; what Discord refused is left to `rewards/retry`.
    """
    asked = asked or GivingIn()
    maker = maker_of(request, REWARD)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        count = services.give_rewards(
            event.pk,
            actor=maker,
            now=timezone.now(),
            user_ids=asked.user_ids,
            expected_version=asked.expected_version,
        )
    return _asked(event.pk, count)


@of_event.post(
    "/{event_id}/rewards/revoke",
    response={202: RewardsAsked} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Take an event's roles back",
)
def revoke_rewards(
    request: KeyedRequest, event_id: UUID, asked: RevocationIn
) -> Status[RewardsAsked]:
    """Asks the bot to take the event's role back, from all or from some; safe to repeat.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    take the roles of events. One that is still to be given is given first, and taken then.
    """
    maker = maker_of(request, REWARD)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        count = services.revoke_rewards(
            event.pk,
            actor=maker,
            now=timezone.now(),
            user_ids=asked.user_ids,
            reason=asked.reason.strip(),
        )
    return _asked(event.pk, count)


@of_event.post(
    "/{event_id}/rewards/retry",
    response={202: RewardsAsked} | CHANGED,
    openapi_extra=examples(CHANGED),
    summary="Try again what Discord refused",
)
def retry_rewards(
    request: KeyedRequest, event_id: UUID, asked: RetryIn | None = None
) -> Status[RewardsAsked]:
    """Asks the bot once more for what Discord refused, to give or to take back.

    Asks for the scope `events:write`, and for an account behind the key that is allowed to
    give the roles of events. Rollcall tries by itself, too, with pauses that grow, eight times.
    """
    maker = maker_of(request, REWARD)
    event = event_of(request, event_id, maker=maker)
    with refusals_told():
        count = services.retry_refused(
            event.pk,
            actor=maker,
            now=timezone.now(),
            reward_ids=asked.reward_ids if asked else None,
        )
    return _asked(event.pk, count)


def _asked(event_id: UUID, count: int) -> Status[RewardsAsked]:
    link = f"{reverse('api:list_rewards')}?event_id={event_id}"
    return Status(202, RewardsAsked(asked=count, link=link))


def _reward_out(reward: Reward) -> RewardOut:
    return RewardOut(
        id=reward.id,
        event_id=reward.event_id,
        guild_id=reward.guild_id,
        user_id=reward.user_id,
        role_id=reward.role_id,
        state=RewardState(reward.state),
        refusal=reward.error or None,
        attempts=reward.attempts,
        next_try_at=reward.next_try_at,
        created_at=reward.created_at,
        settled_at=reward.settled_at,
    )


def _chosen(filters: RewardFilters) -> Q:
    """Turns the filters into one condition."""
    wanted = Q()
    for column in ("guild_id", "event_id", "user_id", "role_id"):
        value = getattr(filters, column)
        if value is not None:
            wanted &= Q(**{column: value})
    if filters.state:
        wanted &= Q(state__in=set(filters.state))
    if filters.until is not None:
        wanted &= Q(created_at__lt=filters.until)
    if filters.from_ is not None:
        wanted &= Q(created_at__gt=filters.from_)
    if filters.cursor is not None:
        wanted &= filters.cursor.after("created_at")
    return wanted
