"""What the scheduled jobs did."""

from __future__ import annotations

from django.db import models

from community.models.ids import new_id


class JobRun(models.Model):
    """One run of a scheduled job, so that staff see that it completes and what it did."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.CharField(max_length=100, help_text="The task's name.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Empty if it never did.")
    found = models.PositiveIntegerField(default=0, help_text="How many rows it had to act on.")
    outcome = models.JSONField(default=dict, help_text="What it did, in counts and ids.")
    error = models.TextField(blank=True, help_text="Why it failed; empty if it did not.")

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["job", "-started_at"], name="job_run_latest")]

    def __str__(self) -> str:
        return f"{self.job} at {self.started_at:%Y-%m-%d %H:%M:%S} UTC"
