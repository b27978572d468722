"""Shows Rollcall's events among a guild's scheduled events, over REST."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import discord

from botrunner.gateway.asked_once import ask_once
from botrunner.gateway.payload import Payload, UnreadableError, as_snowflake, mapping, whole
from botrunner.gateway.translate_scheduled import scheduled_record
from botrunner.gateway.writer import at_database
from events_app.domain.publication import EXTERNAL, Publication
from events_app.domain.scheduled import ACTIVE, SCHEDULED, next_status
from events_app.services import discord_state, publishing

if TYPE_CHECKING:
    from discord.http import HTTPClient

    from botrunner.gateway.writer import Writer
    from community.models import OutboxItem
    from events_app.domain.scheduled import ScheduledRecord

ALL: Final = "/guilds/{guild_id}/scheduled-events"
ONE: Final = "/guilds/{guild_id}/scheduled-events/{scheduled_id}"
GUILD_ONLY: Final = 2
REASON: Final = "Planned in Rollcall"


class Announcer:
    """Makes, changes, begins, ends and takes away the announcements of one shard's guilds."""

    def __init__(self, *, writer: Writer) -> None:
        """Has announced nothing.

        Args:
            writer: the thread that the events are read in.
        """
        self._writer = writer

    async def publish(self, item: OutboxItem, client: discord.Client) -> int:
        """Has an event shown as it was asked for; gives its id on Discord.

        What was made by an attempt whose answer was lost is found by its name, start and
        place, so that it is not made again.
        """
        publication = Publication.from_json(item.payload)
        guild_id = item.guild_id
        shown = await self._writer.run(at_database, publishing.shown_on_discord, item)
        if shown is not None:
            if await self._edit(client.http, guild_id, shown, publication):
                return shown
            await self._writer.run(at_database, publishing.forget, item, shown)
        found = await self._find(client, guild_id, publication)
        if found is not None:
            return found
        made = await ask_once(
            client.http,
            "POST",
            ALL,
            {"guild_id": guild_id},
            json=body_of(publication),
            reason=REASON,
        )
        return as_snowflake(mapping(made, "scheduled event").get("id"), "id")

    async def withdraw(self, item: OutboxItem, client: discord.Client) -> None:
        """Has an event shown no more."""
        shown = await self._writer.run(at_database, publishing.shown_on_discord, item)
        if shown is None:
            return
        place = {"guild_id": item.guild_id, "scheduled_id": shown}
        try:
            await ask_once(client.http, "DELETE", ONE, place, reason=REASON)
        except discord.NotFound as error:
            if not is_unknown_event(error):
                raise

    async def follow_state(self, item: OutboxItem, client: discord.Client) -> None:
        """Has an event begin, end or be called off, step by step, as it stands here.

        Somebody else may have taken a step, or Discord by itself: what is refused is no
        refusal where the status has changed meanwhile.
        """
        told = await self._writer.run(at_database, discord_state.to_be_told, item)
        if told is None:
            return
        scheduled_id, wanted = told
        place = {"guild_id": item.guild_id, "scheduled_id": scheduled_id}
        refusal: discord.HTTPException | None = None
        refused_at: int | None = None
        try:
            while True:
                shown = mapping(await ask_once(client.http, "GET", ONE, place), "scheduled event")
                status = whole(shown, "status")
                if refusal is not None and status == refused_at:
                    raise refusal
                step = next_status(status, wanted)
                if step is None:
                    return
                try:
                    await ask_once(
                        client.http, "PATCH", ONE, place, json={"status": step}, reason=REASON
                    )
                except discord.HTTPException as error:
                    if error.status != HTTPStatus.BAD_REQUEST:
                        raise
                    refusal, refused_at = error, status
        except discord.NotFound as error:
            if not is_unknown_event(error):
                raise
            await self._writer.run(at_database, publishing.forget, item, scheduled_id)

    async def _edit(
        self, http: HTTPClient, guild_id: int, scheduled_id: int, publication: Publication
    ) -> bool:
        """Changes what differs; tells whether the event is there at all."""
        place = {"guild_id": guild_id, "scheduled_id": scheduled_id}
        try:
            shown = mapping(await ask_once(http, "GET", ONE, place), "scheduled event")
            changed = changes_of(publication, shown)
            if changed:
                await ask_once(http, "PATCH", ONE, place, json=changed, reason=REASON)
        except discord.NotFound as error:
            if not is_unknown_event(error):
                raise
            return False
        return True

    async def _find(
        self, client: discord.Client, guild_id: int, publication: Publication
    ) -> int | None:
        """Finds the event among this bot's, of those that show no other event of ours."""
        listed = await ask_once(client.http, "GET", ALL, {"guild_id": guild_id})
        own_id = None if client.user is None else client.user.id
        taken = await self._writer.run(at_database, publishing.taken, guild_id)
        for entry in listed if isinstance(listed, list) else []:
            record = _readable(entry, guild_id=guild_id, own_id=own_id)
            if record is None or record.id in taken:
                continue
            if record.status in {SCHEDULED, ACTIVE} and publication.is_shown_by(record):
                return record.id
        return None


def body_of(publication: Publication) -> dict[str, Any]:
    """Gives what Discord is to make."""
    return {
        "name": publication.name,
        "description": publication.description,
        "privacy_level": GUILD_ONLY,
        "scheduled_start_time": publication.starts_at.isoformat(),
        "scheduled_end_time": publication.ends_at.isoformat(),
        **_place_of(publication),
    }


def changes_of(publication: Publication, shown: Payload) -> dict[str, Any]:
    """Gives what Discord is to change of an event that it shows.

    Only what differs: Discord refuses a start that has passed, or that of an event that
    has begun, though it be the same.
    """
    record = scheduled_record(shown, guild_id=0, own_id=None)
    changed: dict[str, Any] = {}
    if record.title != publication.name:
        changed["name"] = publication.name
    if record.description != publication.description:
        changed["description"] = publication.description
    if record.starts_at != publication.starts_at and record.status == SCHEDULED:
        changed["scheduled_start_time"] = publication.starts_at.isoformat()
    if record.ends_at != publication.ends_at:
        changed["scheduled_end_time"] = publication.ends_at.isoformat()
    metadata = shown.get("entity_metadata")
    location = metadata.get("location", "") if isinstance(metadata, dict) else ""
    place = shown.get("entity_type"), record.channel_id, location
    if place != (publication.kind, publication.channel_id, publication.location):
        changed |= _place_of(publication)
        if publication.kind == EXTERNAL:
            changed["scheduled_end_time"] = publication.ends_at.isoformat()
    return changed


def _place_of(publication: Publication) -> dict[str, Any]:
    if publication.kind == EXTERNAL:
        return {
            "entity_type": EXTERNAL,
            "channel_id": None,
            "entity_metadata": {"location": publication.location},
        }
    return {"entity_type": publication.kind, "channel_id": str(publication.channel_id)}


def _readable(entry: object, *, guild_id: int, own_id: int | None) -> ScheduledRecord | None:
    try:
        return scheduled_record(mapping(entry, "scheduled event"), guild_id=guild_id, own_id=own_id)
    except UnreadableError:
        return None


UNKNOWN_EVENT: Final = 10070


def is_unknown_event(error: discord.HTTPException) -> bool:
    """Tells whether Discord says that there is no such event; any other 404 is about more."""
    return error.status == HTTPStatus.NOT_FOUND and error.code == UNKNOWN_EVENT
