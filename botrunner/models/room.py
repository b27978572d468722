"""Rooms: temporary voice channels of members' own, and every step of their lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from botrunner.domain.rooms import room as domain
from botrunner.models.hub import Hub
from community.models import Guild
from community.models.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable


class RoomKind(models.TextChoices):
    """How a room came about."""

    PRIVATE = domain.Kind.PRIVATE.value, "asked for"
    HUB = domain.Kind.HUB.value, "from a hub"


class RoomState(models.TextChoices):
    """Where a room is in its life."""

    REQUESTED = domain.State.REQUESTED.value, "requested"
    QUEUED = domain.State.QUEUED.value, "in the queue"
    CREATING = domain.State.CREATING.value, "being made"
    WAITING = domain.State.WAITING.value, "waiting for its owner"
    OCCUPIED = domain.State.OCCUPIED.value, "occupied"
    GRACE = domain.State.GRACE.value, "empty, about to close"
    CLOSING = domain.State.CLOSING.value, "closing"
    CLOSED = domain.State.CLOSED.value, "closed"
    FAILED = domain.State.FAILED.value, "failed"
    QUARANTINED = domain.State.QUARANTINED.value, "in quarantine"


class RoomReason(models.TextChoices):
    """Why a room ended."""

    TIMEOUT = domain.Reason.TIMEOUT.value, "nobody came in time"
    EMPTY = domain.Reason.EMPTY.value, "the last person left"
    ASKED = domain.Reason.ASKED.value, "its owner closed it"
    STAFF = domain.Reason.STAFF.value, "staff closed it"
    SHUTDOWN = domain.Reason.SHUTDOWN.value, "Rollcall stopped"
    CHANNEL_DELETED = domain.Reason.CHANNEL_DELETED.value, "its channel was deleted"
    OWNER_GONE = domain.Reason.OWNER_GONE.value, "who asked for it had gone"
    BOT_REMOVED = domain.Reason.BOT_REMOVED.value, "the guild removed the bot"
    LET_GO = domain.Reason.LET_GO.value, "staff kept its channel"


TO_COME = [state.value for state in sorted(domain.TO_COME)]
OPEN = [state.value for state in sorted(domain.OPEN)]
ENDING = [state.value for state in sorted(domain.ENDING)]
OVER = [state.value for state in sorted(domain.OVER)]
HOLDS_SLOT = [state.value for state in sorted(domain.HOLDS_SLOT)]

ONE_FOR_EACH_CHANNEL = "room_one_live_for_each_channel"
ONE_FOR_EACH_MEMBER = "room_one_private_for_each_member"
"""Constraints: of two who want the same at once, the database lets one have it."""


class RoomQuerySet(models.QuerySet["Room"]):
    """Rooms by what they mean to us."""

    def live(self) -> RoomQuerySet:
        """Those to which something is still to come; those in quarantine are among them."""
        return self.exclude(state__in=OVER)

    def open(self) -> RoomQuerySet:
        """Those in which people may be."""
        return self.filter(state__in=OPEN)

    def kept(self) -> RoomQuerySet:
        """Live ones that do not end."""
        return self.live().exclude(state__in=ENDING)

    def of_their_own(self, guild_id: int, owner_id: int) -> RoomQuerySet:
        """The one on demand of which a member has no second; none, where they may ask for one."""
        return self.kept().filter(guild_id=guild_id, owner_id=owner_id, kind=RoomKind.PRIVATE)

    def locked(self) -> RoomQuerySet:
        """Locked until the caller's transaction ends; each with its hub, which is not."""
        return self.select_for_update(of=("self",)).select_related("hub")

    def holding_slots(self) -> RoomQuerySet:
        """Those on demand that count against the limits of simultaneous rooms."""
        return self.filter(kind=RoomKind.PRIVATE, state__in=HOLDS_SLOT)

    def queued(self) -> RoomQuerySet:
        """Those that wait for their turn, whose turn comes first in front."""
        return self.filter(state=RoomState.QUEUED).order_by("requested_at", "id")

    def in_channels(self, channel_ids: Iterable[int]) -> RoomQuerySet:
        """Live ones whose channel is among these."""
        return self.live().filter(channel_id__in=list(channel_ids))

    def for_changelist(self) -> RoomQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries."""
        return self.select_related("hub").prefetch_related("guild")


class Room(models.Model):
    """A member's own voice channel, from the request to its end; kept afterwards."""

    id = models.UUIDField(
        primary_key=True,
        default=new_id,
        editable=False,
        help_text="Stands in the audit log's reason of the channel's creation.",
    )
    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="rooms",
    )
    owner_id = models.BigIntegerField("owner", help_text="User id of the member whose room it is.")
    kind = models.CharField(max_length=16, choices=RoomKind)
    hub = models.ForeignKey(
        Hub, null=True, blank=True, on_delete=models.SET_NULL, related_name="rooms"
    )
    state = models.CharField(max_length=16, choices=RoomState, default=RoomState.REQUESTED)

    # Its channel -------------------------------------------------------------------------
    channel_id = models.BigIntegerField(
        "channel", null=True, blank=True, help_text="The channel's id; empty before there is one."
    )
    name = models.CharField(max_length=100, help_text="The channel's name as it is wanted.")
    name_applied = models.CharField(
        max_length=100, blank=True, help_text="As it was last given to Discord."
    )
    renamed_at = ArrayField(
        models.DateTimeField(),
        default=list,
        blank=True,
        help_text="When it was renamed lately; Discord takes two renames in ten minutes.",
    )
    parent_id = models.BigIntegerField(
        "category", null=True, blank=True, help_text="The category's id."
    )
    user_limit = models.PositiveSmallIntegerField(default=0, help_text="0 to 99; 0 for none.")
    bitrate = models.PositiveIntegerField(null=True, blank=True, help_text="Bits a second.")
    is_locked = models.BooleanField("locked", default=False)
    invited_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="User ids of those who may come in whatever else holds.",
    )
    kicked_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="User ids of those who may not come in again.",
    )
    move_owner_since = models.DateTimeField(
        null=True, blank=True, help_text="When its owner last entered the hub."
    )
    is_owner_moved = models.BooleanField(
        default=False, help_text="Whether they were moved into the room since, or cannot be."
    )
    bot_joins = models.BooleanField(default=False, help_text="Whether the bot sits in it.")

    # Its life ------------------------------------------------------------------------------
    creations = models.PositiveSmallIntegerField(
        default=0, help_text="How often its channel was asked for."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was asked for, while no answer has come."
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when it waits for somebody."
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="How often in a row what is to be done on Discord has failed."
    )
    next_try_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=32, choices=RoomReason, blank=True)
    error = models.CharField(max_length=64, blank=True, help_text="A code: why it failed.")
    error_text = models.CharField(
        max_length=300, blank=True, help_text="What Discord said, or what is missing."
    )
    requested_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, blank=True, help_text="When its channel was there.")
    ended_at = models.DateTimeField(null=True, blank=True)

    # What members see of it ------------------------------------------------------------------
    asked_in_id = models.BigIntegerField(
        null=True, blank=True, help_text="The channel in which it was asked for."
    )
    status_message_id = models.BigIntegerField(
        null=True, blank=True, help_text="The message that tells the asker how it stands."
    )
    status_token = models.CharField(
        max_length=300,
        blank=True,
        editable=False,
        help_text="The interaction's, by which that message is edited; empty once it is void.",
    )
    status_shown = models.TextField(
        blank=True, editable=False, help_text="What that message says now."
    )
    panel_message_id = models.BigIntegerField(
        null=True, blank=True, help_text="The message with the buttons, in the room's own chat."
    )

    objects = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel_id"],
                condition=~Q(state__in=OVER),
                name=ONE_FOR_EACH_CHANNEL,
            ),
            models.UniqueConstraint(
                fields=["guild", "owner_id"],
                condition=Q(kind="private") & ~Q(state__in=[*OVER, *ENDING]),
                name=ONE_FOR_EACH_MEMBER,
            ),
            models.CheckConstraint(
                condition=Q(channel_id=None) | Q(asked_at=None), name="room_asked_or_there"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "grace"], due_at__isnull=False)
                | (~Q(state__in=["waiting", "grace"]) & Q(due_at=None)),
                name="room_due_while_it_waits",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OVER, ended_at__isnull=False)
                | (~Q(state__in=OVER) & Q(ended_at=None)),
                name="room_ended_when_over",
            ),
        ]
        indexes = [
            models.Index(
                fields=["guild", "requested_at"], condition=~Q(state__in=OVER), name="room_live"
            ),
            models.Index(fields=["-requested_at", "-id"], name="room_newest"),
            models.Index(fields=["guild", "-requested_at"], name="room_of_guild"),
            models.Index(fields=["owner_id", "-requested_at"], name="room_of_owner"),
            models.Index(fields=["channel_id"], name="room_of_channel"),
            models.Index(fields=["state", "-requested_at"], name="room_in_state"),
            models.Index(fields=["reason", "-requested_at"], name="room_ended_for"),
        ]
        permissions = [
            ("close_room", "Can close rooms and decide about the quarantine"),
        ]

    def __str__(self) -> str:
        return self.name or f"room of user {self.owner_id}"


class RoomStep(models.Model):
    """One transition of a room: the story that staff read."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    happening = models.CharField(max_length=32, help_text="What happened, such as ChannelMade.")
    former_state = models.CharField(max_length=16, choices=RoomState)
    state = models.CharField(max_length=16, choices=RoomState)
    reason = models.CharField(max_length=300, blank=True, help_text="Why, in words or a code.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Staff who did it in the admin.",
    )
    actor_id_on_discord = models.BigIntegerField(
        null=True, blank=True, help_text="User id of the member who did it on Discord."
    )

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.former_state} to {self.state}"
