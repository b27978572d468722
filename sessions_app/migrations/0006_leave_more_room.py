"""Leaves half of each page of voice sessions free, so that a checkpoint finds room.

A checkpoint writes every active session anew. Where members came one after another their rows
lie side by side: on a page that is 70 % full, the new versions of every second one find no room
there and are entered in all indexes (``benchmarks/checkpoint.py`` shows it). Pages that are
there already stay as they are.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0005_schedule_check_books")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE sessions_app_voicesession SET (fillfactor = 50)",
            "ALTER TABLE sessions_app_voicesession SET (fillfactor = 70)",
        )
    ]
