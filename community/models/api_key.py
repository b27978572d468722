"""Keys to the HTTP API."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from community.models.guild import Guild
from community.models.ids import new_id


class ApiKey(models.Model):
    """A key to the API: scoped, expiring, and kept only as a hash."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100, help_text="What it is for, in your words.")
    prefix = models.CharField(
        max_length=16, unique=True, editable=False, help_text="How the key begins: not secret."
    )
    digest = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of the key, in hexadecimal."
    )
    scopes = ArrayField(
        models.CharField(max_length=32), help_text="What the key may do, such as sessions:read."
    )
    guilds = models.ManyToManyField(
        Guild, blank=True, help_text="The guilds that it may read; none chosen means all."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(help_text="From then on it is refused.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute."
    )

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
