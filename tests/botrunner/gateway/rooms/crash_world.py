"""The sandbox's world held against the rows: what is amiss, in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.db.models import Q

from botrunner.domain.rooms.room import OPEN
from botrunner.models import Hub, QuarantinedChannel, Room, RoomRules, RoomStep
from botrunner.sandbox.audit import AuditAction
from botrunner.sandbox.interaction import Interaction
from botrunner.services.rooms.plans import overwrites_for
from botrunner.services.rooms.requests import position_of
from botrunner.services.rooms.status import panel_text, status_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from botrunner.sandbox.entities import Channel, Guild
    from botrunner.sandbox.message import Message
    from botrunner.sandbox.server import Sandbox

PASSING: Final = frozenset({"requested", "creating", "closing"})
"""States in which no room stays by itself."""
LEFT_OVER: Final = "is ours; rows that name it:"
WISHES: Final = {
    "room rename": "RenameAsked",
    "room limit": "LimitAsked",
    "room lock": "LockAsked",
    "room unlock": "UnlockAsked",
    "room invite": "InviteAsked",
    "room kick": "KickAsked",
    "close": "CloseAsked",
}
"""What a room's story calls what a member asks for."""


@dataclass
class Others:
    """Channels that are nobody's of ours, as they were."""

    guild: Guild
    sandbox: Sandbox
    ours: set[int] = field(default_factory=set)
    known: dict[int, bytes] = field(default_factory=dict)

    said: dict[int, list[int]] = field(default_factory=dict)

    def take(self, *channels: Channel) -> None:
        """Takes down how channels are, and what was said in them so far."""
        for channel in channels:
            self.said[channel.id] = list(self.sandbox.world.chats.get(channel.id, {}))
            self.known[channel.id] = self._shown(channel)

    def forget(self, channel_id: int) -> None:
        """A channel is to be watched no more."""
        del self.known[channel_id], self.said[channel_id]

    def touched(self) -> Iterator[str]:
        """Says which of them are not as they were."""
        for channel_id, former in self.known.items():
            channel = self.guild.channels.get(channel_id)
            if channel is None:
                yield f"channel {channel_id} of others is gone"
            elif self._shown(channel) != former:
                yield f"channel {channel_id} of others is {self._shown(channel)!r}, was {former!r}"

    def _shown(self, channel: Channel) -> bytes:
        chat = self.sandbox.world.chats.get(channel.id, {})
        said = [chat[each].payload() for each in self.said[channel.id] if each in chat]
        return orjson.dumps([channel.payload(), said])


class Truth:
    """One look at rows and world."""

    def __init__(
        self,
        sandbox: Sandbox,
        guild: Guild,
        others: Others,
        asked: list[Interaction | Message],
        *,
        since: datetime,
    ) -> None:
        """Reads the rows.

        Args:
            sandbox: the world's.
            guild: where.
            others: channels of others.
            asked: what members have asked for.
            since: of rooms that are over, those asked for since then.
        """
        self.sandbox = sandbox
        self.world = sandbox.world
        self.guild = guild
        self.others = others
        self.asked = asked
        self.bot_id = self.world.bot.id
        for entry in guild.audit_log:
            is_made = entry["action_type"] == AuditAction.CHANNEL_CREATE
            if is_made and entry["user_id"] == str(self.bot_id):
                others.ours.add(int(entry["target_id"]))
        wanted = Q(ended_at=None) | Q(requested_at__gte=since)
        rows = Room.objects.filter(wanted).select_related("hub")
        self.rows = list(rows.order_by("requested_at", "id"))
        self.live = [row for row in self.rows if row.ended_at is None]
        self.open = [row for row in self.live if row.state in OPEN]
        self.standing = others.ours & guild.channels.keys()

    def problems(self) -> list[str]:
        """Says all that is amiss; nothing where all is well."""
        return [
            *self.others.touched(),
            *self._rows_and_channels(),
            *self._of_members(),
            *self._of_open_rooms(),
            *self._of_seat(),
            *self._of_messages(),
            *self._of_requests(),
        ]

    # Rows and channels ------------------------------------------------------------------

    def _rows_and_channels(self) -> Iterator[str]:
        named = Counter(row.channel_id for row in self.live if row.channel_id is not None)
        in_quarantine = set(
            QuarantinedChannel.objects.filter(state="open").values_list("channel_id", flat=True)
        )
        for channel_id in self.standing:
            if named[channel_id] != 1 and channel_id not in in_quarantine:
                yield f"channel {channel_id} {LEFT_OVER} {named[channel_id]}"
        for row in self.live:
            if row.state in PASSING:
                yield f"room {row.pk} is {row.state} ({row.error} {row.failures})"
            if row.channel_id is not None and row.channel_id not in self.guild.channels:
                yield f"room {row.pk} is {row.state}, and its channel is gone"
            if row.state in OPEN and row.channel_id is None:
                yield f"room {row.pk} is {row.state}, and has no channel"

    def _of_members(self) -> Iterator[str]:
        owners = Counter(row.owner_id for row in self.live if row.kind == "private")
        for owner_id, rooms in owners.items():
            if rooms > 1:
                yield f"member {owner_id} has {rooms} rooms"
        rules = RoomRules.objects.filter(pk=self.guild.id).first()
        holding = Room.objects.holding_slots().count()
        if Room.objects.queued().exists() and holding < (rules.most_rooms if rules else 1):
            yield f"somebody waits in the queue, though only {holding} slots are taken"
        hubs = set(Hub.objects.values_list("channel_id", flat=True))
        for user_id, state in self.guild.voice_states.items():
            if state.channel_id in hubs:
                yield f"member {user_id} was left in the hub"

    def _of_open_rooms(self) -> Iterator[str]:
        for row in self.open:
            channel = self.guild.channels.get(row.channel_id or 0)
            if channel is None:
                continue
            inside = [
                user_id
                for user_id in self.guild.in_channel(channel.id)
                if not self.guild.members[user_id].user.bot
            ]
            if bool(inside) != (row.state == "occupied"):
                yield f"room {row.pk} is {row.state} with {len(inside)} inside"
            is_given = row.kind != "private" or row.creations  # one that was adopted keeps its own
            wanted = overwrites_for(row, parent_id=row.parent_id, bot_id=self.bot_id)
            if is_given and _bits(wanted) != _bits(channel.overwrites):
                yield f"room {row.pk} lets others in than it is to"
            if (channel.name, channel.user_limit) != (row.name, row.user_limit):
                yield f"room {row.pk} is {channel.name!r} for {channel.user_limit}"
            panels = [each for each in self._chat(channel.id) if each.fields.get("components")]
            if [each.fields["content"] for each in panels] != [panel_text(row)]:
                yield f"room {row.pk} has {len(panels)} panels, or a wrong one"

    def _of_seat(self) -> Iterator[str]:
        wanting = [row.channel_id for row in self.open if row.bot_joins]
        state = self.guild.voice_states.get(self.bot_id)
        where = None if state is None else state.channel_id
        if not wanting:
            if where is not None:
                yield f"the bot sits in {where}, which is no room"
            return
        place = self.sandbox.voice_servers.places.get(self.guild.id)
        is_connected = place is not None and place.conversation is not None and place.is_described
        if where not in wanting or not is_connected:
            yield f"the bot sits in {where}, not in one of {wanting} (connected: {is_connected})"

    # What members read ------------------------------------------------------------------

    def _of_messages(self) -> Iterator[str]:
        for row in self.rows:
            if row.asked_in_id is None:
                continue
            text = status_text(row, position_of(row) if row.state == "queued" else None)
            shown = self._status(row)
            if shown is None or shown.fields.get("content") != text:
                yield f"room {row.pk}: its status is not {text!r}: {shown and shown.fields}"
            if row.channel_id is None:
                continue
            told = [
                each
                for each in self._chat(row.asked_in_id)
                if f"<#{row.channel_id}>" in each.fields.get("content", "") and each is not shown
            ]
            if told:
                yield f"room {row.pk} is told of in {len(told) + 1} messages"

    def _status(self, row: Room) -> Message | None:
        for each in self._chat(row.asked_in_id or 0):
            if each.id == row.status_message_id:
                return each
        return None

    def _of_requests(self) -> Iterator[str]:
        now = self.world.clock()
        for asked in self.asked:
            if isinstance(asked, Interaction):
                yield from self._of_interaction(asked, now)
            else:
                yield from self._of_message(asked)

    def _of_interaction(self, used: Interaction, now: datetime) -> Iterator[str]:
        state = used.state(now)
        if state == "waiting":
            yield f"{used.name} is not answered yet"
        if used.name == "voice":
            if state == "thinking":
                yield f"{used.name} of {used.user_id}: {self._row_of(used)} is thought about"
        elif state == "thinking" and not self._is_done(used):
            yield f"{used.name} of {used.user_id} is forgotten"

    def _of_message(self, said: Message) -> Iterator[str]:
        """Whoever wrote ``!voice`` is answered, or no bot has noted it."""
        answers = [
            each
            for each in self._chat(said.channel_id)
            if each.beside.get("message_reference", {}).get("message_id") == str(said.id)
        ]
        row = self._row_of(said)
        if row is None and answers:
            words = [each.fields["content"] for each in answers]
            if any("is noted" in each for each in words):
                yield f"message {said.id} was answered {words}, and no room was asked for"
        if row is not None and self._status(row) is None:
            yield f"room {row.pk} is told to nobody"

    def _row_of(self, asked: Interaction | Message) -> Room | None:
        if isinstance(asked, Interaction):
            user_id, made = asked.user_id, asked.made
        else:
            user_id, made = asked.author.id, asked.written
        return next(
            (row for row in self.rows if row.owner_id == user_id and row.requested_at >= made), None
        )

    def _is_done(self, used: Interaction) -> bool:
        return RoomStep.objects.filter(
            happening=WISHES[used.name], actor_id_on_discord=used.user_id, at__gte=used.made
        ).exists()

    def _chat(self, channel_id: int) -> list[Message]:
        return [
            each
            for each in self.world.chats.get(channel_id, {}).values()
            if each.author.id == self.bot_id
        ]


def _bits(overwrites: Any) -> dict[int, tuple[int, int]]:
    return {each.target_id: (each.allow, each.deny) for each in overwrites}
