"""Which guilds a recovery is about, and whether there is a bot to ask."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sessions_app.models import VoiceState
from sessions_app.services import recovery
from sessions_app.services.recovery import GuildsToCompare, guilds_to_compare, recoverability
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_shard,
    make_voice_state,
)

if TYPE_CHECKING:
    from community.models import Guild
    from sessions_app.models import VoiceSession

pytestmark = pytest.mark.django_db


def in_voice(guild: Guild, *, ended: float | None = None, began: float = -600) -> VoiceSession:
    """Makes a session of a new member, by the minutes since now."""
    return make_session(
        make_member(guild),
        make_channel(guild),
        started_at=at(began),
        ended_at=None if ended is None else at(ended),
    )


def test_guilds_with_anyone_in_voice_now_or_lately_are_compared() -> None:
    one, many, lately, stayed, long_ago = (make_guild(name) for name in "abcde")
    in_voice(one)
    for _ in range(2):
        in_voice(many)
    in_voice(lately, ended=-59, began=-24 * 60)
    make_voice_state(in_voice(stayed, ended=-300))
    VoiceState.objects.update(session=None)
    in_voice(long_ago, ended=-61)

    found = guilds_to_compare(None, now=NOW)

    assert found.guild_ids[:2] == (many.pk, one.pk)
    assert set(found.guild_ids[2:]) == {lately.pk, stayed.pk}
    assert found.left_out == 0


def test_guilds_that_removed_the_bot_are_left_out() -> None:
    gone = make_guild(gone_at=at(-5))
    in_voice(gone)

    assert guilds_to_compare(None, now=NOW) == GuildsToCompare(())
    assert guilds_to_compare(None, now=NOW, chosen=gone.pk) == GuildsToCompare(())


def test_only_guilds_within_reach_are_compared() -> None:
    mine, others = make_guild(), make_guild()
    in_voice(mine)
    in_voice(others)

    assert guilds_to_compare({mine.pk}, now=NOW) == GuildsToCompare((mine.pk,))
    assert guilds_to_compare((), now=NOW) == GuildsToCompare(())
    assert guilds_to_compare({mine.pk}, now=NOW, chosen=others.pk) == GuildsToCompare(())


def test_guilds_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MOST_GUILDS", 2)
    for _ in range(5):
        in_voice(make_guild())

    found = guilds_to_compare(None, now=NOW)

    assert (len(found.guild_ids), found.left_out) == (2, 3)


@pytest.mark.parametrize(("age", "possible"), [(15, True), (15.1, False)])
def test_a_recovery_is_possible_where_a_bot_runs(age: float, possible: bool) -> None:
    guild, other = make_guild(), make_guild()
    make_shard(guild, shard_count=1024, heartbeat_at=NOW - timedelta(seconds=age))

    assert recoverability(None, now=NOW).possible is possible
    assert recoverability({guild.pk, other.pk}, now=NOW).possible is possible
    assert recoverability({other.pk}, now=NOW).possible is False
    assert bool(recoverability(None, now=NOW).why_not) is not possible
