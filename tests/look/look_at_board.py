"""The live board in a browser: it follows what happens without a reload, and knows when to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from community.models.ids import new_id
from events_app.services.planning import change_event, create_event
from events_app.services.revisions import plan_of
from sessions_app.domain.facts import VoiceChanged, VoicePresence, VoiceSnapshot
from sessions_app.domain.tracker import Tracker
from sessions_app.services.ingest import write_batch
from sessions_app.services.restore import guild_rules
from tests.events_app.planned import make_plan
from tests.factories import make_channel, make_guild, make_member
from tests.look.browser import SHOTS, WIDE, logged_in, session_cookie

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

    from community.models import Channel, Guild, Member
    from events_app.models import Event

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = 15_000


@pytest.fixture
def guild() -> Guild:
    # Who leaves within a second was there, too.
    return make_guild("Lantern House", time_zone="Europe/Berlin", micro_session_seconds=0)


@pytest.fixture
def event(guild: Guild) -> Event:
    now = timezone.now()
    plan = make_plan(starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(hours=1))
    return create_event(plan, guild_id=guild.pk, actor=None, now=now)


class Voice:
    """The bot, as far as it writes down who is in voice."""

    def __init__(self, guild: Guild, channel: Channel) -> None:
        self.guild, self.channel = guild, channel
        self.tracker = Tracker(new_id=new_id)
        now = timezone.now()
        self.tracker.apply(guild_rules(guild.pk, at=now))
        self.tracker.apply(VoiceSnapshot(guild.pk, {}, None, now))
        write_batch(self.tracker.take())

    def join(self, member: Member) -> None:
        self._tell(member, self.channel.pk)

    def leave(self, member: Member) -> None:
        self._tell(member, None)

    def _tell(self, member: Member, channel_id: int | None) -> None:
        there = VoicePresence(member.user_id, channel_id, "visit", 0, is_bot=False)
        self.tracker.apply(VoiceChanged(self.guild.pk, there, timezone.now()))
        write_batch(self.tracker.take())


def opened(browser: Browser, server: LiveServer, user: User, event: Event) -> Page:
    """Opens the board with a clock that the test moves, and marks the page: a reload loses that."""
    page = logged_in(browser, server, user, size=WIDE, scheme="light").new_page()
    page.clock.install()
    page.goto(server.url + reverse("admin:events_app_event_board", args=[event.pk]))
    page.evaluate("window.isTheSame = true")
    return page


def present(page: Page) -> str:
    return page.inner_text(".rc-figure:has-text('present') dd")


def refresh(page: Page) -> None:
    """Lets the seconds pass after which the board asks, and waits for its answer."""
    with page.expect_response(lambda response: "part=1" in response.url):
        page.clock.run_for(EVERY)


def test_who_joins_and_leaves_is_seen_without_a_reload(
    browser: Browser, live_server: LiveServer, root: User, guild: Guild, event: Event
) -> None:
    voice = Voice(guild, make_channel(guild))
    mira, ines = make_member(guild, "Mira"), make_member(guild, "<b>Ines</b>")
    page = opened(browser, live_server, root, event)
    assert present(page) == "0"

    voice.join(mira)
    refresh(page)
    page.wait_for_selector(".rc-names >> text=Mira")
    assert present(page) == "1"
    voice.join(ines)
    refresh(page)
    page.wait_for_selector(".rc-names >> text=<b>Ines</b>")
    assert present(page) == "2"
    voice.leave(mira)
    refresh(page)
    page.wait_for_selector("h2:has-text('Left: 1')")
    assert present(page) == "1"

    assert page.evaluate("window.isTheSame")
    page.screenshot(path=SHOTS / "event-board-refreshed-1440.png", full_page=True)


def test_a_board_whose_event_is_over_asks_no_more(
    browser: Browser, live_server: LiveServer, root: User, event: Event
) -> None:
    page = opened(browser, live_server, root, event)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    now = timezone.now()
    early = replace(plan_of(event), ends_at=now)
    change_event(event.pk, early, actor=None, reason="", now=now)
    refresh(page)
    page.wait_for_selector("text=the event is over")
    assert len(asked) == 1
    page.clock.run_for(4 * EVERY)

    assert len([url for url in asked if "part=1" in url]) == 1
    assert not page.is_visible("text=refreshes by itself")


def test_who_is_logged_out_is_told_and_it_goes_on_with_the_next_login(
    browser: Browser, live_server: LiveServer, root: User, guild: Guild, event: Event
) -> None:
    voice = Voice(guild, make_channel(guild))
    page = opened(browser, live_server, root, event)
    Session.objects.all().delete()

    page.clock.run_for(EVERY)
    page.wait_for_selector("text=You are logged out")
    assert page.is_visible("h2:has-text('Present: 0')")
    assert not page.is_visible("text=The last refresh failed")
    page.screenshot(path=SHOTS / "event-board-logged-out-1440.png", full_page=True)

    page.context.add_cookies([session_cookie(live_server, root)])
    voice.join(make_member(guild, "Mira"))
    refresh(page)
    page.wait_for_selector("h2:has-text('Present: 1')")
    assert not page.is_visible("text=You are logged out")


def test_a_refresh_that_fails_says_so_and_the_next_one_mends_it(
    browser: Browser, live_server: LiveServer, root: User, event: Event
) -> None:
    page = opened(browser, live_server, root, event)
    page.route("**/board/?part=1", lambda route: route.abort())

    page.clock.run_for(EVERY)
    page.wait_for_selector("text=The last refresh failed")
    page.unroute("**/board/?part=1")
    refresh(page)

    page.wait_for_selector("text=The last refresh failed", state="hidden")
    assert present(page) == "0"
