"""What the floor below shows of events: on a session's page, and in its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from community.domain.scopes import Scope
from events_app.admin.session_panel import events_of_session
from events_app.services.rollup import rebuild
from sessions_app.registry import event_ids_of
from tests.events_app.planned import berlin, make_event
from tests.factories import (
    NOW,
    at,
    give,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_user,
)
from tests.sessions_app.api.session_rows import client_with

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from pytest_django import DjangoAssertNumQueries

    from community.models import Guild
    from events_app.models import Event
    from sessions_app.models import VoiceSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def guild() -> Guild:
    return make_guild()


@pytest.fixture
def session(guild: Guild) -> VoiceSession:
    return make_session(make_member(guild), make_channel(guild))


@pytest.fixture
def events(guild: Guild, session: VoiceSession) -> list[Event]:
    """Two events that the session belongs to, and one that it does not."""
    made = [
        make_event(guild, title="<b>Quiz</b>", starts_at=at(-60), ends_at=NOW),
        make_event(guild, title="Long night", starts_at=at(-30), ends_at=at(900)),
        make_event(guild, title="Elsewhere", starts_at=at(-300), ends_at=at(-200)),
    ]
    rebuild(now=NOW)
    assert session.event_links.count() == 2
    return made


def asked_by(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def test_a_sessions_page_names_its_events(events: list[Event], session: VoiceSession) -> None:
    user = give(make_user("sam"), "view_event")

    panel = events_of_session(asked_by(user), session)

    assert panel is not None
    first, second = panel.lines
    assert "&lt;b&gt;Quiz&lt;/b&gt;" in first
    assert "2026-11-20 12:00 to 13:00 CET" in first
    assert "2026-11-20 12:30 to 2026-11-21 04:00 CET" in second
    assert events[1].title in second


def test_who_may_not_see_events_or_where_there_are_none_sees_no_panel(
    events: list[Event], guild: Guild
) -> None:
    session = make_session(
        make_member(guild),
        make_channel(guild),
        started_at=berlin(2026, 1, 1),
        ended_at=berlin(2026, 1, 2),
    )
    linked = events[0].session_links.get().session

    assert events_of_session(asked_by(AnonymousUser()), linked) is None
    assert events_of_session(asked_by(make_user("lee")), linked) is None
    assert events_of_session(asked_by(give(make_user("sam"), "view_event")), session) is None


def test_sessions_are_told_with_their_events_in_one_statement(
    events: list[Event],
    session: VoiceSession,
    guild: Guild,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    other = make_session(make_member(guild), make_channel(guild), started_at=at(-9000))

    with django_assert_num_queries(1):
        found = event_ids_of([session.pk, other.pk])

    assert found == {session.pk: [events[0].pk, events[1].pk], other.pk: []}
    with django_assert_num_queries(0):
        assert event_ids_of([]) == {}


def test_the_api_tells_a_sessions_events(
    events: list[Event], session: VoiceSession, guild: Guild
) -> None:
    other = make_session(make_member(guild), make_channel(guild), visit=session.visit)

    with time_machine.travel(NOW, tick=False):
        client = client_with(Scope.SESSIONS_READ)
        listed = client.get("/api/sessions").json()["sessions"]
        shown = client.get(f"/api/sessions/{session.pk}").json()

    told = {row["id"]: row["event_ids"] for row in listed}
    mine = [str(events[0].pk), str(events[1].pk)]
    assert told == {str(session.pk): mine, str(other.pk): []}
    assert shown["event_ids"] == mine
    assert [row["event_ids"] for row in shown["related"]] == [[]]
