"""What the bot says of itself, read off the row of a guild's shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from community.services.bot_facts import BotFacts, bot_of
from tests.factories import NOW, at, make_guild, make_shard

if TYPE_CHECKING:
    from community.models import Guild

pytestmark = pytest.mark.django_db

SAID = {"members_intent": False, "bot_user_id": "1234"}


@pytest.fixture
def guild() -> Guild:
    return make_guild(id=(5 << 22) + 9)


def test_of_a_guild_that_no_bot_served_nothing_is_known(guild: Guild) -> None:
    make_shard(shard_id=0, shard_count=4, figures=SAID)

    assert bot_of(guild.pk, now=NOW) == BotFacts()


def test_the_bot_of_the_guilds_shard_is_asked(guild: Guild) -> None:
    make_shard(shard_id=1, shard_count=4, figures=SAID)
    make_shard(shard_id=2, shard_count=4, figures={"members_intent": True})

    assert bot_of(guild.pk, now=NOW) == BotFacts(True, False, 1234)


def test_the_latest_of_several_numbers_of_shards_says_it(guild: Guild) -> None:
    make_shard(shard_id=1, shard_count=4, heartbeat_at=at(-5), figures=SAID)
    make_shard(shard_id=0, shard_count=1, figures={"members_intent": True, "bot_user_id": "7"})

    assert bot_of(guild.pk, now=NOW) == BotFacts(True, True, 7)


@pytest.mark.parametrize("columns", [{"heartbeat_at": at(-1)}, {"stopped_at": NOW}])
def test_what_a_bot_said_that_is_away_holds(guild: Guild, columns: dict[str, Any]) -> None:
    make_shard(guild, figures=SAID, **columns)

    assert bot_of(guild.pk, now=NOW) == BotFacts(False, False, 1234)


@pytest.mark.parametrize(
    "figures", [{}, {"members_intent": "no", "bot_user_id": 12}, {"bot_user_id": ""}]
)
def test_a_bot_that_has_not_said_it_is_not_guessed_at(guild: Guild, figures: Any) -> None:
    make_shard(guild, figures=figures)

    assert bot_of(guild.pk, now=NOW) == BotFacts(is_running=True)
