"""Which staff see which guilds."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from community.models.guild import Guild


class GuildAccess(models.Model):
    """Lets a staff account see a guild's records; what it may do there, permissions say.

    Superusers see every guild. A staff account without a row sees none.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="guild_access"
    )
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="staff_access")

    class Meta:
        verbose_name_plural = "guild access"
        constraints = [models.UniqueConstraint(fields=["user", "guild"], name="guild_access_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.guild}"
