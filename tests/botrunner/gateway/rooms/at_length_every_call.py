"""Every call of Discord about rooms, and everything that Discord may say to it.

The calls come from telling each story once while all is well (:mod:`stories`): one that is
new is tried by itself, and fails until :mod:`told` says what is read where it goes wrong.
"""

from __future__ import annotations

import logging

import pytest

from tests.botrunner.gateway.rooms.stories import STORIES
from tests.botrunner.gateway.rooms.told import TOLD
from tests.botrunner.gateway.rooms.trying import calls_of, hasten, unexpected, wrongs_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.usefixtures("timing")
@pytest.mark.parametrize("name", STORIES)
async def test_whatever_discord_says_everybody_reads_how_it_stands_and_rooms_recover(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hasten(monkeypatch)
    caplog.set_level(logging.INFO)
    story = STORIES[name]

    calls = await calls_of(story)
    wrong = []
    for call in calls:
        for always in (True, False):
            wrong += await wrongs_of(name, story, call, always=always)

    assert "\n".join(wrong) == ""
    assert set(calls) == {call for told_in, call in TOLD if told_in == name}
    assert [record.getMessage() for record in unexpected(caplog)] == []
