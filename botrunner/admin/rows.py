"""How rooms are put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html

from botrunner.models import QuarantineState, RoomReason, RoomState
from botrunner.services.rooms import troubles
from botrunner.services.rooms.staff import TOLD_TO_TRY
from community.admin.showing import NOTHING, moment
from community.domain.durations import in_words
from community.models import Channel

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from django.utils.safestring import SafeString

    from botrunner.models import Room

STATE_LABELS: Final = {
    RoomState.REQUESTED: "info",
    RoomState.QUEUED: "info",
    RoomState.CREATING: "info",
    RoomState.WAITING: "warning",
    RoomState.OCCUPIED: "success",
    RoomState.GRACE: "warning",
    RoomState.CLOSING: "warning",
    RoomState.CLOSED: "",
    RoomState.FAILED: "danger",
    RoomState.QUARANTINED: "danger",
}
QUARANTINE_LABELS: Final = {
    QuarantineState.OPEN: "warning",
    QuarantineState.ADOPTED: "success",
    QuarantineState.LEFT_ALONE: "",
    QuarantineState.DELETED: "",
    QuarantineState.GONE: "",
}

HAPPENINGS: Final = {
    "Queued": "no slot was free",
    "Admitted": "its turn came",
    "Denied": "it cannot be had",
    "CreationAsked": "its channel was about to be asked for",
    "ChannelMade": "its channel was there",
    "CreationRefused": "Discord refused its channel",
    "CreationNotSent": "its channel could not be asked for",
    "CreationUnanswered": "Discord did not answer",
    "MarkNotFound": "the audit log has no mark of it",
    "MarkNotToBeHad": "the audit log may not be read",
    "Counted": "members were counted in it",
    "TimeIsUp": "its time was up",
    "Extended": "it was given more time",
    "CloseAsked": "it was to end",
    "ChannelGone": "its channel was gone",
    "DeletionFailed": "its channel could not be deleted",
    "Adopted": "it was adopted",
    "LetGo": "it was let go",
    TOLD_TO_TRY: "it was to be tried again at once",
    "OwnerNotMoved": "its owner could not be moved into it",
    "RenameAsked": "its owner gave it another name",
    "LimitAsked": "its owner set how many may be in it",
    "LockAsked": "its owner locked it",
    "UnlockAsked": "its owner took the lock back",
    "InviteAsked": "its owner invited somebody",
    "KickAsked": "its owner shut somebody out",
    "TransferAsked": "its owner handed it over",
    "ClaimAsked": "somebody took it over",
    "Applied": "Discord did what was wanted of it",
    "NotApplied": "Discord did not do what was wanted of it",
    "Renamed": "it was renamed on Discord",
    "NotRenamed": "it could not be renamed on Discord",
    troubles.STATUS_WAITS: "the asker's message waits for Discord",
    troubles.STATUS_GONE: "the asker's message cannot be written any more",
    troubles.BUTTONS_WAIT: "its buttons wait for Discord",
    troubles.BUTTONS_REFUSED: "its buttons could not be written",
    troubles.RENAME_WAITS: "its new name waits for Discord",
    troubles.CHANGE_WAITS: "what was wanted of Discord waits",
    troubles.MOVE_WAITS: "moving its owner waits for Discord",
    troubles.NOT_SEATED: "the bot could not join it",
}


def what_happened(name: str) -> str:
    """Puts a happening into words; one that has none yet is named as it is."""
    return HAPPENINGS.get(name, name)


_PLAIN: Final = {
    RoomState.REQUESTED: "It was asked for a moment ago, and waits to be let in.",
    RoomState.OCCUPIED: "Somebody is in it. It ends when the last of them leaves.",
    RoomState.QUARANTINED: "Rollcall cannot go on by itself. Adopt it, let it go, or delete its "
    "channel.",
}
_TIMED: Final = {
    RoomState.WAITING: "Nobody has come yet. It ends at {}.",
    RoomState.GRACE: "The last person left. It ends at {}, unless somebody comes back.",
}


def standing(room: Room, *, position: int | None, zone: tzinfo) -> SafeString | str:
    """Says where a room is in its life, in a sentence or two."""
    state = RoomState(room.state)
    if state in _PLAIN:
        return _PLAIN[state]
    if state in _TIMED:
        return format_html(_TIMED[state], moment(room.due_at, zone))
    if state in {RoomState.CREATING, RoomState.CLOSING}:
        return _with_wait(_doing(room), room, zone)
    if state == RoomState.QUEUED:
        place = f" It is number {position} in the queue." if position else ""
        return f"It waits until another room is over.{place}"
    if state == RoomState.FAILED:
        return f"It could not be made: {said_of(room)}"
    return f"It is over: {reason_of(room)}."


def _doing(room: Room) -> str:
    """Says what is to be done for it on Discord."""
    if room.state == RoomState.CREATING:
        if room.asked_at is None:
            return "Its channel is about to be asked for."
        return (
            "Its channel was asked for, and Discord has not answered: whether it was made is "
            "looked up in the audit log."
        )
    if room.channel_id is None:
        return "It ends. Its channel may have been made all the same, and is looked for."
    return "It ends: its channel is about to be deleted."


def _with_wait(words: str, room: Room, zone: tzinfo) -> SafeString | str:
    if room.next_try_at is None or not room.failures:
        return words
    times = "once" if room.failures == 1 else f"{room.failures} times"
    return format_html(
        "{} That failed {}; the next try is at {}.", words, times, moment(room.next_try_at, zone)
    )


def reason_of(room: Room) -> str:
    """Says why a room ended; a dash while it has not."""
    if room.reason:
        return str(RoomReason(room.reason).label)
    return said_of(room) if room.state == RoomState.FAILED else NOTHING


def reason_in_words(reason: str) -> str:
    """Puts the reason of a step into words, where it is one of the ends that rooms have."""
    return str(dict(RoomReason.choices).get(reason, reason)) or NOTHING


def said_of(room: Room) -> str:
    """Gives what Discord said or what is missing, with its code; a dash for nothing."""
    if not room.error:
        return NOTHING
    return f"{room.error_text} ({room.error})" if room.error_text else room.error


def length_of(room: Room, *, now: datetime) -> str:
    """Says how long a room has been there, or was; before there is one, since when it waits."""
    if room.made_at is None:
        until = room.ended_at or now
        waited = in_words(max(0.0, (until - room.requested_at).total_seconds()))
        return f"waited {waited}" if room.ended_at else f"waits {waited}"
    there = in_words(max(0.0, ((room.ended_at or now) - room.made_at).total_seconds()))
    return there if room.ended_at else f"{there} so far"


def on_discord(guild_id: int, channel_id: int | None, text: str = "") -> SafeString | str:
    """Links to a channel on Discord."""
    if channel_id is None:
        return NOTHING
    return format_html(
        '<a class="rc-link" href="https://discord.com/channels/{}/{}" target="_blank" '
        'rel="noopener noreferrer">{}</a>',
        guild_id,
        channel_id,
        text or channel_id,
    )


def category_name(category_id: int) -> str:
    """Gives a category's name, as far as it is known."""
    category = Channel.objects.filter(pk=category_id).first()
    return category.name if category is not None else f"category {category_id}"


def facts_of(*facts: tuple[str, Any]) -> list[tuple[str, Any]]:
    """Keeps the facts that say something."""
    return [(name, fact) for name, fact in facts if fact not in ("", None, NOTHING)]
