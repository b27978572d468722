"""Guilds, and what each of them has chosen."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now


class GuildQuerySet(models.QuerySet["Guild"]):
    """Guilds by what they mean to us."""

    def present(self) -> GuildQuerySet:
        """Guilds that the bot is in, an outage apart."""
        return self.filter(gone_at=None)


class Guild(models.Model):
    """A Discord guild, mirrored from the gateway, with the choices that its staff made here."""

    id = models.BigIntegerField(primary_key=True, help_text="Discord's id (snowflake).")
    name = models.CharField(max_length=100, help_text="As it stands on Discord.")
    icon = models.CharField(max_length=64, blank=True, help_text="Hash of the guild's icon.")
    owner_id = models.BigIntegerField(null=True, help_text="User id of the guild's owner.")
    afk_channel_id = models.BigIntegerField(
        null=True, blank=True, help_text="Where Discord moves members who are idle."
    )
    afk_timeout = models.PositiveIntegerField(
        default=300, help_text="Seconds until an idle member is moved to the AFK channel."
    )
    member_count = models.PositiveIntegerField(default=0, help_text="As Discord last counted.")
    first_seen_at = models.DateTimeField(
        db_default=Now(), help_text="When Rollcall first saw this guild."
    )
    voice_seen_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When Rollcall first saw who was in voice here: nothing before it is known.",
    )
    unavailable_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when Discord has an outage here; nobody left for it.",
    )
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bot was removed. The guild's records stay."
    )

    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="IANA name, such as Europe/Berlin."
    )
    tracks_bots = models.BooleanField(
        "track bots", default=False, help_text="Whether bots get voice sessions as members do."
    )
    micro_session_seconds = models.FloatField(
        "micro-session limit",
        default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(60.0)],
        help_text="A stay shorter than this many seconds is not kept; its time goes to the "
        "session that follows in the visit.",
    )
    counts_muted = models.BooleanField(
        "count muted time", default=True, help_text="Whether time spent muted counts."
    )
    counts_deafened = models.BooleanField(
        "count deafened time", default=True, help_text="Whether time spent deafened counts."
    )
    counts_alone = models.BooleanField(
        "count time alone", default=True, help_text="Whether time alone in a channel counts."
    )
    counts_afk = models.BooleanField(
        "count AFK time", default=False, help_text="Whether time in the AFK channel counts."
    )

    objects = GuildQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(micro_session_seconds__gte=0, micro_session_seconds__lte=60),
                name="guild_micro_session_within_a_minute",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that this guild's times are shown in."""
        return ZoneInfo(self.time_zone)
