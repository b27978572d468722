"""Whatever truly happened within the rows' uncertainty, participation allows for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community.models import RoleSpan
from events_app.models import Event, Participation
from events_app.services.rollup import rebuild
from sessions_app.models import BlindGap
from tests.events_app.event_rows import make_event
from tests.events_app.stories import LOUNGE, STAGE, at, runs
from tests.factories import make_gap, make_guild, make_member, make_session_of

if TYPE_CHECKING:
    from community.models import Guild

FIRST, LAST, STARTS, ENDS = 0, 40, 8, 32
ROLE = 901


@dataclass
class Stretch:
    """A stretch as a row has it, and as it was."""

    began: int
    ended: int
    began_off: int
    ended_off: int
    true_began: int
    true_ended: int


@dataclass
class Story:
    """One member's time, as told and as it was."""

    sessions: list[tuple[int, Stretch]]
    roles: list[Stretch] | None
    forbids: bool
    gap: tuple[int, int] | None


@st.composite
def stretches(draw: st.DrawFn, gap: tuple[int, int] | None) -> list[Stretch]:
    found = []
    for began, ended in draw(runs(most=3, first=FIRST, last=LAST)):
        began_off, ended_off = draw(st.integers(0, 5)), draw(st.integers(0, 5))

        def truly(told: int, off: int) -> int:
            """An instant within the uncertainty, and within the gap that it was inferred from."""
            least, most = told - off, told + off
            if gap is not None and gap[0] <= told <= gap[1]:
                least, most = max(least, gap[0]), min(most, gap[1])
            return draw(st.integers(min(least, told), max(most, told)))

        true_began, true_ended = truly(began, began_off), truly(ended, ended_off)
        found.append(
            Stretch(began, ended, began_off, ended_off, true_began, max(true_began, true_ended))
        )
    return found


@st.composite
def stories(draw: st.DrawFn) -> Story:
    gap = draw(st.one_of(st.none(), st.just((12, 18))))
    sessions = [
        (draw(st.sampled_from([LOUNGE, LOUNGE, STAGE])), each) for each in draw(stretches(gap))
    ]
    roles = draw(st.one_of(st.none(), stretches(gap)))
    return Story(sessions, roles, draw(st.booleans()), gap)


def truth(story: Story) -> int:
    """Counts the seconds that truly count, one by one."""
    counted = 0
    for tick in range(STARTS, ENDS):
        there = any(
            channel_id == LOUNGE and each.true_began <= tick < each.true_ended
            for channel_id, each in story.sessions
        )
        held = story.roles is None or (
            any(each.true_began <= tick < each.true_ended for each in story.roles) != story.forbids
        )
        blind = story.gap is not None and story.gap[0] <= tick < story.gap[1]
        counted += there and held and not blind
    return counted


@pytest.mark.django_db
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(story=stories())
def test_what_truly_counted_lies_within_the_uncertainty(story: Story) -> None:
    Event.objects.all().delete()
    guild = make_guild(first_seen_at=at(FIRST - 100))
    member = make_member(guild, roles_known_since=at(FIRST - 100))
    asked = "no_role_ids" if story.forbids else "any_role_ids"
    event = Event.objects.create(
        guild=guild,
        title="Story",
        time_zone="UTC",
        starts_at=at(STARTS),
        ends_at=at(ENDS),
        state="ended",
        channel_ids=[LOUNGE],
        counted_channel_ids=[LOUNGE],
        created_at=at(FIRST),
        **({} if story.roles is None else {asked: [ROLE]}),
    )
    if story.gap is not None:
        BlindGap.objects.create(
            guild=guild, began_at=at(story.gap[0]), ended_at=at(story.gap[1]), cause="bot_down"
        )
    for channel_id, each in story.sessions:
        make_session_of(
            member.user_id,
            guild_id=guild.pk,
            channel_id=channel_id,
            started_at=at(each.began),
            ended_at=at(each.ended),
            start_uncertainty=each.began_off,
            end_uncertainty=each.ended_off,
        )
    for each in story.roles or ():
        RoleSpan.objects.create(
            guild_id=guild.pk,
            role_id=ROLE,
            user_id=member.user_id,
            started_at=at(each.began),
            ended_at=at(each.ended),
            start_uncertainty=each.began_off,
            end_uncertainty=each.ended_off,
        )

    rebuild([event.pk], now=at(LAST + 60))

    row = Participation.objects.filter(event=event).first()
    seconds, uncertainty = (0.0, 0.0) if row is None else (row.seconds, row.uncertainty)
    assert abs(truth(story) - seconds) <= uncertainty
    window = ENDS - STARTS - (6 if story.gap else 0)
    assert uncertainty <= window


def make_story_event(guild: Guild, **columns: Any) -> Event:
    return make_event(
        guild, starts_at=at(STARTS), ends_at=at(ENDS), created_at=at(FIRST), **columns
    )


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["muted", "deafened", "alone"])
def test_when_a_member_was_switched_in_a_replayed_gap_nobody_knows(state: str) -> None:
    guild = make_guild(first_seen_at=at(FIRST - 100))
    members = [make_member(guild) for _ in range(2)]
    event = make_story_event(guild, **{f"counts_{state}": False})
    make_gap(guild.pk, began_at=at(12), ended_at=at(18), is_replayed=True)
    # One was told to be switched when the connection was back; the other as it was lost.
    for member, since in zip(members, (18, 12), strict=True):
        stretches: dict[str, Any] = {state: [(at(since), at(ENDS))]}
        make_session_of(
            member.user_id,
            guild_id=guild.pk,
            channel_id=LOUNGE,
            started_at=at(STARTS),
            ended_at=at(ENDS),
            **stretches,
        )

    rebuild([event.pk], now=at(LAST + 60))

    rows = {row.user_id: row for row in Participation.objects.filter(event=event)}
    told = [(rows[each.user_id].seconds, rows[each.user_id].uncertainty) for each in members]
    assert told == [(10, 6), (4, 6)]


@pytest.mark.django_db
def test_a_replayed_gap_is_certain_where_all_states_count() -> None:
    guild = make_guild(first_seen_at=at(FIRST - 100))
    member = make_member(guild)
    event = make_story_event(guild)
    make_gap(guild.pk, began_at=at(12), ended_at=at(18), is_replayed=True)
    make_session_of(
        member.user_id,
        guild_id=guild.pk,
        channel_id=LOUNGE,
        started_at=at(STARTS),
        ended_at=at(ENDS),
        muted=[(at(14), at(16))],
    )

    rebuild([event.pk], now=at(LAST + 60))

    row = Participation.objects.get(event=event)
    assert (row.seconds, row.uncertainty) == (ENDS - STARTS, 0)


@pytest.mark.django_db
def test_a_gap_is_credited_as_unsurely_as_the_role_beside_it() -> None:
    guild = make_guild(first_seen_at=at(FIRST - 100))
    member = make_member(guild, roles_known_since=at(FIRST - 100))
    event = Event.objects.create(
        guild=guild,
        title="Story",
        time_zone="UTC",
        starts_at=at(STARTS),
        ends_at=at(ENDS),
        state="ended",
        any_role_ids=[ROLE],
        gap_policy="credit",
        created_at=at(FIRST),
    )
    BlindGap.objects.create(guild=guild, began_at=at(16), ended_at=at(20), cause="bot_down")
    make_session_of(
        member.user_id,
        guild_id=guild.pk,
        channel_id=LOUNGE,
        started_at=at(STARTS),
        ended_at=at(18),
    )
    # It was lost at some time in the twelve seconds before it was seen to be gone.
    RoleSpan.objects.create(
        guild_id=guild.pk,
        role_id=ROLE,
        user_id=member.user_id,
        started_at=at(FIRST),
        ended_at=at(22),
        end_uncertainty=12,
    )

    rebuild([event.pk], now=at(LAST + 60))

    row = Participation.objects.get(event=event)
    assert (row.seconds, row.uncertainty) == (20 - STARTS, 20 - 10)
