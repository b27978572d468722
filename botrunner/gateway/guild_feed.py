"""What a shard makes of guilds: stated in full, changed, away for an outage, or left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botrunner.gateway import translate, translate_directory
from botrunner.gateway.blindness import seconds_between
from botrunner.gateway.payload import Payload, UnreadableError, entries, snowflake
from botrunner.gateway.things import RulesWanted
from community.domain.directory import (
    GuildGone,
    GuildSighted,
    GuildUnavailable,
    GuildUpdated,
)
from sessions_app.domain.facts import BotRemoved, VoiceSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from botrunner.gateway.blindness import Sight
    from botrunner.gateway.directory_feed import DirectoryFeed
    from botrunner.gateway.members import MemberRequests
    from botrunner.gateway.scheduled_feed import ScheduledFeed

logger = logging.getLogger(__name__)


class GuildFeed:
    """Hands on what happens to guilds as such, each stamped with its frame's arrival."""

    def __init__(
        self,
        *,
        sight: Sight,
        requests: MemberRequests,
        directory: DirectoryFeed,
        scheduled: ScheduledFeed,
        put: Callable[[object], None],
        could_not_read: Callable[[str, str], None],
        has_members_intent: bool,
    ) -> None:
        """Connects what is heard with where it goes.

        Args:
            sight: what the shard can vouch for.
            requests: the guilds whose members are asked for.
            directory: hears of the members that a guild is stated with.
            scheduled: hears of its scheduled events.
            put: takes a thing for the writer.
            could_not_read: is told of which event what could not be read.
            has_members_intent: whether members are stated and their changes told.
        """
        self._sight = sight
        self._requests = requests
        self._directory = directory
        self._scheduled = scheduled
        self._put = put
        self._could_not_read = could_not_read
        self._has_members_intent = has_members_intent
        self.handlers: dict[str, Callable[[Payload, datetime], None]] = {
            "GUILD_CREATE": self.created,
            "GUILD_UPDATE": self.updated,
            "GUILD_DELETE": self.deleted,
        }

    def created(self, payload: Payload, at: datetime) -> None:
        """GUILD_CREATE: a statement in full, or that there is an outage."""
        guild_id = snowflake(payload, "id")
        if payload.get("unavailable") is True:
            self._outage(guild_id, at)
            return
        presences = translate.voice_presences(payload)
        if presences.unreadable:
            self._could_not_read("GUILD_CREATE", f"{presences.unreadable} voice states")
        unseen = self._sight.stated(guild_id, at)
        try:
            self._sight_guild(payload, at, guild_id=guild_id, blind_since=unseen.since)
        except UnreadableError as error:
            # The directory waits for the next statement; who is in voice does not.
            self._could_not_read("GUILD_CREATE", str(error))
        self._put(
            VoiceSnapshot(
                guild_id=guild_id,
                presences=presences.by_user,
                blind_since=unseen.since,
                at=at,
                cause=unseen.cause,
            )
        )
        unreadable = self._scheduled.listed(
            payload, at, guild_id=guild_id, blind_since=unseen.since
        )
        if unreadable:
            self._could_not_read("GUILD_CREATE", f"{unreadable} of its scheduled events")

    def _sight_guild(
        self, payload: Payload, at: datetime, *, guild_id: int, blind_since: datetime | None
    ) -> None:
        guild = translate_directory.guild_record(payload)
        roles = self._records(translate_directory.role_record, payload, "roles", guild_id)
        channels = self._records(translate_directory.channel_record, payload, "channels", guild_id)
        members = self._records(translate_directory.member_record, payload, "members", guild_id)
        has_all_members = (
            self._has_members_intent
            and guild.member_count is not None
            and len(members) >= guild.member_count
        )
        self._directory.members_stated(members, at)
        self._put(
            GuildSighted(
                guild=guild,
                roles=tuple(roles),
                channels=tuple(channels),
                members=tuple(members),
                has_all_members=has_all_members,
                blind_since=blind_since,
                at=at,
                watches_members=self._has_members_intent,
            )
        )
        self._put(RulesWanted(guild_id, guild.afk_channel_id, at))
        if self._has_members_intent and not has_all_members:
            self._requests.want(guild_id, blind_since=blind_since)

    def _records(
        self, read: Callable[..., Any], payload: Payload, field: str, guild_id: int
    ) -> list[Any]:
        records, unreadable = translate_directory.readable(
            read, entries(payload, field), field, guild_id=guild_id
        )
        if unreadable:
            self._could_not_read("GUILD_CREATE", f"{unreadable} of its {field}")
        return records

    def updated(self, payload: Payload, at: datetime) -> None:
        """GUILD_UPDATE."""
        guild = translate_directory.guild_record(payload)
        self._put(GuildUpdated(guild=guild, at=at))
        self._put(RulesWanted(guild.id, guild.afk_channel_id, at))

    def deleted(self, payload: Payload, at: datetime) -> None:
        """GUILD_DELETE: the bot was removed, or there is an outage."""
        guild_id = snowflake(payload, "id")
        if payload.get("unavailable") is True:
            self._outage(guild_id, at)
            return
        uncertainty = self._sight.uncertainty(guild_id, at)
        self._sight.left(guild_id, at)
        self._forget(guild_id)
        logger.info("Guild %s: the bot was removed", guild_id)
        self._removed(guild_id, at, uncertainty=uncertainty)

    def take_overdue(self, at: datetime) -> None:
        """Settles the guilds that nobody stated in good time after READY.

        One that it listed has an outage; from one that it did not list the bot was removed.
        """
        for guild_id, since in self._sight.overdue(at).items():
            logger.warning("Guild %s was listed, but not stated: an outage", guild_id)
            self._put(GuildUnavailable(guild_id=guild_id, at=since or at))
        ready_at, removed = self._sight.removed(at) or (at, {})
        for guild_id, since in removed.items():
            logger.info("Guild %s: the bot was removed while nobody looked", guild_id)
            start = since or ready_at
            self._removed(guild_id, start, uncertainty=seconds_between(start, ready_at))

    def _removed(self, guild_id: int, at: datetime, *, uncertainty: float) -> None:
        self._put(BotRemoved(guild_id=guild_id, at=at, uncertainty=uncertainty))
        self._put(GuildGone(guild_id=guild_id, at=at))

    def _outage(self, guild_id: int, at: datetime) -> None:
        since = self._sight.lost(guild_id, at)
        self._forget(guild_id)
        logger.info("Guild %s: Discord has an outage", guild_id)
        self._put(GuildUnavailable(guild_id=guild_id, at=since or at))

    def _forget(self, guild_id: int) -> None:
        self._requests.drop(guild_id)
        self._scheduled.lost(guild_id)
