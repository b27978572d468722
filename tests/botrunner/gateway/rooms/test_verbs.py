"""What is checked of what members chose, before it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import discord
import pytest

from botrunner.gateway.rooms import verbs
from botrunner.services.rooms import controls
from botrunner.services.rooms.control_errors import WrongPersonError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_room_is_not_handed_over_to_who_is_not_in_the_guild(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed: list[int] = []
    monkeypatch.setattr(controls, "transfer", lambda _, user_id, **__: handed.append(user_id))
    shown: Any = {"id": "9", "username": "mira", "discriminator": "0", "avatar": None}
    state: Any = None
    stranger = discord.User(state=state, data=shown)

    with pytest.raises(WrongPersonError, match="They are not in this server"):
        verbs.transfer(verbs.Press(UUID(int=1), 7, NOON, value=stranger))

    assert handed == []
