"""Which database this is, in hand-written SQL: facts kept for one must not land in another."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min

_IS_ALLOWED = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
_SYSTEM = "SELECT system_identifier FROM pg_control_system()"
_DATABASE = "SELECT oid, datname FROM pg_database WHERE datname = current_database()"


def database_identity() -> str:
    """Names the database that we are connected to, the same for as long as it exists.

    It is made of the server's system identifier (which ``initdb`` makes up, and a standby
    shares), the database's number in it and its name. Every role may read the system
    identifier unless the server's owner has forbidden it: then the time of the first
    migration, to the microsecond, stands in its place. The tables must be there.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        number, name = cursor.fetchone()
        cursor.execute(_IS_ALLOWED)
        [is_allowed] = cursor.fetchone()
        if is_allowed:
            cursor.execute(_SYSTEM)
            [system] = cursor.fetchone()
            return f"{system}/{number}/{name}"
    migrations = MigrationRecorder(connection).migration_qs
    first = migrations.aggregate(first=Min("applied"))["first"]
    return f"migrated {first:%Y-%m-%dT%H:%M:%S.%f}/{number}/{name}"
