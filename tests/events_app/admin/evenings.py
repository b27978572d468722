"""Events with members, for the pages, and the accounts that open them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from events_app.models import Credit, Dispute, Interest, Participation, Reward, RewardState
from events_app.services.planning import change_event, create_event
from events_app.services.revisions import plan_of
from events_app.services.rollup import rebuild
from tests.events_app.planned import make_plan, make_role
from tests.factories import (
    make_channel,
    make_gap,
    make_member,
    make_session,
    make_viewer,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from community.models import Guild
    from events_app.models import Event


def organizer(guild: Guild, name: str = "sam") -> User:
    return make_viewer(name, guild, "add_event", "change_event", "credit_event", "reward_event")


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:events_app_{name}", args=args)


def make_evening(guild: Guild, *, members: int = 1, name: str = "Mira", **fields: Any) -> Event:
    """Makes an event that ended half an hour ago, with members, a gap, and what staff did.

    Each member was there for half an hour of two, has a credit, an open dispute, and a reward
    that Discord refused; one more said that they are interested, and never came.
    """
    now = timezone.now().replace(microsecond=0)
    start = now - timedelta(minutes=150)
    channel = make_channel(guild)
    fields.setdefault("channel_ids", frozenset({channel.pk}))
    role_id = fields.setdefault("reward_role", make_role(guild, name).pk)
    plan = make_plan(starts_at=start, ends_at=start + timedelta(hours=2), **fields)
    event = create_event(plan, guild_id=guild.pk, actor=None, now=now)
    for number in range(members):
        member = make_member(guild, f"{name} {number}")
        make_session(
            member,
            channel,
            started_at=start + timedelta(minutes=20),
            ended_at=start + timedelta(minutes=50),
        )
        columns = {"event": event, "guild_id": guild.pk, "user_id": member.user_id}
        Credit.objects.create(
            **columns, seconds=60, reason="told us", actor_name="sam", created_at=now
        )
        Dispute.objects.create(**columns, text=f"I was there. {name}", opened_at=now)
        absent = make_member(guild, f"{name} -{number}")
        Interest.objects.create(event=event, guild_id=guild.pk, user_id=absent.user_id, since=start)
        make_gap(
            guild.pk,
            began_at=start + timedelta(minutes=40 + number),
            ended_at=start + timedelta(minutes=40 + number, seconds=30),
        )
        Reward.objects.create(
            **columns,
            role_id=role_id,
            state=RewardState.REFUSED,
            error=f"Missing Permissions (50013) {name}",
            created_at=now,
            settled_at=now,
        )
    rebuild([event.pk], now=now)
    assert Participation.objects.filter(event=event).count() == members
    return event


def changed(event: Event, **fields: Any) -> Event:
    """Gives an event an earlier version."""
    plan = replace(plan_of(event), **fields)
    return change_event(event.pk, plan, actor=None, reason="better so", now=timezone.now())


def pages_of(event: Event) -> dict[str, str]:
    """Names every page of an event, by what it takes beside looking at events."""
    credit = Credit.objects.filter(event=event).earliest("pk")
    gap = event.guild.blind_gaps.earliest("began_at")
    view = ["versions", "board", "timeline", "gaps", "rewards", "csv", "json"]
    shown = {page(f"event_{name}", event.pk): "view" for name in view}
    shown |= {
        page("event_change", event.pk): "view",
        page("event_member", event.pk, credit.user_id): "view",
        page("event_edit", event.pk): "change",
        page("event_repeat", event.pk): "change",
        page("event_cancel", event.pk): "change",
        page("event_publish", event.pk): "change",
        page("event_remind", event.pk): "change",
        page("event_announce", event.pk): "change",
        page("event_unannounce", event.pk): "change",
        page("event_undo", event.pk, 1): "change",
        page("event_give", event.pk): "reward",
        page("event_take_back", event.pk): "reward",
        page("event_retry", event.pk): "reward",
        page("event_credit", event.pk, credit.user_id): "credit",
        page("event_withdraw", event.pk, credit.pk): "credit",
        page("event_gap", event.pk, gap.pk): "credit",
    }
    return shown


def sent(client: Client, url: str) -> dict[str, Any]:
    """Gives what a browser would send of a plan's form as it is shown."""
    form = client.get(url).context["form"]
    data: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if value is None or value is False:
            continue
        if hasattr(value, "strftime"):
            is_time = hasattr(value, "hour")
            value = value.strftime("%Y-%m-%dT%H:%M:%S" if is_time else "%Y-%m-%d")
        data[field.html_name] = "on" if value is True else value
    return data


def save(client: Client, url: str, data: dict[str, Any]) -> Any:
    """Looks at the preview, then saves, as a person would."""
    shown = client.post(url, data | {"_preview": "1"})
    if shown.context is None or shown.context["form"].errors:
        return shown
    seen = shown.context["form"]["previewed"].value()
    return client.post(url, data | {"previewed": seen, "_save": "1"})
