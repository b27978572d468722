from django.db import migrations

from community.services.scheduled_jobs import ScheduledJob

JOB = ScheduledJob(
    name="Retry refused rewards",
    task="events_app.retry_rewards",
    seconds=60,
    expire_seconds=50,
    description="Asks Discord once more for the roles that it refused; the figure is how many.",
)


class Migration(migrations.Migration):

    dependencies = [
        ("events_app", "0002_schedule_advance_events"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [JOB.operation()]
