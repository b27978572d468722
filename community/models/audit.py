"""The trail of what people changed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from community.models.guild import Guild
from community.models.ids import new_id


class AuditEntry(models.Model):
    """One change that a person made, with the reason that they gave."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        help_text="Who did it; empty once the account is gone.",
    )
    actor_name = models.CharField(max_length=150, help_text="Their name at the time.")
    guild = models.ForeignKey(
        Guild,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="audit_entries",
    )
    action = models.CharField(max_length=64, help_text="What was done, such as session.void.")
    target_kind = models.CharField(
        max_length=64, help_text="The kind of record, such as voicesession."
    )
    target_id = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    before = models.JSONField(default=dict, help_text="The fields that changed, as they were.")
    after = models.JSONField(default=dict, help_text="The fields that changed, as they became.")

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["target_kind", "target_id"], name="audit_target")]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name}"
