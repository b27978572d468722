"""The timid client: its pace, its end, and what it makes of answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from botrunner.rest import Pace
from botrunner.rest_errors import NoAnswerError, NoTokenError, RateLimitedError
from botrunner.sandbox.entities import ChannelType
from tests.botrunner.rooms.sandbox_beside import CHANNELS, LOG, Discord, discord_beside, later

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pace_is_kept() -> None:
    pace = Pace(50)
    began = time.monotonic()

    for _ in range(6):
        pace.wait()

    assert time.monotonic() - began >= 5 / 50


def test_creations_are_read_page_by_page_back_to_an_instant(discord: Discord) -> None:
    for number in range(230):
        discord.world.create_channel(
            discord.guild.id, by=discord.bot_id, name=f"{number}", type=ChannelType.VOICE
        )
    asked = discord.lay(LOG, way="slow", count=None)
    since = later(-10)

    with discord.rest() as rest:
        all_of_it = rest.creations(discord.guild.id, by=discord.bot_id, since=since)
        pages = asked.struck
        cut = rest.creations(discord.guild.id, by=discord.bot_id, since=since, most_pages=1)
        lately = rest.creations(discord.guild.id, by=discord.bot_id, since=later(0))

    assert (len(all_of_it.entries), all_of_it.since, pages) == (230, since, 3)
    assert len({entry.channel_id for entry in all_of_it.entries}) == 230
    assert len(cut.entries) == 100
    assert cut.since == min(entry.at for entry in cut.entries)
    assert asked.struck == 5
    assert len(lately.entries) == 100


def test_patience_is_read_and_ends_all(discord: Discord) -> None:
    discord.lay(CHANNELS, way="answer", status=429, retry_after=90.5)

    with discord.rest() as rest:
        with pytest.raises(RateLimitedError) as told:
            rest.channels(discord.guild.id)
        is_over = rest.is_over

    assert told.value.wait == timedelta(seconds=90.5)
    assert is_over


def test_without_a_token_nothing_is_asked(discord: Discord) -> None:
    asked = discord.lay("*", way="slow", count=None)

    with discord.rest(token="") as rest, pytest.raises(NoTokenError):
        rest.own_id()

    assert asked.struck == 0


def test_a_place_where_nobody_answers_is_no_answer() -> None:
    with (
        discord_beside() as discord,
        discord.rest(api_url="http://127.0.0.1:9/api") as rest,
        pytest.raises(NoAnswerError),
    ):
        rest.channels(discord.guild.id)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [None],
        [{"id": 5, "type": 2}],
        [{"id": "9" * 30, "type": 2}],
        [{"id": "5"}],
        [{"id": "5", "type": 2, "permission_overwrites": 3}],
        [{"id": "5", "type": 2, "permission_overwrites": [{"id": "1"}]}],
    ],
)
def test_an_answer_that_makes_no_sense_is_no_answer(discord: Discord, answer: Any) -> None:
    discord.says(CHANNELS, answer)

    with discord.rest() as rest, pytest.raises(NoAnswerError):
        rest.channels(discord.guild.id)


@pytest.mark.parametrize("answer", [None, [], {}, {"audit_log_entries": None}])
def test_a_log_that_makes_no_sense_is_no_log_without_entries(discord: Discord, answer: Any) -> None:
    discord.says(LOG, answer)

    with discord.rest() as rest, pytest.raises(NoAnswerError):
        rest.creations(discord.guild.id, by=discord.bot_id, since=datetime.now(UTC))
