from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from community.models import AuditEntry
from events_app.models import Change, Credit, Event, Participation
from events_app.services.credits import (
    credit_gap,
    gap_candidates,
    gap_effects,
    give_credit,
    withdraw_credit,
)
from events_app.services.decision_errors import (
    AlreadyWithdrawnError,
    DecisionError,
    EmptyCreditError,
    EmptyReasonError,
    EventNotOnError,
    GapReplayedError,
    NoSuchCreditError,
    NoSuchGapError,
    UnfitSecondsError,
    UnfitTextError,
    UnknownMemberError,
    UnknownVerdictError,
)
from events_app.services.planning_errors import NoSuchEventError
from events_app.services.rollup import rebuild
from tests.events_app.planned import make_event, make_role
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_gap,
    make_guild,
    make_member,
    make_session,
    make_session_of,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from community.models import Guild, Member

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(guild: Guild) -> Event:
    return make_event(guild, starts_at=at(-60), ends_at=NOW, minimum_seconds=1800)


@pytest.fixture
def member(guild: Guild) -> Member:
    return make_member(guild)


def give(event: Event, member: Member, actor: User, **changed: Any) -> Credit:
    asked: dict[str, Any] = {
        "seconds": 600.0,
        "verdict": "",
        "reason": "their client crashed",
        "actor": actor,
        "now": NOW,
    }
    return give_credit(event.pk, member.user_id, **asked | changed)


def row_of(event: Event, member: Member) -> Participation | None:
    return Participation.objects.filter(event=event, user_id=member.user_id).first()


def test_a_credit_is_in_the_number_at_once(
    guild: Guild, event: Event, member: Member, actor: User
) -> None:
    make_session(member, make_channel(guild), started_at=at(-25))
    rebuild([event.pk], now=NOW)
    before = row_of(event, member)

    credit = give(event, member, actor, reason="  their client crashed ")

    after = row_of(event, member)
    assert before is not None
    assert after is not None
    assert (before.is_qualified, after.is_qualified) == (False, True)
    assert (after.seconds, after.credited_seconds) == (1500, 600)
    assert (credit.reason, credit.actor_name, credit.guild_id) == (
        "their client crashed",
        "sam",
        guild.pk,
    )
    assert Change.objects.filter(event_id=event.pk).exists()
    entry = AuditEntry.objects.get(action="credit.give")
    assert (entry.actor, entry.guild_id, entry.target_id) == (actor, guild.pk, str(credit.pk))
    assert entry.after["seconds"] == 600
    assert entry.reason == "their client crashed"


def test_a_credit_and_the_counted_time_never_exceed_the_window(
    guild: Guild, event: Event, member: Member, actor: User
) -> None:
    make_session(member, make_channel(guild), started_at=at(-50))

    give(event, member, actor, seconds=7200)

    row = row_of(event, member)
    assert row is not None
    assert (row.seconds, row.credited_seconds, row.share) == (3000, 600, 1)


def test_a_verdict_alone_decides(event: Event, member: Member, actor: User) -> None:
    give(event, member, actor, seconds=0, verdict="qualified")
    for_it = row_of(event, member)
    give(event, member, actor, seconds=0, verdict="refused", now=at(1))
    against_it = row_of(event, member)

    assert for_it is not None
    assert against_it is not None
    assert (for_it.is_qualified, against_it.is_qualified) == (True, False)
    assert against_it.reasons == ["refused"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"seconds": 0.0}, EmptyCreditError),
        ({"seconds": -1.0}, UnfitSecondsError),
        ({"seconds": math.nan}, UnfitSecondsError),
        ({"seconds": math.inf}, UnfitSecondsError),
        ({"seconds": 8 * 86400.0}, UnfitSecondsError),
        ({"verdict": "perhaps"}, UnknownVerdictError),
        ({"reason": " \n"}, EmptyReasonError),
        ({"reason": "x" * 1001}, UnfitTextError),
        ({"reason": "a\0b"}, UnfitTextError),
    ],
)
def test_a_credit_that_says_nothing_or_too_much_is_refused(
    event: Event, member: Member, actor: User, changed: dict[str, Any], error: type[DecisionError]
) -> None:
    with pytest.raises(error) as raised:
        give(event, member, actor, **changed)

    assert str(raised.value)
    assert not Credit.objects.exists()
    assert not AuditEntry.objects.filter(action="credit.give").exists()


def test_only_who_was_seen_in_the_guild_is_credited(
    guild: Guild, event: Event, actor: User
) -> None:
    with pytest.raises(UnknownMemberError):
        give(event, make_member(make_guild()), actor)

    make_session_of(77, guild_id=guild.pk, channel_id=make_channel(guild).pk)
    credit = give_credit(
        event.pk, 77, seconds=5, verdict="", reason="was there", actor=actor, now=NOW
    )
    assert credit.user_id == 77


@pytest.mark.parametrize("state", ["draft", "cancelled"])
def test_what_is_not_on_credits_nobody(
    event: Event, member: Member, actor: User, state: str
) -> None:
    Event.objects.filter(pk=event.pk).update(state=state)

    with pytest.raises(EventNotOnError):
        give(event, member, actor)


def test_an_event_that_is_none_is_said(actor: User) -> None:
    with pytest.raises(NoSuchEventError):
        give_credit(uuid4(), 1, seconds=5, verdict="", reason="so", actor=actor, now=NOW)


def test_a_credit_withdrawn_counts_no_more_and_is_kept(
    event: Event, member: Member, actor: User
) -> None:
    credit = give(event, member, actor)

    with pytest.raises(EmptyReasonError):
        withdraw_credit(credit.pk, actor=actor, reason="", now=at(1))
    withdraw_credit(credit.pk, actor=actor, reason="the wrong one", now=at(1))

    credit.refresh_from_db()
    assert (credit.withdrawn_at, credit.withdrawn_by) == (at(1), "sam")
    assert row_of(event, member) is None
    assert AuditEntry.objects.get(action="credit.withdraw").reason == "the wrong one"
    with pytest.raises(AlreadyWithdrawnError):
        withdraw_credit(credit.pk, actor=actor, reason="again", now=at(2))
    with pytest.raises(NoSuchCreditError):
        withdraw_credit(uuid4(), actor=actor, reason="what", now=at(2))


def test_candidates_of_a_gap_are_whose_time_counted_beside_it(guild: Guild) -> None:
    lounge, kitchen, role = make_channel(guild), make_channel(guild), make_role(guild)
    event = make_event(
        guild,
        starts_at=at(-60),
        ends_at=NOW,
        channel_ids=frozenset({lounge.pk}),
        no_role_ids=frozenset({role.pk}),
    )
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))
    before, after, through, early, elsewhere, barred = (
        make_member(guild, roles_known_since=at(-900)) for _ in range(6)
    )
    make_session(before, lounge, started_at=at(-60), ended_at=at(-30))
    make_session(after, lounge, started_at=at(-28), ended_at=at(-1))
    make_session(through, lounge)
    make_session(early, lounge, started_at=at(-60), ended_at=at(-31))
    make_session(elsewhere, kitchen)
    make_session(barred, lounge)
    role.spans.create(guild=guild, user_id=barred.user_id, started_at=at(-900))

    found = gap_candidates(event.pk, gap.pk)

    assert found == [(each.user_id, 120.0) for each in (before, after, through)]


@pytest.mark.parametrize(
    ("stays", "given", "gain"),
    [
        ([(-60, 0)], 0, 0),
        ([(-60, -30), (-28, 0)], 0, 0),
        ([(-60, -30)], 0, 120),
        ([(-59.5, 0)], 0, 30),
        ([(-60, -30)], 27 * 60, 60),
        ([(-60, -30)], 3600, 0),
    ],
)
def test_the_credit_for_a_gap_that_is_left_out_fills_what_a_member_missed_besides(
    guild: Guild,
    event: Event,
    member: Member,
    actor: User,
    stays: list[tuple[float, float]],
    given: int,
    gain: float,
) -> None:
    channel = make_channel(guild)
    for began, ended in stays:
        make_session(member, channel, started_at=at(began), ended_at=at(ended))
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))
    if given:
        give(event, member, actor, seconds=given)
    rebuild([event.pk], now=NOW)
    before = row_of(event, member)
    assert before is not None

    effects = gap_effects(event.pk, gap.pk)
    credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)

    after = row_of(event, member)
    assert after is not None
    assert effects == [(member.user_id, 120.0, gain)]
    assert after.total_seconds - before.total_seconds == gain
    assert after.window_seconds == 58 * 60


def test_a_gap_over_the_windows_edge_is_credited_within_it(guild: Guild, member: Member) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW)
    gap = make_gap(guild.pk, began_at=at(-63), ended_at=at(-58))
    make_session(member, make_channel(guild), started_at=at(-90), ended_at=at(-63))

    assert gap_candidates(event.pk, gap.pk) == [(member.user_id, 120.0)]


def test_a_gap_that_the_event_credits_itself_has_no_candidates(
    guild: Guild, member: Member
) -> None:
    event = make_event(guild, starts_at=at(-60), ends_at=NOW, gap_policy="credit")
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))
    make_session(member, make_channel(guild), ended_at=at(-30))

    assert gap_candidates(event.pk, gap.pk) == []


def test_a_members_own_gap_concerns_them_alone(guild: Guild, event: Event) -> None:
    lounge, mine, others = make_channel(guild), make_member(guild), make_member(guild)
    make_session(mine, lounge)
    make_session(others, lounge)
    gap = make_gap(guild.pk, user_id=mine.user_id, began_at=at(-30), ended_at=at(-29))

    assert gap_candidates(event.pk, gap.pk) == [(mine.user_id, 60.0)]


def test_a_gap_is_credited_once(guild: Guild, event: Event, member: Member, actor: User) -> None:
    make_session(member, make_channel(guild), started_at=at(-58), ended_at=at(-28))
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))

    [credit] = credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)
    again = credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)

    row = row_of(event, member)
    assert row is not None
    assert (row.seconds, row.credited_seconds) == (1680, 120)
    assert (credit.gap, credit.seconds, again) == (gap, 120, [])
    entry = AuditEntry.objects.get(action="credit.gap")
    assert entry.after == {"gap_id": str(gap.pk), "seconds": {str(member.user_id): 120}}
    assert entry.target_id == str(event.pk)


def test_a_gap_whose_credit_was_withdrawn_can_be_credited_again(
    guild: Guild, event: Event, member: Member, actor: User
) -> None:
    make_session(member, make_channel(guild))
    gap = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28))
    [first] = credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)
    withdraw_credit(first.pk, actor=actor, reason="too soon", now=NOW)

    [second] = credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)

    assert second.pk != first.pk


def test_a_gap_of_another_guild_and_one_without_loss_are_refused(
    guild: Guild, event: Event, actor: User
) -> None:
    foreign = make_gap(make_guild().pk, began_at=at(-30), ended_at=at(-28))
    replayed = make_gap(guild.pk, began_at=at(-30), ended_at=at(-28), is_replayed=True)

    for gap, error in ((foreign, NoSuchGapError), (replayed, GapReplayedError)):
        with pytest.raises(error):
            gap_candidates(event.pk, gap.pk)
        with pytest.raises(error):
            credit_gap(event.pk, gap.pk, reason="we were blind", actor=actor, now=NOW)
    with pytest.raises(EmptyReasonError):
        credit_gap(event.pk, replayed.pk, reason=" ", actor=actor, now=NOW)
