"""Who was there only in a session that was too short to keep: their row goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from events_app.models import Event, EventState, Participation, SessionLink
from events_app.services.rollup import rebuild, roll_up
from sessions_app import registry
from sessions_app.domain.changes import Batch
from sessions_app.models import BlindGap, VoiceSession
from sessions_app.services.ingest import write_batch
from sessions_app.services.stale import SweepResult
from tests.events_app.stories import LOUNGE, ROLES, at
from tests.factories import make_guild, make_member, make_session_of
from tests.sessions_app.sweeping import SECOND, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

LATER = at(720)


def make_event(**columns: Any) -> Event:
    """An event of ten minutes that is over; who stays for less than a minute did not stay."""
    return Event.objects.create(
        guild=make_guild(first_seen_at=at(-90_000), micro_session_seconds=60.0),
        title="Watered",
        time_zone="UTC",
        starts_at=at(0),
        ends_at=at(600),
        state=EventState.ENDED,
        created_at=at(-900),
        **columns,
    )


def come(event: Event, *, began: float) -> VoiceSession:
    """Lets a member come who holds no role, and looks at the books meanwhile."""
    session = make_session_of(
        make_member(event.guild).user_id,
        guild_id=event.guild_id,
        channel_id=LOUNGE,
        started_at=at(began),
        ended_at=None,
        last_seen_at=at(began),
    )
    registry.tell_of_sessions(began=[session.pk])
    roll_up(now=at(began + 20))
    return session


def drop_by_the_tracker(session: VoiceSession) -> None:
    write_batch(Batch(dropped_sessions=[session.pk], dropped_visits=[session.visit_id]))


def drop_by_the_sweep(session: VoiceSession) -> None:
    now = session.started_at + 50 * SECOND
    assert sweep(now=now, stale_after=30) == SweepResult(dropped=(session.pk,))


DROPS = [drop_by_the_tracker, drop_by_the_sweep]


@pytest.mark.parametrize("drop", DROPS)
def test_a_dropped_session_without_a_link_takes_its_row_along(
    drop: Callable[[VoiceSession], None],
) -> None:
    event = make_event(any_role_ids=[ROLES[0]])
    session = come(event, began=590)
    assert Participation.objects.filter(event=event, user_id=session.user_id).exists()
    assert not SessionLink.objects.exists()

    drop(session)
    roll_up(now=LATER)

    assert not Participation.objects.exists()
    again = rebuild(now=LATER)
    assert (again.written, again.removed) == (0, 0)


@pytest.mark.parametrize("drop", DROPS)
def test_a_dropped_session_beside_a_gap_over_the_windows_edge_takes_the_credit_along(
    drop: Callable[[VoiceSession], None],
) -> None:
    event = make_event(gap_policy="credit")
    BlindGap.objects.create(guild=event.guild, began_at=at(540), ended_at=at(660), cause="bot_down")
    session = come(event, began=660)
    assert Participation.objects.get(event=event).seconds == 60

    drop(session)
    roll_up(now=LATER)

    assert not Participation.objects.exists()
    again = rebuild(now=LATER)
    assert (again.written, again.removed) == (0, 0)


def test_a_dropped_session_leaves_others_and_other_events_alone() -> None:
    event = make_event(any_role_ids=[ROLES[0]])
    stays = come(event, began=300)
    goes = come(event, began=590)

    drop_by_the_tracker(goes)
    done = roll_up(now=LATER)

    assert done.touched == 1
    assert [row.user_id for row in Participation.objects.all()] == [stays.user_id]


def test_a_batch_that_drops_what_staff_corrected_drops_no_row() -> None:
    event = make_event()
    session = come(event, began=590)
    VoiceSession.objects.filter(pk=session.pk).update(status="completed", ended_at=at(595))

    drop_by_the_tracker(session)
    roll_up(now=LATER)

    assert Participation.objects.get(event=event).seconds == 5
