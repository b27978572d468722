from __future__ import annotations

from uuid import uuid4

from botrunner.gateway.rooms.asker_message import HeldMessages
from botrunner.services.rooms.asking import Asked
from botrunner.services.rooms.showing import Status


def status(*, token: str = "", message_id: int | None = None) -> Status:
    return Status(uuid4(), "Your room is ready", 5, message_id, token, is_last=False)


def test_a_message_is_held_by_its_token_and_by_its_id_until_all_let_go() -> None:
    held = HeldMessages()
    by_id, by_token = status(message_id=7), status(token="a", message_id=None)

    with held.holding(Asked(5, 7, "a")):
        with held.holding(Asked(5, 7)):
            both = [held.holds(by_id), held.holds(by_token)]
        one = [held.holds(by_id), held.holds(by_token)]
        others = [held.holds(status(token="b", message_id=8)), held.holds(status())]

    assert both == one == [True, True]
    assert others == [False, False]
    assert not held.holds(by_id)
    assert not held.holds(by_token)
