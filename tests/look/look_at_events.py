"""Looks at the pages of events, full and empty, in light and dark, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from events_app.models import Event, EventSeries
from tests.look.browser import (
    NARROW,
    SHOTS,
    WIDE,
    Look,
    focus_is_seen,
    in_all_modes,
    logged_in,
    session_cookie,
    tab_to,
)
from tests.look.evenings import make_evenings

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

    from tests.look.evenings import Evenings


pytestmark = pytest.mark.django_db(transaction=True)


def at(name: str, *args: object) -> str:
    return reverse(f"admin:events_app_{name}", args=args)


def pages(made: Evenings) -> dict[str, str]:
    """Names every page of events, by the name of its picture."""
    ended = made.ended.pk
    return {
        "list": at("event_changelist"),
        "add": f"{at('event_add')}?guild={made.guild.pk}",
        "ended": at("event_change", ended),
        "live": at("event_change", made.live.pk),
        "empty": at("event_change", made.empty.pk),
        "draft": at("event_change", made.draft.pk),
        "cancelled": at("event_change", made.cancelled.pk),
        "edit": at("event_edit", ended),
        "edit-of-series": at("event_edit", made.series.events.earliest("starts_at").pk),
        "repeat": at("event_repeat", made.empty.pk),
        "cancel": at("event_cancel", made.live.pk),
        "publish": at("event_publish", made.draft.pk),
        "board-ended": at("event_board", ended),
        "board-live": at("event_board", made.live.pk),
        "board-empty": at("event_board", made.empty.pk),
        "timeline": at("event_timeline", ended),
        "timeline-empty": at("event_timeline", made.empty.pk),
        "why": at("event_member", ended, made.user_id),
        "credit": at("event_credit", ended, made.user_id),
        "withdraw": at("event_withdraw", ended, made.credit_id),
        "gaps": at("event_gaps", ended),
        "gaps-empty": at("event_gaps", made.empty.pk),
        "gap": at("event_gap", ended, made.gap.pk),
        "versions": at("event_versions", ended),
        "versions-empty": at("event_versions", made.empty.pk),
        "undo": at("event_undo", ended, 1),
        "participation": at("participation_changelist"),
        "disputes": at("dispute_changelist"),
        "dispute": at("dispute_change", made.dispute.pk),
        "series-list": at("eventseries_changelist"),
        "series": at("eventseries_change", made.series.pk),
        "series-cancel": at("eventseries_cancel", made.series.pk),
        "session": reverse(
            "admin:sessions_app_voicesession_change",
            args=[made.ended.session_links.earliest("pk").session_id],
        ),
    }


def test_every_page_of_events_looks_well(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    made = make_evenings(root)
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)
    problems: list[str] = []

    for name, path in pages(made).items():
        response = look.page.goto(look.base + path)
        assert response is not None
        assert response.status == 200, path
        problems += in_all_modes(look, f"event-{name}")

    assert not problems, "\n".join(problems)


def test_every_form_of_events_looks_well_when_it_was_sent(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    made = make_evenings(root)
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)
    problems: list[str] = []

    for name, send in (("preview", preview), ("errors", wrong), ("repeat-preview", repeated)):
        send(look, made)
        problems += in_all_modes(look, f"event-{name}")

    assert not problems, "\n".join(problems)


def preview(look: Look, made: Evenings) -> None:
    """Shows what another rule would do to an evening of hundreds."""
    look.page.goto(look.base + at("event_edit", made.ended.pk))
    look.page.fill("[name=minimum_seconds]", "70")
    look.page.click("[name=_preview]")
    look.page.wait_for_selector("#preview-title")


def wrong(look: Look, made: Evenings) -> None:
    """Shows a form in which nearly all is wrong."""
    page = look.page
    page.goto(f"{look.base}{at('event_add')}?guild={made.guild.pk}")
    page.select_option("[name=repeats]", "daily")
    page.fill("[name=repeat_count]", "10000")
    page.fill("[name=ends_at]", "2026-01-01T20:00")
    for name in ("minimum_seconds", "minimum_share", "capacity", "late_grace_seconds"):
        page.fill(f"[name={name}]", "-1")
    page.click("[name=_save]")
    page.wait_for_selector(".rc-warned")


def repeated(look: Look, made: Evenings) -> None:
    """Shows when the events of a series that begins with an event would take place."""
    page = look.page
    page.goto(look.base + at("event_repeat", made.empty.pk))
    page.fill("[name=repeat_count]", "12")
    page.click("[name=_preview]")
    page.wait_for_selector("#preview-title")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_lists_without_events_say_so(
    browser: Browser, live_server: LiveServer, root: User, size: tuple[int, int]
) -> None:
    context = logged_in(browser, live_server, root, size=size, scheme="light")
    look = Look(context.new_page(), live_server)

    for name in ("event", "eventseries", "participation", "dispute"):
        look.open(at(f"{name}_changelist"), f"event-none-{name}-{size[0]}")
    look.open(at("event_add"), f"event-none-guild-{size[0]}")


def test_a_series_is_planned_by_keyboard_alone(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    made = make_evenings(root)
    before = set(EventSeries.objects.values_list("pk", flat=True))
    context = logged_in(browser, live_server, root, size=WIDE, scheme="light")
    look = Look(context.new_page(), live_server)
    page = look.page

    look.open(f"{at('event_add')}?guild={made.guild.pk}", "event-keyboard-1440")
    tab_to(page, "[name=title]")
    page.keyboard.type("By keyboard")
    assert hidden(page) == {
        "weekdays",
        "nth",
        "repeat_ends",
        "repeat_count",
        "repeat_until",
        "rule",
    }
    tab_to(page, "[name=repeats]")
    page.keyboard.type("weekly")
    assert hidden(page) == {"nth", "repeat_until", "rule"}
    tab_to(page, "[name=repeat_count]")
    page.keyboard.type("3")
    page.wait_for_selector("#rc-dates >> text=3 events:")
    tab_to(page, "[name=_preview]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#preview-title")
    assert "3 events:" in page.inner_text("#rc-dates")
    look.look("preview", "event-keyboard-preview-1440")
    tab_to(page, "[name=_save]", most=140)
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")

    series = EventSeries.objects.exclude(pk__in=before).get()
    assert (series.title, series.rule, series.events.count()) == (
        "By keyboard",
        "FREQ=WEEKLY;COUNT=3",
        3,
    )
    assert "Made a series of 3 events" in page.inner_text("body")
    page.screenshot(path=SHOTS / "event-keyboard-made-1440.png", full_page=True)


def hidden(page: Page) -> set[str]:
    """Names the fields of how an event repeats that are out of sight, and so not sent."""
    found: list[str] = page.eval_on_selector_all(
        "#rc-repeats :is(input, select):disabled",
        "all => all.filter(one => !one.checkVisibility()).map(one => one.name)",
    )
    return set(found)


def test_without_javascript_events_are_planned_and_repeated_all_the_same(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    made = make_evenings(root)
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([session_cookie(live_server, root)])
    page = context.new_page()

    page.goto(f"{live_server.url}{at('event_add')}?guild={made.guild.pk}")
    page.fill("[name=title]", "By hand")
    page.select_option("[name=repeats]", "weekly")
    page.fill("[name=repeat_count]", "2")
    page.click("[name=_preview]")
    assert "2 events:" in page.inner_text("#rc-dates")
    page.screenshot(path=SHOTS / "event-no-script-1440.png", full_page=True)
    page.click("[name=_save]")
    assert "Made a series of 2 events" in page.inner_text("body")

    page.goto(live_server.url + at("event_repeat", made.empty.pk))
    page.fill("[name=repeat_count]", "4")
    page.click("[name=_preview]")
    assert "4 events:" in page.inner_text(".rc-preview")
    page.click("[name=_save]")
    page.wait_for_url("**/change/")
    series = Event.objects.get(pk=made.empty.pk).series
    assert series is not None
    assert series.events.count() == 4


def test_the_focus_is_seen_at_every_stop_of_an_events_pages(
    browser: Browser, live_server: LiveServer, root: User
) -> None:
    made = make_evenings(root)
    page = logged_in(browser, live_server, root, size=WIDE, scheme="light").new_page()

    unseen = []
    for path in (
        f"{at('event_add')}?guild={made.guild.pk}",
        at("event_change", made.live.pk),
        at("event_board", made.live.pk),
        at("event_versions", made.ended.pk),
    ):
        page.goto(live_server.url + path)
        for _ in range(70):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break  # round: the browser's own controls come next
            if not focus_is_seen(page):
                unseen.append(page.evaluate("document.activeElement.outerHTML")[:160])

    assert unseen == []
