from django.db import migrations
from django.utils import timezone

NAME = "Sweep rooms"
SECONDS = 60
# Less than the interval: of those missed while nothing ran, one is due.
EXPIRE_SECONDS = 50


def tell_beat(apps):
    """What a migration writes is invisible to a beat that runs, unless it is told."""
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


def lay(apps, schema_editor):
    """Adds the task; one of its name that is there already is staff's to edit."""
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    if PeriodicTask.objects.filter(name=NAME).exists():
        return
    # Nothing keeps intervals unique, so there may be several of the same length.
    interval = IntervalSchedule.objects.filter(every=SECONDS, period="seconds").first()
    if interval is None:
        interval = IntervalSchedule.objects.create(every=SECONDS, period="seconds")
    PeriodicTask.objects.create(
        name=NAME,
        task="botrunner.sweep_rooms",
        interval=interval,
        expire_seconds=EXPIRE_SECONDS,
        description="Cleans up what rooms left behind on Discord, bot running or not; "
        "the figure is how many things were to be done.",
    )
    tell_beat(apps)


def take_up(apps, schema_editor):
    """Removes the task, and its interval where nothing else uses it."""
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    PeriodicTask.objects.filter(name=NAME).delete()
    IntervalSchedule.objects.filter(
        every=SECONDS, period="seconds", periodictask=None
    ).delete()
    tell_beat(apps)


class Migration(migrations.Migration):

    dependencies = [
        ("botrunner", "0001_rooms"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(lay, take_up)]
