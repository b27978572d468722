"""What staff read of sessions, and how they correct them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.urls import reverse

from community.models import AuditEntry, OutboxItem
from community.services import outbox
from sessions_app import registry
from sessions_app.models import SessionStatus, VoiceSession
from sessions_app.services import corrections
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_gap,
    make_guild,
    make_member,
    make_session,
    make_user,
    make_viewer,
    make_visit,
)
from tests.pages import as_

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from django.test import Client

    from community.models import Guild, Member

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:sessions_app_voicesession_changelist"


@pytest.fixture
def session(member: Member) -> VoiceSession:
    return make_session(member, make_channel(member.guild))


def page(session: VoiceSession, name: str) -> str:
    return reverse(f"admin:sessions_app_voicesession_{name}", args=[session.pk])


def listed(client: Client, **asked: object) -> list[VoiceSession]:
    response = client.get(f"{reverse(LIST)}?{urlencode(asked)}")
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


# Corrections ------------------------------------------------------------------------------


def test_staff_who_may_correct_void_a_session(guild: Guild, session: VoiceSession) -> None:
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    asked = client.get(page(session, "void"))
    done = client.post(page(session, "void"), {"reason": "a test"}, follow=True)

    session.refresh_from_db()
    assert b"counts nowhere" in asked.content
    assert session.status == SessionStatus.CANCELLED
    assert b"The session was voided" in done.content
    assert AuditEntry.objects.get().actor_name == "sam"
    assert b"a test" in done.content
    assert page(session, "void").encode() not in done.content


def test_an_end_is_read_in_the_guilds_time_zone(guild: Guild, session: VoiceSession) -> None:
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    done = client.post(
        page(session, "set_end"),
        {"ended_at": "2026-11-20T12:30:00", "reason": "left"},
        follow=True,
    )

    session.refresh_from_db()
    assert session.ended_at == at(-30)
    assert b"The end was set: the session lasted 30 min." in done.content
    assert b"2026-11-20 12:30:00 CET" in done.content


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"ended_at": "2026-11-20T11:59:59"}, "ended_at", "before the session"),
        ({"ended_at": "2096-11-20T11:59:59"}, "ended_at", "in the future"),
        ({"ended_at": "soon"}, "ended_at", "valid date"),
        ({"ended_at": "0001-01-01T00:00:00"}, "ended_at", "of this age"),
        ({"ended_at": "2026-11-20T12:30:00", "reason": " "}, "reason", "required"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    guild: Guild, session: VoiceSession, asked: dict[str, str], field: str, words: str
) -> None:
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    response = client.post(page(session, "set_end"), {"reason": "why"} | asked)

    session.refresh_from_db()
    assert response.status_code == 200
    assert words in str(response.context["form"].errors[field])
    assert session.ended_at == NOW


def test_a_silent_bot_is_said_and_the_page_goes_on(
    guild: Guild, session: VoiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_(make_viewer("sam", guild, "correct_voicesession"))
    VoiceSession.objects.update(status=SessionStatus.ACTIVE, ended_at=None)
    monkeypatch.setattr(outbox, "is_served", lambda *_, **__: True)
    monkeypatch.setattr(corrections, "ANSWER_SECONDS", 0.1)

    response = client.post(page(session, "void"), {"reason": "why"}, follow=True)

    assert b"the request stays" in response.content
    assert OutboxItem.objects.get().kind == "session.void"


@pytest.mark.parametrize("name", ["void", "set_end"])
@pytest.mark.parametrize("who", ["anonymous", "member", "view only", "other guild", "no view"])
def test_a_correction_by_those_who_may_not_changes_nothing(
    guild: Guild, session: VoiceSession, name: str, who: str
) -> None:
    users: dict[str, Callable[[], User | None]] = {
        "anonymous": lambda: None,
        "member": lambda: make_user("m"),
        "view only": lambda: make_viewer("v", guild),
        "other guild": lambda: make_viewer("o", make_guild("Elsewhere"), "correct_voicesession"),
        "no view": lambda: make_user("n", is_staff=True),
    }
    client = as_(users[who]())
    asked = {"reason": "why", "ended_at": "2026-11-20T12:30:00"}

    for response in (client.get(page(session, name)), client.post(page(session, name), asked)):
        assert response.status_code in {302, 403, 404}
        assert b"Mira" not in response.content

    session.refresh_from_db()
    assert (session.status, session.ended_at) == (SessionStatus.COMPLETED, NOW)
    assert not AuditEntry.objects.exists()


def test_the_buttons_are_offered_to_those_who_may_alone(
    guild: Guild, session: VoiceSession
) -> None:
    may, may_not = make_viewer("a", guild, "correct_voicesession"), make_viewer("b", guild)

    offered = as_(may).get(page(session, "change")).content.decode()
    withheld = as_(may_not).get(page(session, "change")).content.decode()

    for name in ("void", "set_end"):
        assert page(session, name) in offered
        assert page(session, name) not in withheld


def test_every_action_of_the_admin_asks_for_a_permission() -> None:
    model_admins: list[Any] = list(admin.site._registry.values())
    for model_admin in model_admins:
        names = [*model_admin.actions_detail, *model_admin.actions_list, *model_admin.actions_row]
        for name in [*names, *model_admin.actions_submit_line, *(model_admin.actions or ())]:
            action = getattr(model_admin, name) if isinstance(name, str) else name
            assert action.allowed_permissions, (model_admin, name)


# Finding ----------------------------------------------------------------------------------


def test_search_finds_ids_exactly_and_names_by_their_records(
    guild: Guild, session: VoiceSession
) -> None:
    other = make_session(make_member(guild, "Noor"), make_channel(guild, "Raid planning"))
    client = as_(make_viewer("sam", guild))

    for text in (session.pk, session.visit_id, session.user_id, session.channel_id, "mIR"):
        assert listed(client, q=text) == [session], text
    assert listed(client, q="raid") == [other]
    assert listed(client, q="nobody") == []


def test_filters_keep_what_they_name(guild: Guild, member: Member, session: VoiceSession) -> None:
    other = make_session(
        make_member(guild, "Noor"),
        make_channel(guild, "Raid"),
        started_at=at(10),
        ended_at=None,
    )
    client = as_(make_viewer("sam", guild))

    assert listed(client, member=member.pk) == [session]
    assert listed(client, channel=session.channel_id) == [session]
    assert listed(client, guild=guild.pk) == [other, session]
    assert listed(client, status__exact="active") == [other]
    assert listed(client, started_at_from="2026-11-20T12:10") == [other]
    assert listed(client, started_at_to="2026-11-20T12:10") == [session]
    assert listed(client, started_at_from="soon", member="x") == []


def test_a_session_without_its_channel_or_member_is_listed_and_shown(guild: Guild) -> None:
    member, channel = make_member(guild), make_channel(guild)
    session = make_session(member, channel)
    channel.delete()
    member.delete()
    client = as_(make_viewer("sam", guild))

    assert listed(client) == [session]
    response = client.get(page(session, "change"))
    assert f"channel {session.channel_id}".encode() in response.content
    assert f"user {session.user_id}".encode() in response.content


# What a page says -------------------------------------------------------------------------


def test_a_page_says_what_is_known_and_how_well(guild: Guild, member: Member) -> None:
    visit = make_visit(member, make_channel(guild))
    session = make_session(
        member,
        make_channel(guild, "Raid"),
        visit=visit,
        start_kind="first_sight",
        start_uncertainty=61.0,
        end_uncertainty=50.0,
        muted=[(at(-50), at(-38))],
    )
    later = make_session(
        member, make_channel(guild, "Lounge"), visit=visit, started_at=at(7), ended_at=at(9)
    )

    body = as_(make_viewer("sam", guild)).get(page(session, "change")).content.decode()

    assert "1 h ± 111 s" in body
    assert "under way when the guild was first seen, up to 61 s off" in body
    assert "muted 12 min" in body
    assert "not in voice as far as is known: 7 min" in body
    assert page(later, "change") in body
    assert reverse("admin:sessions_app_visit_change", args=[visit.pk]) in body
    assert reverse("admin:community_member_change", args=[member.pk]) in body


def test_a_visit_says_how_long_its_sessions_lasted_and_how_sure_that_is(
    guild: Guild, member: Member
) -> None:
    channel, visit = make_channel(guild), make_visit(member, make_channel(guild))
    for start, end, start_off, end_off, status in (
        (-60, -40, 0.0, 90.0, "completed"),
        (-40, -30, 90.0, 20.0, "completed"),
        (-30, -20, 5.0, 5.0, "cancelled"),
        (-10, 0, 30.0, 0.0, "stale"),
    ):
        make_session(
            member,
            channel,
            visit=visit,
            started_at=at(start),
            ended_at=at(end),
            start_uncertainty=start_off,
            end_uncertainty=end_off,
            status=status,
        )
    client = as_(make_viewer("sam", guild))

    listed = client.get(reverse("admin:sessions_app_visit_changelist")).content.decode()
    shown = client.get(reverse("admin:sessions_app_visit_change", args=[visit.pk]))

    assert "40 min ± 50 s" in listed
    assert "40 min ± 50 s" in shown.content.decode()
    assert len(shown.context["session_lines"]) == 4


def test_a_page_names_the_gaps_that_its_start_and_end_lie_in(guild: Guild, member: Member) -> None:
    session = make_session(member, make_channel(guild), end_uncertainty=60.0)
    at_end = make_gap(guild.pk, cause="bot_down")
    at_start = make_gap(guild.pk, began_at=at(-60), ended_at=at(-50), is_replayed=True)
    of_member = make_gap(guild.pk, user_id=session.user_id, cause="event_missed")
    within = make_gap(guild.pk, began_at=at(-40), ended_at=at(-30))
    of_another = make_gap(guild.pk, user_id=7)
    elsewhere = make_gap(make_guild("Elsewhere").pk)

    shown = as_(make_viewer("sam", guild)).get(page(session, "change"))

    body = shown.content.decode()
    for gap in (at_end, at_start, of_member):
        assert str(gap.pk) in body
    for gap in (within, of_another, elsewhere):
        assert str(gap.pk) not in body
    assert "Its start: " in body
    assert "10 min, told afterwards" in body
    assert "bot down, 2026-11-20 12:59:00 CET" in body


def test_a_page_says_where_no_gap_is_recorded_yet(guild: Guild, member: Member) -> None:
    unsure = make_session(member, make_channel(guild), end_uncertainty=60.0)
    sure = make_session(member, make_channel(guild))
    client = as_(make_viewer("sam", guild))

    assert b"No gap is recorded there" in client.get(page(unsure, "change")).content
    assert b"Blind gaps at its start" not in client.get(page(sure, "change")).content


def test_a_live_session_is_so_far(guild: Guild, member: Member) -> None:
    session = make_session(member, make_channel(guild), ended_at=None)

    body = as_(make_viewer("sam", guild)).get(page(session, "change")).content.decode()

    assert "so far" in body
    assert "goes on" in body


def test_a_floor_above_shows_itself_on_a_sessions_page(
    guild: Guild, session: VoiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_makers", [])

    @registry.show_on_session_page
    def event(_: HttpRequest, session: VoiceSession) -> registry.Panel:
        return registry.Panel("Event", (f"<b>{session.user_id}</b>",))

    registry.show_on_session_page(lambda *_: None)
    body = as_(make_viewer("sam", guild)).get(page(session, "change")).content.decode()

    assert f"&lt;b&gt;{session.user_id}" in body
    assert body.count("<h2>Event</h2>") == 1
