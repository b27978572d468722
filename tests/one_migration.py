"""One migration done and undone by itself, whatever stands on it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from django.db import connection
from django.db.migrations.loader import MigrationLoader

if TYPE_CHECKING:
    from django.db.migrations import Migration
    from django.db.migrations.state import ProjectState


def applied(app: str, name: str) -> None:
    """Does it, though it may have been done before."""
    migration, before = _found(app, name)
    with connection.schema_editor() as editor:
        migration.apply(before.clone(), editor)


def undone(app: str, name: str) -> None:
    """Undoes it alone."""
    migration, before = _found(app, name)
    with connection.schema_editor() as editor:
        migration.unapply(before.clone(), editor)


@functools.cache
def _found(app: str, name: str) -> tuple[Migration, ProjectState]:
    """Gives a migration, and the models as they are before it."""
    loader = MigrationLoader(connection)
    return loader.get_migration(app, name), loader.project_state([(app, name)], at_end=False)
