"""Which guilds a sweep comes to: one's trouble is not the others'."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.models import Room
from botrunner.rest import DiscordRest
from botrunner.rest_errors import NoAnswerError, OutOfTimeError, RateLimitedError, RestError
from botrunner.services.rooms import sweep
from botrunner.services.rooms.sweep import GuildSweep, guilds_to_sweep, sweep_all, sweep_now
from tests.factories import NOW, make_guild

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

Answers = dict[int, RestError]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Answers:
    """What Discord says of which guild; nothing is asked of it."""
    said: Answers = {}

    def swept(guild_id: int, *, rest: DiscordRest, now: datetime, **_: Any) -> GuildSweep:
        del now
        error = said.get(guild_id)
        if isinstance(error, RateLimitedError | OutOfTimeError):
            rest.give_up()
        return GuildSweep(guild_id, error=error)

    settings.DISCORD_TOKEN = "a.token"
    monkeypatch.setattr(sweep, "sweep_guild", swept)
    return said


def urgent(*, guilds: int, **columns: Any) -> list[int]:
    rows = [make_guild() for _ in range(guilds)]
    usual = {"state": "closing", "owner_id": 1, "kind": "private", "name": "a"}
    for guild in rows:
        Room.objects.create(guild=guild, requested_at=NOW, **(usual | columns))
    return sorted(guild.pk for guild in rows)


def come_to(*, after: int | None = None) -> list[int]:
    with DiscordRest(token="a.token", api_url="http://localhost") as rest:
        return [each.guild_id for each in sweep_all(rest=rest, now=NOW, after=after)]


def last_guild() -> int:
    return int(sweep_now(now=NOW).outcome[sweep.LAST_GUILD])


def test_urgent_guilds_take_turns_too() -> None:
    a, b, c = urgent(guilds=3)

    assert guilds_to_sweep(after=a) == [b, c, a]


def test_a_room_in_quarantine_makes_no_guild_urgent() -> None:
    [quiet] = urgent(guilds=1, state="quarantined", asked_at=NOW)
    [first] = urgent(guilds=1)

    assert guilds_to_sweep() == [first, quiet]


def test_a_guild_that_gets_no_answer_is_gone_past(answers: Answers) -> None:
    a, b, c = urgent(guilds=3)
    answers[a] = NoAnswerError(reason="500")

    assert come_to() == [a, b, c]


def test_three_guilds_without_an_answer_end_a_sweep(answers: Answers) -> None:
    guilds = urgent(guilds=5)
    answers.update(dict.fromkeys(guilds, NoAnswerError(reason="500")))

    assert come_to() == guilds[:3]
    assert last_guild() == guilds[2]


def test_the_first_429_ends_a_sweep(answers: Answers) -> None:
    a, b, _ = urgent(guilds=3)
    answers[b] = RateLimitedError(timedelta(minutes=1))

    assert come_to() == [a, b]


def test_a_guild_where_time_ran_out_is_the_next_ones_first(answers: Answers) -> None:
    a, b, _ = urgent(guilds=3)
    answers[b] = OutOfTimeError()

    assert last_guild() == a


def test_a_guild_that_takes_all_the_time_does_not_hold_up_the_others(answers: Answers) -> None:
    a, *_ = urgent(guilds=3)
    answers[a] = OutOfTimeError()

    assert last_guild() == a
