"""Channels and the permission overwrites on them."""

from __future__ import annotations

from django.db import models

from community.models.guild import Guild


class ChannelKind(models.IntegerChoices):
    """Discord's channel types that Rollcall mirrors; the values are Discord's."""

    TEXT = 0, "text"
    VOICE = 2, "voice"
    CATEGORY = 4, "category"
    ANNOUNCEMENT = 5, "announcement"
    STAGE = 13, "stage"
    FORUM = 15, "forum"
    MEDIA = 16, "media"


class Channel(models.Model):
    """A channel of a guild, mirrored from the gateway and marked gone rather than deleted."""

    id = models.BigIntegerField(primary_key=True, help_text="Discord's id (snowflake).")
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="channels"
    )
    kind = models.PositiveSmallIntegerField(choices=ChannelKind, help_text="Discord's type.")
    name = models.CharField(max_length=100)
    position = models.IntegerField(default=0, help_text="Order among its siblings.")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="children",
        help_text="The category that it stands in.",
    )
    bitrate = models.PositiveIntegerField(null=True, blank=True, help_text="Bits a second.")
    user_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most members at once; 0 for no limit."
    )
    rtc_region = models.CharField(
        max_length=32, blank=True, help_text="Voice region; empty where Discord chooses."
    )
    gone_at = models.DateTimeField(null=True, blank=True, help_text="When it was deleted.")

    class Meta:
        ordering = ["guild_id", "position", "id"]

    def __str__(self) -> str:
        return self.name


class OverwriteTarget(models.IntegerChoices):
    """Whom an overwrite speaks of; the values are Discord's."""

    ROLE = 0, "role"
    MEMBER = 1, "member"


class Overwrite(models.Model):
    """What one role or member may do in one channel, apart from what their roles say."""

    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, db_constraint=False, related_name="overwrites"
    )
    target_kind = models.PositiveSmallIntegerField(choices=OverwriteTarget)
    target_id = models.BigIntegerField(help_text="Id of the role or of the member's user.")
    allow = models.BigIntegerField(default=0, help_text="Permission bits that are granted.")
    deny = models.BigIntegerField(default=0, help_text="Permission bits that are refused.")

    class Meta:
        ordering = ["channel_id", "target_kind", "target_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "target_id"], name="overwrite_one_for_channel_and_target"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_target_kind_display()} {self.target_id}"
