"""Looks at the pages of rooms, full and empty, in light and dark, wide and narrow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from botrunner.models import Hub, Room, RoomStep
from community.domain.permissions import Permission
from tests.botrunner.admin.rooms import (
    lay_room,
    make_bot,
    make_hub_of,
    make_story,
    make_suspect,
    page,
)
from tests.factories import make_channel, make_guild, make_member
from tests.look.browser import WIDE, Look, in_all_modes, logged_in, tab_to

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

    from community.models import Guild

STATES = ("requested", "creating", "waiting", "occupied", "grace", "closing", "closed", "failed")

pytestmark = pytest.mark.django_db(transaction=True)


def make_full(guild: Guild, root: User) -> dict[str, str]:
    """Fills a guild with rooms in every state, and names its pages."""
    now = timezone.now()
    names = ("Mira", "Bo", "Quill of the northern road", "Jo", "Ada", "Nils")
    members = [make_member(guild, name) for name in names]
    hub = make_hub_of(guild, "Join to create", user_limit=4, bitrate=64_000)
    gone = make_hub_of(guild, "Old lobby", name_template="Den {number} of {user}")
    guild.channels.filter(pk=gone.channel_id).update(gone_at=now)
    for number in range(3):
        lay_room(guild, "queued", owner=members[number], requested_at=now - timedelta(minutes=9))
    rooms = {
        state: lay_room(
            guild,
            state,
            owner=make_member(guild, names[number % len(names)]),
            kind="hub" if state == "occupied" else "private",
            hub=hub if state == "occupied" else None,
        )
        for number, state in enumerate(STATES)
    }
    Room.objects.filter(pk=rooms["closing"].pk).update(
        failures=3,
        next_try_at=now + timedelta(minutes=1),
        error="discord.500",
        error_text="Discord answered with 500",
        reason="empty",
    )
    Room.objects.filter(pk=rooms["failed"].pk).update(
        error="discord.30013", error_text="Maximum number of guild channels reached (500)"
    )
    story = make_story(guild, owner_id=members[3].user_id)
    RoomStep.objects.create(
        room=story,
        at=now,
        happening="Extended",
        former_state=story.state,
        state=story.state,
        reason="so that they can finish their long and winding conversation about the harbour",
        actor=root,
    )
    suspect = make_suspect(guild)
    make_channel(guild, "Lounge", kind=4)
    make_bot(guild, int(Permission.MANAGE_CHANNELS | Permission.VIEW_CHANNEL))
    return {
        "list": page("room_changelist"),
        "story": page("room_change", story.pk),
        "occupied": page("room_change", rooms["occupied"].pk),
        "closing": page("room_change", rooms["closing"].pk),
        "failed": page("room_change", rooms["failed"].pk),
        "close": page("room_close", rooms["occupied"].pk),
        "delete": page("room_remove", story.pk),
        "adopt": page("room_adopt", story.pk),
        "guild": page("guild_rooms", guild.pk),
        "rules": page("guild_rules", guild.pk),
        "hubs": page("hub_changelist"),
        "hub": page("hub_change", hub.pk),
        "hub-gone": page("hub_change", gone.pk),
        "hub-remove": page("hub_remove", hub.pk),
        "quarantine-list": page("quarantinedchannel_changelist"),
        "quarantine": page("quarantinedchannel_change", suspect.pk),
        "quarantine-adopt": page("quarantinedchannel_adopt", suspect.pk),
        "quarantine-delete": page("quarantinedchannel_remove", suspect.pk),
        "front": reverse("admin:index"),
    }


def test_every_page_of_rooms_looks_well(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    empty = make_guild("Empty House")
    pages = {
        "list-empty": page("room_changelist"),
        "hubs-empty": page("hub_changelist"),
        "quarantine-empty": page("quarantinedchannel_changelist"),
        "guild-empty": page("guild_rooms", empty.pk),
        "hub-add": page("hub_add"),
    }
    look = Look(
        logged_in(browser, live_server, root, size=WIDE, scheme="light").new_page(), live_server
    )
    problems: list[str] = []

    def visit(name: str, path: str) -> None:
        response = look.page.goto(look.base + path)
        assert response is not None
        assert response.status == 200, path
        problems.extend(in_all_modes(look, f"room-{name}"))

    for name, path in pages.items():
        visit(name, path)
    full = make_full(make_guild("Lantern House", time_zone="Europe/Berlin"), root)
    for name, path in full.items():
        visit(name, path)
    look.page.goto(look.base + full["hub"])
    look.page.fill("[name=name_template]", "{guild}")
    look.page.fill("[name=user_limit]", "100")
    look.page.click("[name=_save]")
    look.page.wait_for_selector(".rc-warned")
    problems.extend(in_all_modes(look, "room-hub-errors"))

    assert not problems, "\n".join(problems)


def test_a_room_is_closed_with_the_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    room = lay_room(make_guild(), "occupied")
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    shown = context.new_page()
    shown.goto(live_server.url + page("room_change", room.pk))

    tab_to(shown, f"[href='{page('room_close', room.pk)}']")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("[name=reason]")
    tab_to(shown, "[name=reason]")
    shown.keyboard.type("it was loud")
    tab_to(shown, ".rc-form button")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=The room ends.")

    room.refresh_from_db()
    assert room.state == "closing"


def test_rooms_are_looked_through_with_the_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    guild = make_guild()
    story = make_story(guild, owner_id=make_member(guild, "Mira").user_id)
    shown = logged_in(browser, live_server, root, size=WIDE, scheme="light").new_page()
    shown.goto(live_server.url + page("room_changelist"))

    tab_to(shown, f"#changelist td a[href*='{story.pk}'], #changelist th a[href*='{story.pk}']")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#story-title")
    tab_to(shown, f"[href='{page('guild_rooms', guild.pk)}']")
    # A table that is wider than the window is read with the arrows.
    tab_to(shown, "[role=region][aria-labelledby=story-title]")


def test_a_hub_is_made_with_the_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    guild = make_guild()
    make_channel(guild, "Cellar")
    wanted = make_channel(guild, "Join to create")
    shown = logged_in(browser, live_server, root, size=WIDE, scheme="dark").new_page()
    shown.goto(live_server.url + page("hub_add"))

    choose(shown, "channel_id", typed="Join", option="Join to create")
    tab_to(shown, "[name=name_template]")
    shown.keyboard.press("Control+A")
    shown.keyboard.type("{guild}")
    shown.keyboard.press("Enter")
    shown.wait_for_selector(".rc-warned")
    wrong = shown.locator("[name=name_template]")
    assert wrong.get_attribute("aria-invalid") == "true"
    assert "id_name_template_error" in str(wrong.get_attribute("aria-describedby"))
    tab_to(shown, "[name=name_template]")
    shown.keyboard.press("Control+A")
    shown.keyboard.type("Den {number}")
    tab_to(shown, "[name=_save]")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=The channel is a hub now.")

    hub = Hub.objects.get()
    assert (hub.channel_id, hub.name_template) == (wanted.pk, "Den {number}")


def choose(shown: Page, field: str, *, typed: str, option: str) -> None:
    """Chooses an option by typing a part of it, with the keyboard alone."""
    tab_to(shown, f".select2-selection[aria-labelledby*={field}]")
    shown.keyboard.press("Enter")
    shown.wait_for_selector(".select2-search__field:focus")
    shown.keyboard.type(typed)
    shown.wait_for_selector(f".select2-results__option--highlighted:has-text('{option}')")
    shown.keyboard.press("Enter")


def test_a_channel_is_adopted_with_the_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    guild = make_guild()
    item, mira = make_suspect(guild), make_member(guild, "Mira")
    shown = logged_in(browser, live_server, root, size=WIDE, scheme="light").new_page()
    shown.goto(live_server.url + page("quarantinedchannel_change", item.pk))

    tab_to(shown, f"[href='{page('quarantinedchannel_adopt', item.pk)}']")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("[name=reason]")
    choose(shown, "owner_id", typed="Mir", option="Mira")
    tab_to(shown, "[name=reason]")
    shown.keyboard.type("it was theirs")
    tab_to(shown, ".rc-form button")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=The channel is a room of ours now.")

    assert Room.objects.get().owner_id == mira.user_id
