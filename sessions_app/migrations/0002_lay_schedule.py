from django.db import migrations
from django.utils import timezone

# Name, task, seconds from run to run, seconds until a waiting run is no longer worth it
# (less than the interval: after an outage of the broker or the worker one run is due, not
# one for each minute missed), what staff read.
SCHEDULE = [
    (
        "Sweep stale sessions",
        "sessions_app.sweep_stale",
        60,
        50,
        "Ends by estimate the sessions that no bot has seen for some minutes.",
    ),
    (
        "Supervise checkpoints",
        "sessions_app.supervise_checkpoints",
        60,
        50,
        "Notes shards that are silent and sessions whose checkpoint is overdue.",
    ),
    (
        "Prune job runs",
        "community.prune_job_runs",
        3600,
        3000,
        "Forgets what these jobs did more than a week ago.",
    ),
]


def tell_beat(apps):
    """What a migration writes is invisible to a beat that runs, unless it is told."""
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


def lay(apps, schema_editor):
    """Adds what is missing; what is there already is staff's to edit."""
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, seconds, expire_seconds, description in SCHEDULE:
        # Nothing keeps intervals unique, so there may be several of the same length.
        interval = IntervalSchedule.objects.filter(every=seconds, period="seconds").first()
        if interval is None:
            interval = IntervalSchedule.objects.create(every=seconds, period="seconds")
        PeriodicTask.objects.get_or_create(
            name=name,
            defaults={
                "task": task,
                "interval": interval,
                "expire_seconds": expire_seconds,
                "description": description,
            },
        )
    tell_beat(apps)


def take_up(apps, schema_editor):
    """Removes the tasks, and the intervals that nothing else uses."""
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name__in=[name for name, *_ in SCHEDULE]).delete()
    lengths = {seconds for _, _, seconds, *_ in SCHEDULE}
    IntervalSchedule.objects.filter(
        every__in=lengths, period="seconds", periodictask=None
    ).delete()
    tell_beat(apps)


class Migration(migrations.Migration):

    dependencies = [
        ("sessions_app", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(lay, take_up)]
