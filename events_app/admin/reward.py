"""Rewards of all events: listed, tried again, taken back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from unfold.decorators import action, display

from community.admin.estimates import EstimatedPaginator
from community.admin.filters import GuildFilter, MemberFilter, TimeRangeFilter
from community.admin.showing import moment
from community.models import Role
from events_app.admin.filters import EventFilter, RewardTroubleFilter
from events_app.admin.of_members import LeadingOnAdmin
from events_app.admin.pages import REWARD, Asker, address
from events_app.admin.reward_decisions import say_retried, say_taken, take_back
from events_app.admin.reward_words import NO_LONGER, STATE_LABELS, next_try_of, refusal_of
from events_app.models import Reward, RewardState
from events_app.services.reward_standing import HELD, judged
from events_app.services.rewards import retry_refused

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Reward)
class RewardAdmin(LeadingOnAdmin):
    """Rewards. What is done to them, the bot does on Discord."""

    exact_ids = ("user_id", "role_id")
    list_display = (
        "created",
        "member_link",
        "role_name",
        "state_label",
        "standing",
        "refusal",
        "next_try",
        "event_link",
        "guild_link",
    )
    list_display_links = ("created",)
    list_filter = (
        GuildFilter,
        "state",
        RewardTroubleFilter,
        EventFilter,
        MemberFilter,
        ("created_at", TimeRangeFilter),
    )
    ordering = ("-created_at", "-id")
    paginator = EstimatedPaginator
    actions = ("take_back", "try_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what a row shows."""
        rows: QuerySet[Any] = super().get_queryset(request)
        role = Role.objects.filter(pk=OuterRef("role_id")).values("name")
        named: QuerySet[Any] = judged(rows).annotate(named=Subquery(role))
        return named.select_related("member", "event").prefetch_related("guild")

    def has_reward_permission(self, request: HttpRequest) -> bool:
        """Tells whether the account may give and take the roles of events."""
        return self.has_view_permission(request) and request.user.has_perm(REWARD)

    def page_of(self, row: Reward) -> str:
        """Gives the address of its event's rewards."""
        return address("rewards", row.event_id)

    # Actions -------------------------------------------------------------------------------

    @action(description="Take the selected roles back", permissions=["reward"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Reward]) -> None:
        """Takes roles back from the members who were selected."""
        asker = Asker(self, request, timezone.now())
        asked = over = chosen = 0
        for event_id, reward_ids in _by_event(queryset):
            taken = take_back(asker, event_id, reward_ids=reward_ids)
            asked, over = asked + taken[0], over + taken[1]
            chosen += len(reward_ids)
        say_taken(asker, (asked, over), chosen=chosen)

    @action(description="Try again now what Discord refused", permissions=["reward"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Reward]) -> None:
        """Asks once more for what Discord refused, of those that were selected."""
        asker = Asker(self, request, timezone.now())
        say_retried(
            asker,
            sum(
                retry_refused(event_id, actor=asker.user, now=asker.now, reward_ids=reward_ids)
                for event_id, reward_ids in _by_event(queryset)
            ),
        )

    # Columns -------------------------------------------------------------------------------

    @admin.display(description="asked for", ordering="created_at")
    def created(self, reward: Reward) -> SafeString | str:
        """Shows when it was first asked for."""
        return moment(reward.created_at, reward.event.zone)

    @admin.display(description="role")
    def role_name(self, reward: Any) -> str:
        """Names the role."""
        return reward.named or f"role {reward.role_id}"

    @display(
        description="state",
        label={str(state.label): label for state, label in STATE_LABELS.items()},
        ordering="state",
    )
    def state_label(self, reward: Reward) -> str:
        """Says where it is on its way."""
        return str(RewardState(reward.state).label)

    @display(description="standing", label={NO_LONGER: "warning"})
    def standing(self, reward: Any) -> str:
        """Says who has a role without qualifying any more."""
        return NO_LONGER if reward.state in HELD and not reward.still_qualifies else ""

    @admin.display(description="what Discord said")
    def refusal(self, reward: Reward) -> str:
        """Gives Discord's words."""
        return refusal_of(reward) or "-"

    @admin.display(description="next try", ordering="next_try_at")
    def next_try(self, reward: Reward) -> SafeString | str:
        """Says when it is tried again."""
        return next_try_of(reward, reward.event.zone)


def _by_event(rewards: QuerySet[Reward]) -> list[tuple[UUID, list[UUID]]]:
    """Groups rewards by their event, in an order that all go by."""
    found: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for event_id, reward_id in rewards.order_by("event", "pk").values_list("event", "pk"):
        found[event_id].append(reward_id)
    return list(found.items())
