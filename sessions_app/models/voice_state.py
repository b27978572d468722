"""Who is in voice now, and how."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from community.models import Channel, Guild
from community.models.member import member_relation, named_member
from sessions_app.domain.facts import VoiceFlags
from sessions_app.models.voice_session import SessionStatus, VoiceSession

# The columns that the switches of a voice state stand in, in the order of their bits.
FLAG_COLUMNS = {
    "is_muted_by_server": VoiceFlags.MUTE,
    "is_deafened_by_server": VoiceFlags.DEAF,
    "is_self_muted": VoiceFlags.SELF_MUTE,
    "is_self_deafened": VoiceFlags.SELF_DEAF,
    "is_streaming": VoiceFlags.SELF_STREAM,
    "is_on_camera": VoiceFlags.SELF_VIDEO,
    "is_suppressed": VoiceFlags.SUPPRESS,
}


class VoiceStateQuerySet(models.QuerySet["VoiceState"]):
    """Voice states by what they mean to us."""

    def live(self) -> VoiceStateQuerySet:
        """Those whose session goes on, or was ended by staff while they stayed.

        The state of a session that was ended by estimate stands too, as the tracker's
        memory: who is still there when the bot is back goes on as if nothing had been.
        """
        return self.filter(Q(session=None) | Q(session__status=SessionStatus.ACTIVE))

    def for_changelist(self) -> VoiceStateQuerySet:
        """With what a row of the admin's list shows, in a fixed number of queries.

        Guilds and channels are not joined: a row whose channel is not mirrored stays.
        """
        return self.select_related("member", "session").prefetch_related("guild", "channel")


class VoiceState(models.Model):
    """One member who is connected now.

    ``session`` is empty where staff have ended or voided the session under way: the
    member is there, and is tracked again from their next join or move.
    """

    guild = models.ForeignKey(
        Guild,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="voice_states",
    )
    user_id = models.BigIntegerField(help_text="The member's user id.")
    member = member_relation("voice_states")
    # Never empty (a constraint sees to it): null here joins a channel that is not mirrored.
    channel = models.ForeignKey(
        Channel,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="voice_states",
    )
    session = models.ForeignKey(
        VoiceSession,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The session under way.",
    )
    voice_session_id = models.CharField(
        max_length=64, blank=True, help_text="Discord's id of this stay in voice."
    )
    is_muted_by_server = models.BooleanField("muted by a moderator", default=False)
    is_deafened_by_server = models.BooleanField("deafened by a moderator", default=False)
    is_self_muted = models.BooleanField("muted themselves", default=False)
    is_self_deafened = models.BooleanField("deafened themselves", default=False)
    is_streaming = models.BooleanField("sharing a screen", default=False)
    is_on_camera = models.BooleanField("on camera", default=False)
    is_suppressed = models.BooleanField(
        "suppressed", default=False, help_text="In a stage's audience: not a speaker."
    )
    requested_to_speak_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(help_text="When this state was last seen to change.")

    objects = VoiceStateQuerySet.as_manager()

    class Meta:
        ordering = ["guild_id", "channel_id", "user_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(channel__isnull=False), name="voice_state_has_channel"
            ),
            models.UniqueConstraint(fields=["guild", "user_id"], name="voice_state_one_in_guild"),
        ]

    def __str__(self) -> str:
        return f"Voice state of {named_member(self, self.user_id)}"

    @property
    def flags(self) -> VoiceFlags:
        """The switches as one value."""
        flags = VoiceFlags.NONE
        for column, flag in FLAG_COLUMNS.items():
            if getattr(self, column):
                flags |= flag
        return flags
