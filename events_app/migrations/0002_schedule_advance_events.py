from django.db import migrations

from community.services.scheduled_jobs import ScheduledJob

JOB = ScheduledJob(
    name="Let events begin and end",
    task="events_app.advance_events",
    seconds=60,
    expire_seconds=50,
    description="Lets events begin and end, and looks which channels stand in their "
    "categories; the figure is how many events changed.",
)


class Migration(migrations.Migration):

    dependencies = [
        ("events_app", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [JOB.operation()]
