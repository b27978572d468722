from django.db import migrations

from community.services.scheduled_jobs import ScheduledJob

JOB = ScheduledJob(
    name="Sweep rooms",
    task="botrunner.sweep_rooms",
    seconds=60,
    expire_seconds=50,
    description="Cleans up what rooms left behind on Discord, bot running or not; "
    "the figure is how many things were to be done.",
)


class Migration(migrations.Migration):

    dependencies = [
        ("botrunner", "0001_rooms"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [JOB.operation()]
