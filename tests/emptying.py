"""How the database is emptied after a test that committed.

Django truncates all tables and lays content types and permissions anew, which takes longer than
most tests: a truncated table has new files, and there are hundreds of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

if TYPE_CHECKING:
    from django.test import TransactionTestCase

# What Django makes after each migration, the same for every test.
KEPT: Final = frozenset({ContentType._meta.db_table, Permission._meta.db_table})

# Foreign keys are checked at the end of the transaction, so that the order does not matter.
EMPTY: Final = """
DO $$
DECLARE
    name text;
    has_rows boolean;
BEGIN
    FOREACH name IN ARRAY {tables} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""


def empty_tables(_: TransactionTestCase) -> None:
    """Deletes every row that a test may have written, as ``_fixture_teardown`` is to do."""
    tables = set(connection.introspection.django_table_names(only_existing=True)) - KEPT
    names = ", ".join(f"'{name}'" for name in sorted(tables))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EMPTY.replace("{tables}", f"ARRAY[{names}]"))
