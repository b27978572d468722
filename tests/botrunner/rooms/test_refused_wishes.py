"""What Discord refuses of what owners want is taken back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from botrunner.domain.rooms.wishes import to_do
from botrunner.services.rooms import applying, controls
from botrunner.services.rooms.status import panel_text
from tests.botrunner.rooms.wished import NOW, OTHER, OWNER, room, steps

if TYPE_CHECKING:
    from botrunner.models import Room

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_lease")]


def refuse(row: Room, *, done: tuple[str, ...] = ()) -> None:
    """Has Discord refuse all that is wished for a room, but what it had done before."""
    lease: Any = None
    change = applying.begin_change(row.pk, lease=lease, bot_id=99)
    assert change is not None
    applying.settle_change(change, now=NOW, refusal="Missing Permissions (50013)", done=done)
    row.refresh_from_db()


def test_a_lock_that_discord_refuses_is_none() -> None:
    row = room()
    controls.set_locked(row.pk, is_locked=True, by=OWNER, now=NOW)

    refuse(row)

    assert not row.is_locked
    assert "locked" not in panel_text(row)
    assert steps(row) == ["LockAsked", "NotApplied"]


def test_a_room_that_discord_does_not_hand_over_stays_its_owners() -> None:
    row = room(invited_ids=[20, OTHER], kicked_ids=[30])
    controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)

    refuse(row)

    assert (row.owner_id, row.invited_ids, row.kicked_ids) == (OWNER, [20, OTHER], [30])
    assert f"<@{OWNER}>'s room" in panel_text(row)
    assert controls.check_owner(row.pk, by=OWNER) == row


def test_all_that_was_refused_at_once_is_taken_back() -> None:
    row = room(user_limit=3, kicked_ids=[20])
    controls.invite(row.pk, 20, by=OWNER, now=NOW)
    controls.kick(row.pk, 20, by=OWNER, now=NOW)
    controls.set_limit(row.pk, 5, by=OWNER, now=NOW)
    controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)
    controls.kick(row.pk, OWNER, by=OTHER, now=NOW)

    refuse(row)

    assert (row.owner_id, row.user_limit) == (OWNER, 3)
    assert (row.invited_ids, row.kicked_ids) == ([], [20])


def test_what_discord_did_before_it_refused_stays() -> None:
    row = room()
    controls.set_limit(row.pk, 5, by=OWNER, now=NOW)
    refuse(row, done=(applying.LIMIT,))
    controls.set_locked(row.pk, is_locked=True, by=OWNER, now=NOW)

    refuse(row)

    assert (row.user_limit, row.is_locked) == (5, False)


def test_who_asked_for_another_room_meanwhile_is_not_given_two() -> None:
    row = room()
    controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)
    room("requested")

    refuse(row)

    assert row.owner_id == OTHER


@pytest.mark.django_db(transaction=True)
def test_wishes_at_the_same_instant_are_all_kept() -> None:
    row = room()

    def invite(user_id: int) -> None:
        try:
            controls.invite(row.pk, user_id, by=OWNER, now=NOW)
        finally:
            connection.close()

    threads = [threading.Thread(target=invite, args=(user_id,)) for user_id in range(20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    row.refresh_from_db()
    assert sorted(row.invited_ids) == list(range(20, 30))
    assert steps(row) == ["InviteAsked"] * 10


# What Discord had done of it ------------------------------------------------------------------


def test_what_discord_may_have_done_of_a_refused_wish_is_undone_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botrunner.services.rooms.applying.leases.check", lambda _: None)
    lease: Any = None
    row = room(invited_ids=[20], kicked_ids=[30])
    controls.invite(row.pk, 40, by=OWNER, now=NOW)
    controls.transfer(row.pk, OTHER, by=OWNER, now=NOW)
    refuse(row)

    is_to_do = applying.wishing_among([row.pk])
    undoing = applying.begin_change(row.pk, lease=lease, bot_id=99)
    assert undoing is not None
    applying.settle_change(undoing, now=NOW)

    assert is_to_do == {row.pk}
    assert undoing.puts_back
    assert (undoing.user_limit, undoing.leaving) == (None, ())
    assert undoing.overwrites is not None
    assert {20, 30, OWNER} <= {each.target_id for each in undoing.overwrites}
    assert undoing.unnamed == sorted([40, OTHER])
    assert applying.wishing_among([row.pk]) == set()
    assert list(row.steps.values_list("happening", "reason"))[-1] == ("Applied", applying.PUT_BACK)


def test_what_discord_refuses_to_undo_goes_with_the_next_wish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botrunner.services.rooms.applying.leases.check", lambda _: None)
    lease: Any = None
    row = room()
    controls.invite(row.pk, 40, by=OWNER, now=NOW)
    refuse(row)
    refuse(row)

    left_alone = applying.begin_change(row.pk, lease=lease, bot_id=99)
    controls.invite(row.pk, 50, by=OWNER, now=NOW)
    change = applying.begin_change(row.pk, lease=lease, bot_id=99)

    assert left_alone is None
    assert change is not None
    assert (change.puts_back, change.unnamed) == (False, [40])


@pytest.mark.parametrize(
    ("happenings", "wishes", "puts_back"),
    [
        ("", "", False),
        ("lock", "lock", False),
        ("lock done", "", False),
        ("lock refused", "", True),
        ("lock refused done", "", False),
        ("lock refused refused", "", False),
        ("limit refused", "", False),
        ("lock refused limit", "limit", True),
        ("lock refused limit refused", "", True),
        ("lock refused limit refused refused", "", False),
        ("lock refused done limit", "limit", False),
    ],
)
def test_what_is_to_do_follows_from_what_was_wished_and_what_came_of_it(
    happenings: str, wishes: str, *, puts_back: bool
) -> None:
    found = to_do(happenings.split(), applied="done", refused="refused", many=["lock"])

    assert (found.wishes, found.puts_back) == (frozenset(wishes.split()), puts_back)
    assert bool(found) == bool(wishes or puts_back)
