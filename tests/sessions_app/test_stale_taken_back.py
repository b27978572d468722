"""An estimate that is taken back leaves no trace: each story is told with a sweep and without.

What stands in the books afterwards must be the same to the last column.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import F

from community.models import Shard
from community.models.ids import new_id
from sessions_app.domain import words
from sessions_app.domain.facts import (
    BotRemoved,
    ChannelDeleted,
    TimePassed,
    VoiceChanged,
    VoicePresence,
    VoiceSnapshot,
)
from sessions_app.domain.tracker import Tracker
from sessions_app.models import BlindGap, SessionStatus, Visit, VoiceSession, VoiceState
from sessions_app.services.checkpoint import write_checkpoint
from sessions_app.services.ingest import write_batch
from sessions_app.services.restore import restore
from tests.factories import NOW
from tests.sessions_app.live_rows import GUILD, make_guild, make_shard
from tests.sessions_app.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sessions_app.domain.facts import Fact

pytestmark = pytest.mark.django_db

LOBBY, STUDY, HALL = 10, 11, 12
CHANNELS = (LOBBY, STUDY, HALL)
FLAGS = (0, 0, 4, 12, 48, 66)
MEMBERS = range(1, 7)
# When the bot is heard of for the last time, when the sweep runs, and when the bot is back.
LAST, SWEPT, BACK = 1000.0, 1400.0, 1500.0

Books = dict[str, list[dict[str, Any]]]


def at(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


class Bot:
    """A bot's books, without the bot: its tracker, and what it writes."""

    def __init__(self) -> None:
        make_guild(voice_seen_at=at(0))
        make_shard(heartbeat_at=at(LAST), last_frame_at=at(LAST))
        self.tracker = Tracker(new_id=new_id)
        self.where: dict[int, VoicePresence] = {}
        self.tell([VoiceSnapshot(GUILD, {}, at(0), at(0))])

    def tell(self, facts: Iterable[Fact]) -> None:
        """Tells facts, and writes what comes of them."""
        for fact in facts:
            self.tracker.apply(fact)
        write_batch(self.tracker.take())

    def voice(
        self, seconds: float, user_id: int, channel_id: int | None, *, flags: int = 0
    ) -> VoiceChanged:
        """Has a member somewhere, and gives what the bot hears of it."""
        presence = VoicePresence(user_id, channel_id, f"v{user_id}", flags)
        self.where[user_id] = presence
        return VoiceChanged(GUILD, presence, at(seconds))

    def checkpoint(self, seconds: float) -> None:
        """Writes the minute's note."""
        self.tell([TimePassed(at(seconds))])
        write_checkpoint(shard_id=0, shard_count=1, seen_at=at(seconds))

    def start_again(self) -> None:
        """Builds the tracker from what the database remembers."""
        self.tracker = restore(shard_id=0, shard_count=1).tracker

    def see(self, seconds: float) -> None:
        """Is told who is there, after a gap since the last that it heard."""
        there = {id_: state for id_, state in self.where.items() if state.channel_id is not None}
        unseen = restore(shard_id=0, shard_count=1).unseen[GUILD]
        self.tell([VoiceSnapshot(GUILD, there, unseen.since, at(seconds), unseen.cause)])


def sweep_all() -> None:
    """Sweeps, and sees that all who were in voice are ended by estimate."""
    under_way = VoiceSession.objects.active().count()
    assert len(sweep(now=at(SWEPT)).ended) == under_way > 0
    assert not VoiceSession.objects.active().exists()


def told(story: Callable[[Bot, Callable[[], None]], None], *, swept: bool) -> Books:
    """Tells a story, and gives all that stands in the books at its end.

    Ids differ from telling to telling: rows name each other by their starts.
    """
    with transaction.atomic():
        story(Bot(), sweep_all if swept else lambda: None)
        named = {
            VoiceSession: {"in_visit": F("visit__started_at")},
            Visit: {},
            VoiceState: {"of_session": F("session__started_at")},
            BlindGap: {},
        }
        ids = {"id", "visit_id", "session_id"}
        books = {
            model.__name__: sorted(
                (
                    {name: value for name, value in row.items() if name not in ids}
                    for row in model.objects.annotate(**names).values()  # type: ignore[attr-defined]  # of two models
                ),
                key=repr,
            )
            for model, names in named.items()
        }
        transaction.set_rollback(True)
    return books


def by_chance(bot: Bot, dice: random.Random, start: float, until: float) -> Iterable[Fact]:
    seconds = start
    while (seconds := seconds + dice.choice([0.01, 0.4, 1.5, 20])) < until:
        user_id = dice.choice(MEMBERS)
        yield bot.voice(
            seconds, user_id, dice.choice([None, *CHANNELS, *CHANNELS]), flags=dice.choice(FLAGS)
        )


# The bot is back, and they are still there -------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_bot_that_finds_members_still_there_goes_on_as_if_nothing_had_been(seed: int) -> None:
    def story(bot: Bot, sweep: Callable[[], None]) -> None:
        dice = random.Random(seed)
        bot.tell(by_chance(bot, dice, 0, 900))
        bot.tell([bot.voice(950, 1, LOBBY, flags=4)])
        bot.checkpoint(LAST)
        sweep()
        # While nobody looked, whoever was there moved or switched something, or did not.
        for user_id, state in bot.where.items():
            if state.channel_id is not None and dice.random() < 0.5:
                bot.voice(SWEPT, user_id, dice.choice(CHANNELS), flags=dice.choice(FLAGS))
        bot.start_again()
        bot.see(BACK)
        bot.tell(by_chance(bot, dice, BACK, 2500))
        bot.checkpoint(2500)

    swept, never_swept = told(story, swept=True), told(story, swept=False)

    assert swept == never_swept
    assert len(swept["VoiceSession"]) > 10


def test_bot_that_could_not_write_for_long_states_all_of_it_once_more() -> None:
    def story(bot: Bot, sweep: Callable[[], None]) -> None:
        bot.tell([bot.voice(10, 1, LOBBY, flags=4), bot.voice(20, 2, LOBBY)])
        bot.checkpoint(LAST)
        sweep()
        bot.tracker.restate()
        bot.checkpoint(BACK)

    assert told(story, swept=True) == told(story, swept=False)


# What was observed, and comes after the estimate -------------------------------------------------

# Before the estimated end, between it and the sweep, and after the sweep.
INSTANTS = [LAST + 30, LAST + 200, SWEPT + 50]


@pytest.mark.parametrize("ended", INSTANTS)
@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("what", ["leave", "move", "rejoin", "channel", "removal"])
def test_observed_end_replaces_the_estimate(what: str, ended: float, *, is_restarted: bool) -> None:
    """It waited in the bot's memory, or on disk while the bot was restarted."""

    def facts(bot: Bot) -> list[Fact]:
        match what:
            case "leave":
                return [bot.voice(ended, 1, None)]
            case "move":
                return [bot.voice(ended, 1, STUDY)]
            case "rejoin":
                return [VoiceChanged(GUILD, VoicePresence(1, LOBBY, "another"), at(ended))]
            case "channel":
                return [ChannelDeleted(GUILD, LOBBY, at(ended))]
            case _:
                return [BotRemoved(GUILD, at(ended))]

    def story(bot: Bot, sweep: Callable[[], None]) -> None:
        bot.tell([bot.voice(10, 1, STUDY), bot.voice(20, 1, LOBBY, flags=12)])
        bot.tell([bot.voice(30, 2, STUDY, flags=48)])
        bot.checkpoint(LAST)
        sweep()
        if is_restarted:
            bot.start_again()
        else:
            bot.tracker.restate()
        bot.tell(facts(bot))
        bot.tell([bot.voice(BACK, 2, STUDY), bot.voice(BACK + 60, 2, None)])

    swept, never_swept = told(story, swept=True), told(story, swept=False)

    assert swept == never_swept
    assert at(ended) in {row["ended_at"] for row in swept["VoiceSession"]}


@pytest.mark.parametrize("ended", INSTANTS)
def test_late_batch_alone_replaces_the_estimate_and_the_visits_end(ended: float) -> None:
    """It was made before the sweep, and lands after it: nothing is stated once more."""

    def story(bot: Bot, sweep: Callable[[], None]) -> None:
        bot.tell([bot.voice(10, 1, LOBBY, flags=4), bot.voice(500, 1, LOBBY, flags=0)])
        bot.checkpoint(LAST)
        bot.tracker.apply(bot.voice(ended, 1, None))
        late = bot.tracker.take()
        sweep()
        for _ in range(2):
            write_batch(late)

    swept, never_swept = told(story, swept=True), told(story, swept=False)

    assert swept == never_swept
    [session] = swept["VoiceSession"]
    [visit] = swept["Visit"]
    assert (session["status"], session["ended_at"]) == ("completed", at(ended))
    assert (session["end_uncertainty"], session["muted_seconds"]) == (0.0, 490.0)
    assert visit["ended_at"] == at(ended)
    assert swept["VoiceState"] == []


# What staff have set since -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.CANCELLED])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_staff_set_after_the_estimate_stands(
    status: SessionStatus, *, is_restarted: bool
) -> None:
    bot = Bot()
    bot.tell([bot.voice(10, 1, LOBBY, flags=4)])
    bot.checkpoint(LAST)
    sweep_all()
    VoiceSession.objects.update(status=status, ended_at=at(900), end_reason=words.CORRECTED)
    before = VoiceSession.objects.values().get()

    if is_restarted:
        bot.start_again()
    else:
        bot.tracker.restate()
    bot.tell([bot.voice(LAST + 30, 1, None)])
    bot.checkpoint(BACK)
    Shard.objects.update(heartbeat_at=at(0))
    again = sweep(now=at(BACK + 1000))

    assert again.found == 0
    assert VoiceSession.objects.values().get(pk=before["id"]) == before
