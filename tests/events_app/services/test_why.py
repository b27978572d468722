from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings

from events_app.domain.counting import Why
from events_app.models import Event, Participation
from events_app.services.planning_errors import NoSuchEventError
from events_app.services.rollup import rebuild
from events_app.services.why import explain_member
from sessions_app.models import VoiceSession
from tests.events_app.planned import make_event, make_role
from tests.events_app.stories import Story, at, lay, stories
from tests.factories import (
    NOW,
    make_channel,
    make_gap,
    make_guild,
    make_member,
    make_session,
    make_session_of,
)
from tests.factories import at as minutes

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries


@pytest.mark.django_db
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories())
def test_what_is_explained_is_what_was_worked_out(story: Story) -> None:
    Event.objects.all().delete()  # what an example left that failed
    event, members = lay(story)
    rebuild([event.pk], now=at(story.now))

    for member in members:
        explanation = explain_member(event.pk, member.user_id, now=at(story.now))

        row = Participation.objects.filter(event=event, user_id=member.user_id).first()
        assert explanation.participation == row
        counted = sum(piece.seconds for piece in explanation.pieces if piece.counts)
        assert counted == (row.seconds if row else 0)
        assert sum(piece.seconds for piece in explanation.pieces) == story.upto - story.starts


@pytest.mark.django_db
def test_an_explanation_has_the_rows_that_it_comes_from() -> None:
    guild = make_guild()
    lounge, kitchen = make_channel(guild), make_channel(guild)
    member, other = make_member(guild), make_member(guild)
    event = make_event(
        guild, starts_at=minutes(-60), ends_at=NOW, channel_ids=frozenset({lounge.pk})
    )
    mine = [
        make_session(member, kitchen, started_at=minutes(-60), ended_at=minutes(-40)),
        make_session(member, lounge, started_at=minutes(-40), ended_at=minutes(-20)),
        make_session(
            member, lounge, started_at=minutes(-20), ended_at=minutes(-10), status="cancelled"
        ),
    ]
    make_session(other, lounge)
    gap = make_gap(guild.pk, began_at=minutes(-30), ended_at=minutes(-25), user_id=member.user_id)
    make_gap(guild.pk, began_at=minutes(-30), ended_at=minutes(-25), user_id=other.user_id)
    make_gap(guild.pk, began_at=minutes(-30), ended_at=minutes(-25), is_replayed=True)

    explanation = explain_member(event.pk, member.user_id, now=NOW)

    assert explanation.sessions == mine
    assert explanation.gaps == [gap]
    assert [(piece.why, piece.seconds) for piece in explanation.pieces] == [
        (Why.ELSEWHERE, 1200),
        (Why.COUNTED, 600),
        (Why.BLIND, 300),
        (Why.COUNTED, 300),
        (Why.AWAY, 1200),
    ]


@pytest.mark.django_db
def test_what_is_not_on_or_has_not_begun_has_no_pieces() -> None:
    guild = make_guild()
    member = make_member(guild)
    ahead = make_event(guild)
    draft = make_event(guild, starts_at=minutes(-60), ends_at=NOW)
    Event.objects.filter(pk=draft.pk).update(state="draft")

    found = [explain_member(event.pk, member.user_id, now=NOW) for event in (ahead, draft)]

    assert [explanation.pieces for explanation in found] == [[], []]


@pytest.mark.django_db
def test_an_event_that_is_none_is_said() -> None:
    with pytest.raises(NoSuchEventError):
        explain_member(uuid4(), 1, now=NOW)


@pytest.mark.django_db
def test_explaining_takes_the_same_few_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    guild = make_guild()
    lounge, member = make_channel(guild), make_member(guild)
    event = make_event(guild, starts_at=minutes(-60), ends_at=NOW)
    for start in range(-60, 0, 5):
        make_session(member, lounge, started_at=minutes(start), ended_at=minutes(start + 1))
    assert VoiceSession.objects.count() == 12

    with django_assert_max_num_queries(7):
        explain_member(event.pk, member.user_id, now=NOW)


@pytest.mark.django_db
def test_of_who_is_not_mirrored_roles_are_known_since_the_guild_is() -> None:
    guild = make_guild(first_seen_at=minutes(-20))
    lounge, role = make_channel(guild), make_role(guild)
    make_session_of(77, guild_id=guild.pk, channel_id=lounge.pk, started_at=minutes(-60))
    event = make_event(guild, starts_at=minutes(-60), ends_at=NOW, no_role_ids=frozenset({role.pk}))
    rebuild([event.pk], now=NOW)

    explanation = explain_member(event.pk, 77, now=NOW)

    assert [(piece.why, piece.seconds) for piece in explanation.pieces] == [
        (Why.ROLES_UNKNOWN, 2400),
        (Why.COUNTED, 1200),
    ]
    assert explanation.participation is not None
    assert explanation.participation.seconds == 1200
