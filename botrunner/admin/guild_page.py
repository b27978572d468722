"""A guild's rooms on one page: what is in the way, who waits, what is there, what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from botrunner.admin.pages import CHANGE_RULES, address
from botrunner.admin.rows import STATE_LABELS, category_name, length_of, on_discord
from botrunner.models import Hub, QuarantinedChannel, QuarantineState, Room, RoomState
from botrunner.services.rooms.preflight import preflight_places
from botrunner.services.rooms.rules import rules_of
from community.admin.pages import Names
from community.admin.showing import link_to, link_to_list, moment
from community.domain.durations import in_words
from community.services.bot_facts import bot_of

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from django.db.models import Model
    from django.http import HttpResponse

    from botrunner.models import RoomRules
    from community.admin.pages import Asker

MOST_ROOMS: Final = 200
"""How many rooms the page names in each of its tables; the rest are in the list."""
LISTS: Final[tuple[tuple[type[Model], str], ...]] = (
    (Room, "all rooms of this guild"),
    (Hub, "hubs"),
    (QuarantinedChannel, "quarantine"),
)


def guild_page(asker: Asker, guild_id: int) -> HttpResponse:
    """Shows a guild's rooms now."""
    guild = asker.guild(guild_id)
    zone, rules = guild.zone, rules_of(guild_id)
    of_guild = Room.objects.filter(guild_id=guild_id)
    queue = list(of_guild.queued()[:MOST_ROOMS])
    there = of_guild.live().exclude(state=RoomState.QUEUED)
    live = list(there.order_by("requested_at", "id")[:MOST_ROOMS])
    names = Names(guild_id, {room.owner_id for room in [*queue, *live]})
    suspects = QuarantinedChannel.objects.filter(guild_id=guild_id, state=QuarantineState.OPEN)
    return asker.render(
        "guild.html",
        f"Rooms of {guild}",
        guild=guild,
        guild_link=link_to(guild),
        is_off=not settings.ENABLE_VOICE_FEATURES,
        checks=preflight_places(guild_id, bot_id=bot_of(guild_id, now=asker.now).user_id),
        figures=[
            ("made or on their way", there.count()),
            ("slots taken", f"{of_guild.holding_slots().count()} of {rules.most_rooms}"),
            ("in the queue", of_guild.queued().count()),
            ("in quarantine", suspects.count() + of_guild.filter(state="quarantined").count()),
        ],
        queue=[
            (number, link_to(room), names.link(room.owner_id), *_since(room, zone, asker.now))
            for number, room in enumerate(queue, start=1)
        ],
        live=[_live_line(room, names, asker.now) for room in live],
        most=MOST_ROOMS,
        lists=[
            link_to_list(model, words, guild=guild_id)
            for model, words in LISTS
            if asker.may(f"botrunner.view_{model._meta.model_name}")
        ],
        facts=facts_of_rules(rules),
        change=address("guild_rules", guild_id) if asker.may(CHANGE_RULES) else "",
    )


def _since(room: Room, zone: tzinfo, now: datetime) -> tuple[Any, str]:
    return moment(room.requested_at, zone), in_words((now - room.requested_at).total_seconds())


def _live_line(room: Room, names: Names, now: datetime) -> dict[str, Any]:
    state = RoomState(room.state)
    return {
        "room": link_to(room),
        "owner": names.link(room.owner_id),
        "state": state.label,
        "label": STATE_LABELS[state],
        "kind": room.get_kind_display(),
        "length": length_of(room, now=now),
        "discord": on_discord(room.guild_id, room.channel_id),
    }


def facts_of_rules(rules: RoomRules) -> list[tuple[str, str]]:
    """Says what a guild has chosen."""
    seconds = settings.VOICE_TIMEOUT
    waiting = in_words(rules.timeout_seconds or seconds)
    return [
        ("rooms on demand", "members may ask for them" if rules.is_enabled else "switched off"),
        ("rooms at once", str(rules.most_rooms)),
        ("their name", rules.name_template),
        ("made in", category_name(rules.parent_id) if rules.parent_id else "no category"),
        ("time to come", waiting if rules.timeout_seconds else f"{waiting}, as VOICE_TIMEOUT says"),
        ("grace", in_words(rules.grace_seconds) if rules.grace_seconds else "none"),
        ("the bot joins", "yes, the oldest of them" if rules.bot_joins else "no"),
        ("when Rollcall stops", "rooms end" if rules.closes_at_shutdown else "rooms stay"),
    ]
