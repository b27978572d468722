"""Looks at the pages of an event's rewards and of its announcement in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from community.models import OutboxItem, RoleSpan
from community.services import bot_facts
from events_app.models import Event, Participation, Reward
from events_app.services import publishing, rewards
from tests.events_app.admin.evenings import page
from tests.events_app.event_rows import make_event, make_participation
from tests.events_app.planned import make_role
from tests.factories import make_guild, make_member, make_shard
from tests.look.browser import NARROW, SHOTS, WIDE, Look, logged_in, tab_to
from tests.look.evenings import LONG

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

    from community.models import Guild

pytestmark = pytest.mark.django_db(transaction=True)

BOT = 77
REFUSAL = "Missing Permissions: the bot cannot give this role to that member (50013)"


def make_lantern_house(now: datetime) -> tuple[Guild, int]:
    """Makes a guild whose bot sees roles in passing, and one above the bot's own."""
    guild = make_guild("The Lantern House", time_zone="Europe/Berlin", owner_id=1)
    said = {bot_facts.MEMBERS_INTENT: False, bot_facts.USER_ID: str(BOT)}
    make_shard(guild, heartbeat_at=now, is_connected=True, figures=said)
    make_member(guild, "Rollcall", user_id=BOT, roles_known_since=now)
    own = make_role(guild, "Rollcall", position=3, permissions=1 << 28)
    RoleSpan.objects.create(guild=guild, role=own, user_id=BOT, started_at=now)
    return guild, make_role(guild, f"Regulars and {LONG}", position=5).pk


def answer(refused: set[int], *, now: datetime) -> None:
    """Answers what the bot was asked, in order; it refuses some by their number."""
    items = OutboxItem.objects.filter(state="pending", kind__in=rewards.KINDS)
    for number, item in enumerate(items.order_by("created_at", "id")):
        refusal = REFUSAL if number in refused else None
        rewards.settle_reward(item, refusal=refusal, code="50013" if refusal else "", now=now)


def make_rewards(guild: Guild, role_id: int, root: User, *, now: datetime) -> Event:
    """Makes an event with rewards in every state, and members who can be given one."""
    event = make_event(
        guild,
        "Harbour night",
        time_zone="Europe/Berlin",
        starts_at=now - timedelta(hours=3),
        ends_at=now - timedelta(hours=1),
        reward_role=role_id,
        any_role_ids=[role_id],
    )
    names = [LONG if number % 6 == 5 else f"Person {number}" for number in range(14)]
    ids = [make_member(guild, name).user_id for name in names]
    for user_id in ids:
        make_participation(event, user_id, seconds=3600, share=0.5)
    actor: dict[str, Any] = {"actor": root, "now": now}
    rewards.give_rewards(event.pk, user_ids=ids[:8], **actor)
    answer({2, 5}, now=now)
    rewards.revoke_rewards(event.pk, user_ids=ids[3:4], **actor)
    answer(set(), now=now)
    rewards.revoke_rewards(event.pk, user_ids=ids[4:5], **actor)
    rewards.give_rewards(event.pk, user_ids=ids[8:9], **actor)
    Participation.objects.filter(user_id__in=ids[:2]).update(is_qualified=False)
    return event


def make_announced(guild: Guild, role_id: int, root: User, *, now: datetime) -> Event:
    """Makes an event to come that was changed after it was announced."""
    event = make_event(
        guild,
        "A hike to the lighthouse",
        state="scheduled",
        starts_at=now + timedelta(hours=3),
        ends_at=now + timedelta(hours=5),
        description="Bring a torch.\nAnd a coat.",
        any_role_ids=[role_id],
    )
    item = publishing.publish(event, actor=root, now=now)
    publishing.settle(item, discord_event_id=7000, now=now)
    Event.objects.filter(pk=event.pk).update(title=f"A hike to {LONG}")
    return event


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_rewards_and_announcements_look_well(
    browser: Browser, live_server: LiveServer, root: User, size: tuple[int, int], scheme: str
) -> None:
    now = timezone.now().replace(microsecond=0)
    guild, role_id = make_lantern_house(now)
    event = make_rewards(guild, role_id, root, now=now)
    announced = make_announced(guild, role_id, root, now=now)
    context = logged_in(browser, live_server, root, size=size, scheme=scheme)
    look = Look(context.new_page(), live_server)
    shown = {
        "rewarded-event": page("event_change", event.pk),
        "announced-event": page("event_change", announced.pk),
        "rewards": page("event_rewards", event.pk),
        "reward-give": page("event_give", event.pk),
        "reward-take-back": f"{page('event_take_back', event.pk)}?chosen=lost",
        "reward-retry": page("event_retry", event.pk),
        "announce": page("event_announce", announced.pk),
        "unannounce": page("event_unannounce", announced.pk),
        "reward-list": page("reward_changelist"),
        "board-in-passing": page("event_board", event.pk),
        "plan-in-passing": page("event_edit", event.pk),
    }
    problems = []

    for name, path in shown.items():
        try:
            look.open(path, f"{name}-{size[0]}-{scheme}")
        except AssertionError as error:
            problems.append(f"{name}: {error}")

    assert problems == []


def test_roles_are_given_and_taken_back_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    now = timezone.now()
    guild, role_id = make_lantern_house(now)
    event = make_event(guild, reward_role=role_id)
    for name in ("Ines", "Mira"):
        make_participation(event, make_member(guild, name).user_id)
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)

    look.open(page("event_rewards", event.pk), "rewards-before-1440")
    tab_to(look.page, f"a[href='{page('event_give', event.pk)}']")
    look.page.keyboard.press("Enter")
    look.page.wait_for_url("**/give/")
    look.page.wait_for_load_state("networkidle")
    tab_to(look.page, "input[name=chosen]")
    look.page.keyboard.press("Space")
    tab_to(look.page, "form .rc-buttons button")
    look.page.keyboard.press("Enter")
    look.page.wait_for_selector("text=The bot was asked to give the role to 1 member.")
    look.page.screenshot(path=SHOTS / "rewards-given-1440.png", full_page=True)
    assert Reward.objects.filter(member__display_name="Mira").count() == 1
    assert Reward.objects.count() == 1
    answer(set(), now=now)

    look.open(f"{page('event_take_back', event.pk)}?chosen=all", "reward-take-back-1440")
    tab_to(look.page, "textarea")
    look.page.keyboard.type("They were away.")
    look.page.keyboard.press("Tab")
    look.page.keyboard.press("Enter")
    look.page.wait_for_selector("text=The bot was asked to take the role from 1 member.")

    assert Reward.objects.get().state == "revoking"


def test_a_double_click_gives_once(browser: Browser, live_server: LiveServer, root: User) -> None:
    guild, role_id = make_lantern_house(timezone.now())
    event = make_event(guild, reward_role=role_id)
    make_participation(event, make_member(guild, "Ines").user_id)
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)

    look.open(page("event_give", event.pk), "reward-give-1440")
    look.page.dblclick("form .rc-buttons button")
    look.page.wait_for_url("**/rewards/")

    assert OutboxItem.objects.filter(kind=rewards.GIVE).count() == 1
    assert "to be given" in look.page.inner_text("body").lower()
