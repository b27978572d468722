"""What other processes ask of the bot."""

from __future__ import annotations

from django.db import models

from community.models.guild import Guild
from community.models.ids import new_id


class OutboxState(models.TextChoices):
    """Where an item is on its way."""

    PENDING = "pending", "waiting for the bot"
    DONE = "done", "done"
    REFUSED = "refused", "refused"


class OutboxItem(models.Model):
    """One request to the bot that holds the guild's shard, durable until it is answered.

    Writing a row notifies the bot (``NOTIFY`` on the channel that
    :mod:`community.services.outbox` names); a bot that was away reads what is pending
    when it starts.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    guild = models.ForeignKey(
        Guild, on_delete=models.DO_NOTHING, db_constraint=False, related_name="outbox_items"
    )
    kind = models.CharField(max_length=64, help_text="What is asked, such as session.void.")
    payload = models.JSONField(default=dict, help_text="What the kind needs to know.")
    state = models.CharField(max_length=16, choices=OutboxState, default=OutboxState.PENDING)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.JSONField(
        default=dict, blank=True, help_text="The bot's answer, or why it refused."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(state=OutboxState.PENDING),
                name="outbox_pending",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.get_state_display()})"
