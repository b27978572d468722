"""Members who announce events, look forward to them, and hold them.

They have dice of their own: what they do changes nothing of what everybody else does.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from botrunner.sandbox.people import HOUR
from botrunner.sandbox.scheduled_event import EntityType, EventStatus, Frequency, Recurrence
from community.domain.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from botrunner.sandbox.actors import Show
    from botrunner.sandbox.entities import Channel, ChannelType, Guild
    from botrunner.sandbox.scheduled_event import ScheduledEvent

MINUTE: Final = 60.0
#: How often somebody announces an event, and how many are open at most.
HOURS_BETWEEN: Final = 2.0
MOST_OPEN: Final = 4
TITLES: Final = ("Game night", "Book club", "Open stage", "Raid", "Language table", "Film evening")
REPEATS, HAS_END, ARE_INTERESTED = 0.3, 0.6, 0.15
CHANGE_THEIR_MIND: Final = 0.1


class Hosts:
    """Those of a guild who hold events, and their guests."""

    def __init__(self, show: Show, guild_id: int, *, seed: int) -> None:
        """Plans the first announcement, for soon.

        Args:
            show: whose clock it is.
            guild_id: where.
            seed: gives the same events each time.
        """
        self._show = show
        self._guild_id = guild_id
        self._rng = random.Random(f"{seed} {guild_id}")
        self._people = [person.user_id for person in show.people[guild_id]]
        if self._people:
            self._after(self._rng.uniform(1, 10) * MINUTE, self._announce)

    @property
    def _guild(self) -> Guild:
        return self._show.world.guild(self._guild_id)

    def _after(self, story: float, deed: Callable[[], None]) -> None:
        # Whatever fails, the next announcement is planned already.
        self._show.after(story, deed, lambda: None)

    def _plan(self) -> None:
        self._after(self._rng.expovariate(1 / (HOURS_BETWEEN * HOUR)), self._announce)

    def _announce(self) -> None:
        """Announces an event in some channel, some while ahead, and plans the next one."""
        self._plan()
        rng, guild = self._rng, self._guild
        channels = [
            each
            for each in guild.channels.values()
            if each.is_voice
            and not each.overwrites
            and each.id not in {guild.afk_channel_id, *self._show.hubs}
        ]
        if len(guild.scheduled_events) >= MOST_OPEN:
            self._call_off()
        if not channels:
            return
        ahead = rng.uniform(10, 90) * MINUTE
        length = rng.uniform(20, 60) * MINUTE
        start = self._show.world.clock() + timedelta(seconds=ahead / self._show.speed)
        end = start + timedelta(seconds=length / self._show.speed)
        weekly = Recurrence(start, Frequency.WEEKLY, by_weekday=(start.weekday(),))
        channel = rng.choice(channels)
        event = self._show.world.create_scheduled_event(
            guild.id,
            by=self._host(),
            name=rng.choice(TITLES),
            entity_type=kind_of(channel.type),
            channel_id=channel.id,
            scheduled_start_time=start,
            scheduled_end_time=end if rng.random() < HAS_END else None,
            recurrence_rule=weekly if rng.random() < REPEATS else None,
        )
        for user_id in self._people:
            if rng.random() < ARE_INTERESTED:
                self._after(rng.uniform(0, ahead), partial(self._look_forward, event, user_id))
        self._after(ahead, partial(self._hold, event, channel, length))

    def _call_off(self) -> None:
        """Takes away the event that is the furthest ahead."""
        events = self._guild.scheduled_events.values()
        last = max(events, key=lambda event: event.scheduled_start_time)
        self._show.world.delete_scheduled_event(self._guild_id, last.id, by=self._host())

    def _look_forward(self, event: ScheduledEvent, user_id: int) -> None:
        """Says that they are interested; now and then somebody takes it back."""
        guild = self._guild
        if event.id in guild.scheduled_events and user_id in guild.members:
            self._show.world.add_interest(guild.id, event.id, user_id)
            if self._rng.random() < CHANGE_THEIR_MIND:
                wait = self._rng.uniform(1, 20) * MINUTE
                self._after(wait, partial(self._think_again, event, user_id))

    def _think_again(self, event: ScheduledEvent, user_id: int) -> None:
        if event.id in self._guild.scheduled_events:
            self._show.world.remove_interest(self._guild_id, event.id, user_id)

    def _hold(self, event: ScheduledEvent, channel: Channel, length: float) -> None:
        """Begins it."""
        guild, world = self._guild, self._show.world
        if event.id not in guild.scheduled_events or channel.id not in guild.channels:
            return
        world.update_scheduled_event(guild.id, event.id, status=EventStatus.ACTIVE)
        self._after(length, partial(self._end, event))

    def _end(self, event: ScheduledEvent) -> None:
        guild = self._guild
        if event.id in guild.scheduled_events and event.status is EventStatus.ACTIVE:
            self._show.world.update_scheduled_event(
                guild.id, event.id, status=EventStatus.COMPLETED
            )

    def _host(self) -> int:
        """Chooses one of those who may announce events; the owner may always."""
        guild, now = self._guild, self._show.world.clock()
        hosts = [
            user_id
            for user_id in self._people
            if user_id in guild.members
            and guild.permissions_of(user_id, now=now) & Permission.CREATE_EVENTS
        ]
        return self._rng.choice(hosts) if hosts else guild.owner_id


def kind_of(kind: ChannelType) -> EntityType:
    """Gives the kind of the events that are held in a kind of channel."""
    return EntityType.STAGE if kind.name == "STAGE" else EntityType.VOICE
