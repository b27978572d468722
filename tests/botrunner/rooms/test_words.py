"""Every state, reason and error code of a room has a sentence that a member can read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from botrunner.domain.rooms import life, refusals, words
from botrunner.domain.rooms.room import Reason, State
from botrunner.models import Room
from botrunner.services.rooms import work
from botrunner.services.rooms.status import panel_text, status_text

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SAID = "Missing Permissions (50013)"
CODES = sorted(
    {
        value
        for module in (life, refusals, work)
        for value in vars(module).values()
        if isinstance(value, str) and re.fullmatch(r"room\.[a-z_]+", value)
    }
)
ENDED = [State.CLOSING, State.CLOSED]


def room(state: State, **fields: object) -> Room:
    has_channel = state in {State.WAITING, State.OCCUPIED, State.GRACE, State.CLOSING}
    waits = state in {State.WAITING, State.GRACE}
    return Room(
        guild_id=1,
        owner_id=7,
        state=state.value,
        made_at=NOW if has_channel else None,
        channel_id=5 if has_channel else None,
        due_at=NOW + timedelta(seconds=60) if waits else None,
        **fields,
    )


def test_there_are_codes_to_look_at() -> None:
    assert len(CODES) >= 13
    assert {"room.no_answer", "room.guild_full", "room.hub_gone"} <= set(CODES)


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words(state: State) -> None:
    text = status_text(room(state, reason="empty", error="room.permissions"), 2)

    assert text[0].isupper()
    assert text.endswith((".", ")"))
    assert "None" not in text


def test_no_two_states_read_alike() -> None:
    texts = {
        status_text(room(state, reason="empty", error="room.permissions"), 2) for state in State
    }

    assert len(texts) == len(State)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("state", ENDED)
def test_every_reason_has_words_of_its_own(state: State, reason: Reason) -> None:
    text = status_text(room(state, reason=reason.value))

    assert words.ENDS[reason] in text
    assert reason.value == "empty" or f" {reason.value}" not in text.replace("staff", "")
    assert len(set(words.ENDS.values())) == len(Reason)


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_words_of_its_own(code: str) -> None:
    text = status_text(room(State.FAILED, error=code, error_text=SAID))

    assert words.ERRORS[code] in text
    assert SAID in text
    assert code not in text
    assert len(set(words.ERRORS.values())) == len(words.ERRORS)


def test_what_the_preflight_says_is_all_that_is_said() -> None:
    lack = "The bot lacks *Move Members* in the category Rooms. Give it to the role Rollcall."

    text = status_text(room(State.FAILED, error="preflight.move_members", error_text=lack))

    assert text == f"You cannot have a room. {lack}"


def test_a_code_without_words_is_named() -> None:
    assert "(room.odd)" in status_text(room(State.FAILED, error="room.odd"))


@pytest.mark.parametrize(
    ("place", "written"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (21, "21st"),
        (113, "113th"),
    ],
)
def test_places_are_written_as_people_say_them(place: int, written: str) -> None:
    assert f"You are {written} in line" in status_text(room(State.QUEUED), place)


def test_the_panel_says_whose_it_is_and_when_it_ends() -> None:
    grace = panel_text(room(State.GRACE, is_locked=True))

    assert "<@7>" in grace
    assert "It is locked" in grace
    assert f"closes <t:{round((NOW + timedelta(seconds=60)).timestamp())}:R>" in grace
    assert "closes" not in panel_text(room(State.OCCUPIED))
