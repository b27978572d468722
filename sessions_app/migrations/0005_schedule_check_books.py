from django.db import migrations

from community.services.scheduled_jobs import ScheduledJob

JOB = ScheduledJob(
    name="Check the books",
    task="sessions_app.check_books",
    seconds=300,
    expire_seconds=240,
    description="Looks for sessions and visits that cannot be right; the figure is how many.",
)


class Migration(migrations.Migration):

    dependencies = [
        ("sessions_app", "0004_blind_gaps"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [JOB.operation()]
