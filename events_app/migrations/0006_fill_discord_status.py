from uuid import UUID

from django.db import migrations

BATCH = 500

# What Discord said stood in the reasons of the versions that it made. Of an event that was
# planned here and is announced nothing was kept; of one that was parted, that it is gone.
FILL = """
    WITH batch AS (
        SELECT id, is_from_discord, discord_event_id, created_at FROM events_app_event
        WHERE id > %(after)s ORDER BY id LIMIT %(most)s
    ),
    said AS (
        SELECT batch.id,
               CASE WHEN batch.is_from_discord THEN
                   CASE newest.said WHEN 'live' THEN 'active' WHEN 'ended' THEN 'completed'
                                    WHEN 'cancelled' THEN 'canceled' ELSE 'scheduled' END
                    WHEN newest.said = 'gone' AND batch.discord_event_id IS NULL THEN 'canceled'
               END AS status,
               greatest(CASE WHEN batch.is_from_discord THEN batch.created_at END,
                        newest.heard_at) AS seen_at
        FROM batch
        LEFT JOIN LATERAL (
            SELECT (array_agg(left(version.reason, -11) ORDER BY version.number DESC))[1] AS said,
                   max(version.replaced_at) AS heard_at
            FROM events_app_eventversion AS version
            WHERE version.event_id = batch.id AND version.actor_name = ''
              AND version.reason LIKE '%% on Discord'
        ) AS newest ON true
    ),
    put AS (
        UPDATE events_app_event AS event
        SET discord_status = said.status, discord_seen_at = said.seen_at
        FROM said
        WHERE event.id = said.id AND said.status IS NOT NULL AND event.discord_status = ''
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""


def fill(apps, schema_editor):
    """Fills the columns in, some events at a time: each statement is a transaction of its own."""
    after = UUID(int=0)
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(FILL, {"after": after, "most": BATCH})
            row = cursor.fetchone()
            if row is None:
                return
            after = row[0]


class Migration(migrations.Migration):
    """Safe to run again where it was cut off; back, the versions still say what they said."""

    atomic = False

    dependencies = [("events_app", "0005_event_discord_status")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
