"""What is known of a request that was sent once, whatever came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from botrunner.gateway.asked_once import ask_in_time
from botrunner.gateway.questions import NotAnsweredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from discord.http import HTTPClient


class Http:
    """Sends what it is asked to, and makes something of the answer as discord.py does."""

    def __init__(self, make: Callable[[], object], *, sends: bool = True) -> None:
        self._make = make
        self._sends = sends

    async def request(self, _: object, *, files: list[Any], **options: object) -> object:
        del options
        if self._sends:
            files[0].reset(seek=0)
        return self._make()


async def asked(make: Callable[[], object], *, sends: bool = True) -> object:
    http = cast("HTTPClient", Http(make, sends=sends))
    return await ask_in_time(http, "POST", "/channels/{channel_id}/messages", {"channel_id": 1})


@pytest.mark.parametrize("make", [lambda: json.loads("<html>"), lambda: json.loads("{}")["url"]])
async def test_an_answer_that_makes_no_sense_leaves_open_what_was_done(
    make: Callable[[], object],
) -> None:
    with pytest.raises(NotAnsweredError, match="makes no sense"):
        await asked(make)


async def test_what_stumbles_before_it_is_sent_is_a_fault_of_ours() -> None:
    with pytest.raises(json.JSONDecodeError):
        await asked(lambda: json.loads("<html>"), sends=False)
