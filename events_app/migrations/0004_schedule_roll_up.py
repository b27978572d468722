from django.db import migrations

from community.services.scheduled_jobs import ScheduledJob

JOB = ScheduledJob(
    name="Work out participation",
    task="events_app.roll_up_participation",
    seconds=60,
    expire_seconds=50,
    description="Works out what changed of participation, and the events that are on; "
    "the figure is how many rows differed.",
)


class Migration(migrations.Migration):

    dependencies = [
        ("events_app", "0003_schedule_retry_rewards"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [JOB.operation()]
