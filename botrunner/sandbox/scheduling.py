"""Events being announced, begun, ended and looked forward to: verbs of the small Discord.

The verbs are what happens, not what may happen; REST checks what it is asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botrunner.sandbox.audit import AuditAction, set_fields
from botrunner.sandbox.errors import UnknownThingError
from botrunner.sandbox.registry import Registry
from botrunner.sandbox.scheduled_event import Deviation, EntityType, EventStatus, ScheduledEvent

if TYPE_CHECKING:
    from datetime import datetime

    from botrunner.sandbox.entities import Guild

#: Discord says "a few minutes" and "a few hours".
ENDS_WHEN_EMPTY_FOR: Final = timedelta(minutes=3)
CANCELED_WHEN_LATE_BY: Final = timedelta(hours=3)
#: Those over that REST still knows, of each guild.
MOST_PAST: Final = 100
CHANGEABLE: Final = frozenset(ScheduledEvent.__slots__) - {
    "id",
    "creator_id",
    "exceptions",
    "interested",
}


class Scheduling(Registry):
    """The part of the world in which events are announced."""

    def scheduled_event(self, guild_id: int, event_id: int) -> ScheduledEvent:
        """Finds an event of a guild.

        Raises:
            UnknownThingError: if there is none with this id.
        """
        try:
            return self.guild(guild_id).scheduled_events[event_id]
        except KeyError:
            raise UnknownThingError(kind="scheduled event", id=event_id) from None

    def create_scheduled_event(
        self, guild_id: int, *, by: int | None = None, reason: str | None = None, **fields: Any
    ) -> ScheduledEvent:
        """Announces an event with `ScheduledEvent`'s fields; without ``by`` the owner does."""
        guild = self.guild(guild_id)
        if fields.get("channel_id") is not None:
            self.channel(guild_id, fields["channel_id"])
        fields["entity_type"] = EntityType(fields.get("entity_type", EntityType.VOICE))
        creator_id = guild.owner_id if by is None else by
        event = ScheduledEvent(id=self.new_id(), creator_id=creator_id, **fields)
        guild.scheduled_events[event.id] = event
        self._dispatch_scheduled(guild, "CREATE", event)
        self._record_scheduled(
            guild, AuditAction.GUILD_SCHEDULED_EVENT_CREATE, event, by=by, reason=reason
        )
        return event

    def update_scheduled_event(
        self,
        guild_id: int,
        event_id: int,
        *,
        by: int | None = None,
        reason: str | None = None,
        **fields: Any,
    ) -> ScheduledEvent:
        """Changes some of `ScheduledEvent`'s fields.

        One that repeats and is completed goes on to its next time, and that is all that is
        told: Discord says SCHEDULED, and nothing of what ended.
        """
        guild, event = self.guild(guild_id), self.scheduled_event(guild_id, event_id)
        if "status" in fields:
            fields["status"] = EventStatus(fields["status"])
        if not set_fields(event, fields, CHANGEABLE):
            return event
        if event.status is EventStatus.COMPLETED:
            event.go_on_to_next()
        self._dispatch_scheduled(guild, "UPDATE", event)
        self._record_scheduled(
            guild, AuditAction.GUILD_SCHEDULED_EVENT_UPDATE, event, by=by, reason=reason
        )
        if not event.is_open:
            del guild.scheduled_events[event_id]
            guild.past_events[event_id] = event
            if len(guild.past_events) > MOST_PAST:
                del guild.past_events[next(iter(guild.past_events))]
        return event

    def delete_scheduled_event(
        self, guild_id: int, event_id: int, *, by: int | None = None, reason: str | None = None
    ) -> None:
        """Takes an event away."""
        guild, event = self.guild(guild_id), self.scheduled_event(guild_id, event_id)
        del guild.scheduled_events[event_id]
        self._dispatch_scheduled(guild, "DELETE", event)
        self._record_scheduled(
            guild, AuditAction.GUILD_SCHEDULED_EVENT_DELETE, event, by=by, reason=reason
        )

    # Exceptions ---------------------------------------------------------------------------

    def deviate(
        self,
        guild_id: int,
        event_id: int,
        planned_start: datetime,
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        is_canceled: bool = False,
    ) -> Deviation:
        """Moves a single time of one that repeats, or calls it off; an earlier word gives way.

        The event itself is not told anew: Discord tells of the exception alone.
        """
        guild, event = self.guild(guild_id), self.scheduled_event(guild_id, event_id)
        deviation = Deviation(planned_start, starts_at, ends_at, is_canceled=is_canceled)
        what = "UPDATE" if deviation.id in event.exceptions else "CREATE"
        event.exceptions[deviation.id] = deviation
        self._dispatch_exception(guild, event, deviation, what)
        return deviation

    def follow_rule(self, guild_id: int, event_id: int, planned_start: datetime) -> None:
        """Has a single time be again as the rule has it."""
        guild, event = self.guild(guild_id), self.scheduled_event(guild_id, event_id)
        deviation = event.exceptions.pop(Deviation(planned_start).id, None)
        if deviation is not None:
            self._dispatch_exception(guild, event, deviation, "DELETE")

    def follow_rule_always(self, guild_id: int, event_id: int) -> None:
        """Has all times be again as the rule has them."""
        guild, event = self.guild(guild_id), self.scheduled_event(guild_id, event_id)
        event.exceptions.clear()
        payload = {"event_id": str(event.id)}
        self.dispatch(guild, "GUILD_SCHEDULED_EVENT_EXCEPTIONS_DELETE", payload)

    # Interest -----------------------------------------------------------------------------

    def add_interest(self, guild_id: int, event_id: int, user_id: int) -> None:
        """Has a user say that they are interested; once is enough."""
        event = self.scheduled_event(guild_id, event_id)
        self.member(guild_id, user_id)
        if user_id not in event.interested:
            event.interested.add(user_id)
            self._dispatch_interest(guild_id, event, user_id, "ADD")

    def remove_interest(self, guild_id: int, event_id: int, user_id: int) -> None:
        """Has a user say that they are interested no more."""
        event = self.scheduled_event(guild_id, event_id)
        if user_id in event.interested:
            event.interested.remove(user_id)
            self._dispatch_interest(guild_id, event, user_id, "REMOVE")

    # Time ---------------------------------------------------------------------------------

    def pass_time(self) -> None:
        """Does what Discord does by itself: begins, ends and cancels what is due now."""
        now = self.clock()
        for guild in list(self.guilds.values()):
            for event in list(guild.scheduled_events.values()):
                status = self._due(guild, event)
                if status is not None:
                    self.update_scheduled_event(guild.id, event.id, status=status)
                elif event.status is EventStatus.ACTIVE and event.channel_id is not None:
                    is_empty = not guild.in_channel(event.channel_id)
                    event.empty_since = (event.empty_since or now) if is_empty else None

    def _due(self, guild: Guild, event: ScheduledEvent) -> EventStatus | None:
        """Says what an event is to become now; None if it stays what it is."""
        now, end = self.clock(), event.scheduled_end_time
        is_external = event.entity_type is EntityType.EXTERNAL
        if event.status is EventStatus.SCHEDULED:
            if is_external and event.scheduled_start_time <= now:
                return EventStatus.ACTIVE
            late = event.scheduled_start_time + CANCELED_WHEN_LATE_BY <= now
            return EventStatus.CANCELED if late else None
        if is_external:
            return EventStatus.COMPLETED if end is not None and end <= now else None
        if event.channel_id is None or guild.in_channel(event.channel_id):
            return None
        since = event.empty_since
        is_over = since is not None and since + ENDS_WHEN_EMPTY_FOR <= now
        return EventStatus.COMPLETED if is_over else None

    # Within -------------------------------------------------------------------------------

    def _dispatch_scheduled(self, guild: Guild, what: str, event: ScheduledEvent) -> None:
        self.dispatch(guild, f"GUILD_SCHEDULED_EVENT_{what}", event.payload(guild.id))

    def _dispatch_exception(
        self, guild: Guild, event: ScheduledEvent, deviation: Deviation, what: str
    ) -> None:
        name = f"GUILD_SCHEDULED_EVENT_EXCEPTION_{what}"
        self.dispatch(guild, name, deviation.payload(event.id))

    def _dispatch_interest(
        self, guild_id: int, event: ScheduledEvent, user_id: int, what: str
    ) -> None:
        payload = {
            "guild_scheduled_event_id": str(event.id),
            "user_id": str(user_id),
            "guild_id": str(guild_id),
        }
        self.dispatch(self.guild(guild_id), f"GUILD_SCHEDULED_EVENT_USER_{what}", payload)

    def _record_scheduled(
        self,
        guild: Guild,
        action: AuditAction,
        event: ScheduledEvent,
        *,
        by: int | None,
        reason: str | None,
    ) -> None:
        self.record(guild, action, by=by, target_id=event.id, reason=reason)
