"""Sessions that go on, made as the bot makes them: facts, the tracker, batches."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.ended_rows import CHANNELS, ENDED_BY, guild_id_of
from community.models.ids import new_id
from sessions_app.domain.facts import VoiceChanged, VoiceFlags, VoicePresence, VoiceSnapshot
from sessions_app.domain.tracker import Tracker
from sessions_app.services.ingest import write_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sessions_app.domain.facts import Fact

# So many facts go into a batch at most, as in the bot's pipeline.
BATCH = 500
TICK = timedelta(milliseconds=10)


def enter(members: int) -> datetime:
    """Has so many members in voice at the end, in a session each that goes on.

    A third is there when the bot starts. The others come one by one, while members move,
    mute themselves, leave and come again: live rows lie among rows that ended just now.

    Returns:
        When the last of it happened.
    """
    tracker = Tracker(new_id=new_id)
    latest = ENDED_BY
    batch: list[Fact] = []
    for fact in _facts(members):
        latest = fact.at
        batch.append(fact)
        if len(batch) == BATCH:
            _write(tracker, batch)
            batch = []
    _write(tracker, batch)
    if tracker.active_sessions() != members:
        raise RuntimeError(f"{tracker.active_sessions()} sessions go on, of {members}.")
    return latest


def _write(tracker: Tracker, facts: Iterable[Fact]) -> None:
    for fact in facts:
        tracker.apply(fact)
    write_batch(tracker.take())


def _facts(members: int) -> Iterator[Fact]:
    dice = random.Random(1)  # noqa: S311 - the same facts in every run
    at = ENDED_BY
    there = members // 3
    by_guild: defaultdict[int, dict[int, VoicePresence]] = defaultdict(dict)
    visits = dict.fromkeys(range(1, members + 1), 1)

    def presence(user_id: int) -> VoicePresence:
        """Puts a member into one of their guild's channels; one in five is muted."""
        channel_id = guild_id_of(user_id) + dice.randrange(CHANNELS)
        flags = VoiceFlags.SELF_MUTE if dice.randrange(5) == 0 else VoiceFlags.NONE
        visit = f"{user_id:x}-{visits[user_id]}"
        return VoicePresence(user_id, channel_id, visit, int(flags), is_bot=False)

    for user_id in range(1, there + 1):
        by_guild[guild_id_of(user_id)][user_id] = presence(user_id)
    for guild_id, presences in by_guild.items():
        at += TICK
        yield VoiceSnapshot(guild_id, presences, at - timedelta(minutes=1), at)
    for user_id in range(there + 1, members + 1):
        at += TICK
        yield VoiceChanged(guild_id_of(user_id), presence(user_id), at)
        other = dice.randrange(1, user_id + 1)
        match dice.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                at += TICK
                yield VoiceChanged(guild_id_of(other), presence(other), at)
            case 5:
                at += TICK
                yield VoiceChanged(guild_id_of(other), VoicePresence(other, None), at)
                visits[other] += 1
                at += TICK
                yield VoiceChanged(guild_id_of(other), presence(other), at)
