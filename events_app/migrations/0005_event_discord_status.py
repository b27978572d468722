from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with a constant default: PostgreSQL adds them without rewriting the table."""

    dependencies = [("events_app", "0004_schedule_roll_up")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="discord_status",
            field=models.CharField(
                blank=True,
                choices=[
                    ("scheduled", "scheduled"),
                    ("active", "active"),
                    ("completed", "completed"),
                    ("canceled", "canceled"),
                ],
                default="",
                editable=False,
                help_text="What Discord last said of it; one that was deleted there counts as "
                "canceled. Empty: nothing.",
                max_length=16,
                verbose_name="on Discord",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="discord_seen_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When the newest word of Discord's about it arrived.",
                null=True,
                verbose_name="last heard of on Discord",
            ),
        ),
    ]
