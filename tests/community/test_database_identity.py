from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from community.services.database_identity import database_identity

ROLE = f"plain_{os.getpid()}"


def identity_of(name: str) -> str:
    """Asks another database of the same server, on a connection of a thread's own."""

    def ask() -> str:
        connection.settings_dict = {**connection.settings_dict, "NAME": name}
        try:
            return database_identity()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as other:
        return other.submit(ask).result(timeout=10)


@pytest.mark.django_db(transaction=True)
def test_identity_is_the_same_on_each_connection() -> None:
    name = connection.settings_dict["NAME"]

    first = database_identity()
    connection.close()

    assert database_identity() == identity_of(name) == first
    assert first.endswith(f"/{name}")


@pytest.mark.django_db(transaction=True)
def test_identity_differs_between_two_databases_of_a_server() -> None:
    here, there = database_identity(), identity_of("template1")

    assert here.split("/")[0] == there.split("/")[0]
    assert here.split("/")[1] != there.split("/")[1]


@pytest.mark.django_db
def test_identity_is_told_to_a_role_without_privileges() -> None:
    expected = database_identity()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        told = database_identity()
        transaction.set_rollback(True)

    assert told == expected


@pytest.mark.django_db
def test_identity_without_the_system_identifier_is_made_of_the_first_migration() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        cursor.execute(f"GRANT SELECT ON django_migrations TO {ROLE}")
        cursor.execute("SELECT min(applied) FROM django_migrations")
        [first] = cursor.fetchone()
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        told = [database_identity(), database_identity()]
        transaction.set_rollback(True)

    assert told[0] == told[1]
    assert told[0].startswith(f"migrated {first:%Y-%m-%dT%H:%M:%S.%f}/")
    assert told[0].split("/")[1:] == database_identity().split("/")[1:]
