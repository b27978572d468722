"""Leaves room on the pages of rows that change while they are under way.

An update that finds room on its row's own page, and changes no indexed column, writes no
index (a HOT update): a checkpoint of active sessions, the last channel of a visit, a voice
state at every change.
"""

from django.db import migrations


def fill(table: str, percent: int) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} SET (fillfactor = {percent})",
        f"ALTER TABLE {table} RESET (fillfactor)",
    )


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0002_lay_schedule")]

    operations = [
        fill("sessions_app_voicesession", 70),
        fill("sessions_app_visit", 60),
        fill("sessions_app_voicestate", 40),
    ]
