"""What every test stands on: a PostgreSQL, the developer's or one of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from community.embedded.errors import DataFolderInUseError
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres
from community.environment import database_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSIONS_AT_ONCE = 16


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,  # noqa: ARG001 - for its effect
) -> Iterator[None]:
    """Starts a PostgreSQL for the run where no DATABASE_URL is set.

    Its data folder is kept, so that the next run starts at once; runs at the same time
    have one each. On a server that is named, tests that run side by side have a database
    each.
    """
    if os.environ["DATABASE_URL"]:
        yield
        return
    data_dir, lock = _own_data_folder()
    guard = Guard(lock=lock)
    server = EmbeddedPostgres(data_dir, guard=guard, durable=False)
    try:
        server.start()
        server.ensure_database("rollcall")
        settings.DATABASES["default"].update(database_from(server.url("rollcall")))
        yield
    finally:
        server.stop()
        guard.release()
        os.close(lock)


def _own_data_folder() -> tuple[Path, int]:
    for number in range(SESSIONS_AT_ONCE):
        data_dir = settings.DATA_DIR.with_name(f"test-{number}" if number else "test")
        try:
            return data_dir, hold(data_dir)
        except DataFolderInUseError:
            continue
    pytest.exit(f"{SESSIONS_AT_ONCE} test runs use {settings.DATA_DIR} and those beside it")
