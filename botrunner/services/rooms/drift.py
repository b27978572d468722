"""What rooms bring to the drift console: what is orphaned, and what the bot may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from botrunner.domain.rooms.sweep import What
from botrunner.models import Hub, Room, RoomRules
from botrunner.rest import DiscordRest
from botrunner.rest_errors import NoTokenError
from botrunner.services.rooms.preflight import UNKNOWN_BOT, preflight_places
from botrunner.services.rooms.staff_permission import CLOSE
from botrunner.services.rooms.sweep import SweepRunsError, look_at_all, sweep_all
from community.models import Guild
from community.services import audit
from community.services.bot_facts import bot_of
from sessions_app.registry import DriftFinding, DriftLook

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.contrib.auth.models import User

    from botrunner.services.rooms.sweep import Done, GuildSweep

SWEEP: Final = "rooms.sweep"
"""What the audit trail calls a sweep by hand."""
PATIENCE_SECONDS: Final = 10.0
"""For how long a page waits for Discord."""
MOST_GUILDS: Final = 20
"""How many guilds' permissions are looked at on a page of all."""

_WHAT: Final = {
    What.FORGET: "room without a channel",
    What.BIND: "channel without its room",
    What.DELETE: "orphaned channel",
    What.QUARANTINE: "looks like ours",
}


class OrphanedRooms:
    """Channels of ours without a live room, and rooms without a channel."""

    key: str = "rooms"
    title: str = "Orphaned rooms"
    about: str = (
        "Discord is asked for the channels of the guilds that had rooms, bot running or not. "
        "Mending deletes only channels that a room's row names or whose creation our bot's entry "
        "in the audit log marks; what merely looks like ours goes to the quarantine."
    )
    view_permission: str = "botrunner.view_room"
    mend_permission: str = CLOSE
    asks_discord: bool = True

    def look(self, guild_ids: Collection[int] | None, *, now: datetime) -> DriftLook:
        """Sweeps without doing anything."""
        if not settings.DISCORD_TOKEN:
            return DriftLook(notes=(str(NoTokenError()),))
        with DiscordRest(most_seconds=PATIENCE_SECONDS) as rest:
            return _look_of(look_at_all(rest=rest, now=now, among=guild_ids))

    def mend(
        self,
        guild_ids: Collection[int] | None,
        *,
        now: datetime,
        actor: User,
        reason: str,
    ) -> DriftLook:
        """Sweeps, and leaves an entry in the audit trail of each guild where it did something."""
        if not settings.DISCORD_TOKEN:
            return DriftLook(notes=(str(NoTokenError()),))
        with DiscordRest(most_seconds=PATIENCE_SECONDS) as rest:
            try:
                swept = sweep_all(rest=rest, now=now, among=guild_ids)
            except SweepRunsError as error:
                return DriftLook(notes=(str(error),))
        mended = {each.guild_id: each for each in swept if each.done}
        for guild in Guild.objects.filter(pk__in=mended):
            of_guild = mended[guild.pk]
            audit.record(
                actor=actor,
                action=SWEEP,
                target=guild,
                guild_id=guild.pk,
                reason=reason,
                before={},
                after={"done": of_guild.done, "found": len(of_guild.found)},
                at=now,
            )
        return _look_of(swept)


class RoomPermissions:
    """What the bot lacks where rooms are made."""

    key: str = "room-permissions"
    title: str = "Permissions for rooms"
    about: str = (
        "What the bot lacks where rooms are made, by what it last saw of the guild. It is changed "
        "on Discord, in the settings of the server or of the category."
    )
    view_permission: str = "botrunner.view_room"
    mend_permission: str = ""
    asks_discord: bool = False

    def look(self, guild_ids: Collection[int] | None, *, now: datetime) -> DriftLook:
        """Looks at the mirrored rows; at the guilds with rooms where no guild is chosen."""
        chosen = _guilds_of_rooms(guild_ids)
        findings, notes = [], []
        for guild in chosen[:MOST_GUILDS]:
            for check in preflight_places(guild.pk, bot_id=bot_of(guild.pk, now=now).user_id):
                if check.lacks == (UNKNOWN_BOT,):
                    notes.append(f"{guild}: {UNKNOWN_BOT.words}")
                    continue
                findings += [
                    DriftFinding(
                        guild.pk,
                        "in the way" if lack.blocks else "of less use",
                        check.place,
                        lack.words,
                    )
                    for lack in check.lacks
                ]
        if len(chosen) > MOST_GUILDS:
            notes.append(f"Only {MOST_GUILDS} guilds are shown: see the others' own pages.")
        return DriftLook(tuple(findings), notes=tuple(notes))

    def mend(
        self,
        guild_ids: Collection[int] | None,
        *,
        now: datetime,
        actor: User,
        reason: str,
    ) -> DriftLook:
        """Mends nothing: what the bot may not do it cannot give itself."""
        del actor, reason
        return self.look(guild_ids, now=now)


def _guilds_of_rooms(guild_ids: Collection[int] | None) -> list[Guild]:
    """Gives those to look at, and one more where they are more than are shown."""
    present = Guild.objects.present()
    if guild_ids is not None:
        present = present.filter(pk__in=guild_ids)
    if guild_ids is None or len(guild_ids) > 1:
        using = {
            *Room.objects.order_by().values_list("guild_id", flat=True).distinct(),
            *Hub.objects.order_by().values_list("guild_id", flat=True).distinct(),
            *RoomRules.objects.values_list("guild_id", flat=True),
        }
        present = present.filter(pk__in=using)
    return list(present.order_by("name", "id")[: MOST_GUILDS + 1])


def _look_of(swept: list[GuildSweep]) -> DriftLook:
    findings = [_finding(guild.guild_id, each) for guild in swept for each in guild.found]
    known = Guild.objects.in_bulk([each.guild_id for each in swept if each.error is not None])
    return DriftLook(
        findings=tuple(findings),
        to_mend=len(findings) - sum(guild.done for guild in swept),
        notes=tuple(
            f"{known.get(each.guild_id, each.guild_id)}: {each.error}"
            for each in swept
            if each.error is not None
        ),
    )


def _finding(guild_id: int, done: Done) -> DriftFinding:
    channel_id = done.action.channel_id
    where = f"{done.name} ({channel_id})" if done.name else f"channel {channel_id}"
    if channel_id is None:
        where = f"room {done.action.room_id}"
    why = done.action.why if done.error is None else f"{done.action.why}; but: {done.error}"
    return DriftFinding(guild_id, _WHAT[done.action.what], where, why[:1].upper() + why[1:])
