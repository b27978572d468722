"""Looks at the pages of sessions, health and the directory; pictures go to ``.look``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from community.models import AuditEntry, Channel, Guild, Shard
from community.services import outbox
from sessions_app.domain.drift import KINDS, Drift
from sessions_app.domain.words import MISSING
from sessions_app.models import EndReason, GapCause, SessionStatus, Visit, VoiceSession
from sessions_app.services import comparison
from sessions_app.services.comparison import Comparison
from tests.factories import (
    make_channel,
    make_gap,
    make_guild,
    make_house,
    make_member,
    make_running,
    make_session,
    make_shard,
    make_visit,
    make_voice_state,
)
from tests.look.browser import (
    NARROW,
    SHOTS,
    WIDE,
    Look,
    focus_is_seen,
    logged_in,
    tab_to,
)
from tests.sessions_app.bot_at_hand import bot, drift_of, finds

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

LONG = "Wolfeschlegelsteinhausenberger_x"

pytestmark = pytest.mark.django_db(transaction=True)


def make_evening() -> tuple[Guild, Visit, VoiceSession, VoiceSession]:
    """Makes an evening in a guild: people in voice now, a visit of many sessions, and a bot."""
    now = timezone.now()
    guild = make_guild(
        "The Lantern House, a guild with a name as long as Discord lets one be, which is long",
        time_zone="Europe/Berlin",
        voice_seen_at=now - timedelta(days=30),
    )
    make_house(guild, members=2)
    channels = [make_channel(guild, name) for name in ("General", "Raid planning", LONG * 3)]
    for number in range(14):
        name = LONG if number % 5 == 0 else f"Person {number}"
        member = make_member(guild, name)
        started = now - timedelta(minutes=7 * number + 1, seconds=number)
        session = make_session(
            member,
            channels[number % 3],
            started_at=started,
            ended_at=None,
            last_seen_at=now,
            muted=[(started, None)] if number % 2 else [],
        )
        make_voice_state(
            session,
            is_self_muted=bool(number % 2),
            is_on_camera=number % 3 == 0,
            is_streaming=number == 6,
        )

    member = make_member(guild, "Mira")
    start = now - timedelta(hours=4)
    visit = make_visit(member, channels[0], started_at=start, ended_at=now - timedelta(hours=1))
    middle, over = start + timedelta(minutes=50), now - timedelta(hours=1)
    sessions = [
        make_session(
            member,
            channels[number],
            visit=visit,
            started_at=begun,
            ended_at=ended,
            start_uncertainty=uncertainty,
            end_uncertainty=uncertainty / 2,
            status=status,
            end_reason=reason,
            muted=[(begun, begun + timedelta(minutes=12))],
            alone=[(begun + timedelta(minutes=20), None)],
        )
        for number, begun, ended, uncertainty, status, reason in (
            (0, start, middle, 0.0, SessionStatus.COMPLETED, EndReason.MOVED),
            (2, middle, middle + timedelta(minutes=30), 0.0, SessionStatus.CANCELLED, "moved"),
            (1, middle + timedelta(minutes=34), over, 140.0, SessionStatus.STALE, "stale"),
        )
    ]
    make_shard(
        guild,
        heartbeat_at=now,
        last_frame_at=now,
        is_connected=True,
        latency_seconds=0.08,
        figures={"queued": 12, "spool_records": 4_120, "retries": 3},
    )
    make_shard(shard_count=9, heartbeat_at=now - timedelta(hours=2))
    make_running(count=2)
    Shard.objects.filter(shard_count=64).delete()
    make_drift(guild, channels, now=now)
    return guild, visit, sessions[0], sessions[2]


def make_drift(guild: Guild, channels: list[Channel], *, now: datetime) -> None:
    """Makes gaps, sessions that nobody watches, and a comparison that found every kind."""
    for hours, cause in enumerate(GapCause.values):
        began = now - timedelta(hours=hours, minutes=9)
        make_gap(
            guild.pk,
            began_at=began,
            ended_at=began + timedelta(seconds=40 + 200 * hours),
            cause=cause,
            is_replayed=hours == 1,
            sessions_touched=14,
            sessions_mended=hours,
        )
    away = make_guild("A guild whose bot is away")
    for name in ("Ines", LONG):
        make_session(
            make_member(away, name),
            make_channel(away, "Lobby"),
            started_at=now - timedelta(hours=2),
            ended_at=None,
            last_seen_at=now - timedelta(minutes=31),
        )
    sessions = VoiceSession.objects.active().filter(guild=guild)[:4]
    there: list[int | None] = [None, channels[2].pk, channels[0].pk, channels[1].pk]
    found = tuple(
        Drift(
            kind,
            guild.pk,
            session.user_id,
            None if kind == MISSING else session.channel_id,
            channel_id,
            None if kind == MISSING else session.pk,
            90.0 * (number + 1),
        )
        for number, (kind, session, channel_id) in enumerate(
            zip(KINDS, sessions, there, strict=True)
        )
    )
    item = outbox.ask(
        comparison.COMPARE, guild_id=guild.pk, payload={"mend": False, "actor_id": None}, now=now
    )
    with transaction.atomic():
        comparison.settle(item, Comparison(guild.pk, 12, 16, found), now=now)


def pages() -> dict[str, str]:
    """Names every page to look at, by the name of its picture."""
    _, visit, session, stale = make_evening()
    at_session = reverse("admin:sessions_app_voicesession_change", args=[session.pk])
    at_stale = reverse("admin:sessions_app_voicesession_change", args=[stale.pk])
    shown = {
        "index": reverse("admin:index"),
        "visit": reverse("admin:sessions_app_visit_change", args=[visit.pk]),
        "session": at_session,
        "session-stale": at_stale,
        "session-set-end": reverse("admin:sessions_app_voicesession_set_end", args=[session.pk]),
        "session-void": reverse("admin:sessions_app_voicesession_void", args=[session.pk]),
        "health": reverse("admin:sessions_app_health"),
        "sweep": reverse("admin:sessions_app_sweep"),
        "drift": reverse("admin:sessions_app_drift"),
        "drift-guild": reverse("admin:sessions_app_guild_drift", args=[session.guild_id]),
    }
    for model in admin.site._registry:
        if model._meta.app_label == "events_app":
            continue  # look_at_events
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        shown[f"list-{label}"] = reverse(f"admin:{label}_changelist")
        row = model._default_manager.first()
        if row is not None:
            shown.setdefault(f"page-{label}", reverse(f"admin:{label}_change", args=[row.pk]))
    return shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_looks_well(
    browser: Browser, live_server: LiveServer, root: User, size: tuple[int, int], scheme: str
) -> None:
    context = logged_in(browser, live_server, root, size=size, scheme=scheme)
    look = Look(context.new_page(), live_server)
    problems = []

    for name, path in pages().items():
        try:
            look.open(path, f"{name}-{size[0]}-{scheme}")
        except AssertionError as error:
            problems.append(f"{name}: {error}")

    assert problems == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_empty_pages_say_so_in_words(
    browser: Browser, live_server: LiveServer, root: User, size: tuple[int, int]
) -> None:
    context = logged_in(browser, live_server, root, size=size, scheme="light")
    look = Look(context.new_page(), live_server)

    look.open(reverse("admin:index"), f"empty-index-{size[0]}")
    look.open(reverse("admin:sessions_app_voicesession_changelist"), f"empty-list-{size[0]}")
    for name in ("health", "sweep", "drift"):
        look.open(reverse(f"admin:sessions_app_{name}"), f"empty-{name}-{size[0]}")

    look.open(reverse("admin:index"), f"empty-index-{size[0]}")
    words = look.page.locator("#now").inner_text()
    assert "Nobody is in voice right now" in words
    assert "No bot has run yet" in words
    assert "No job has run yet" in words


@pytest.mark.usefixtures("root")
def test_login_and_a_correction_by_keyboard_alone(
    browser: Browser, live_server: LiveServer
) -> None:
    _, _, session, _ = make_evening()
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    look = Look(page, live_server)

    look.open(reverse("admin:login"), "login-1440")
    tab_to(page, "[name=username]")
    page.keyboard.type("root")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    page.wait_for_selector("#now")

    look.open(reverse("admin:sessions_app_voicesession_void", args=[session.pk]), "session-void")
    tab_to(page, "textarea")
    page.keyboard.type("They were away from the keyboard.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    session.refresh_from_db()
    assert session.status == SessionStatus.CANCELLED
    assert "The session was voided" in page.inner_text("body")
    page.screenshot(path=SHOTS / "voided-1440.png", full_page=True)


def test_a_comparison_and_its_mending_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    guild, *_ = make_evening()
    ghost = VoiceSession.objects.active().filter(guild=guild)[0]
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)
    page = look.page

    look.open(reverse("admin:sessions_app_guild_drift", args=[guild.pk]), "drift-guild")
    with bot(finds(drift_of(ghost))):
        tab_to(page, "button[value=compare]")
        Shard.objects.update(heartbeat_at=timezone.now() + timedelta(minutes=2))
        page.keyboard.press("Enter")
        page.wait_for_selector("text=1 difference, nothing mended yet")
        page.screenshot(path=SHOTS / "compared-1440.png", full_page=True)
        tab_to(page, "textarea")
        page.keyboard.type("After the outage.")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Mended 1 of 1 difference")
    page.screenshot(path=SHOTS / "mended-1440.png", full_page=True)

    assert AuditEntry.objects.get(action=comparison.COMPARE).reason == "After the outage."


@pytest.mark.parametrize(
    "path",
    [
        "admin:index",
        "admin:sessions_app_voicesession_changelist",
        "admin:sessions_app_health",
        "admin:sessions_app_sweep",
        "admin:sessions_app_drift",
    ],
)
def test_the_focus_is_seen_at_every_stop(
    browser: Browser, live_server: LiveServer, root: User, path: str
) -> None:
    make_evening()
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    page = context.new_page()
    page.goto(live_server.url + reverse(path))
    page.wait_for_load_state("networkidle")

    unseen = []
    for _ in range(45):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # round: the browser's own controls come next
        if not focus_is_seen(page):
            unseen.append(page.evaluate("document.activeElement.outerHTML")[:160])

    assert unseen == []
