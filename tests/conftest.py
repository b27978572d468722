"""What every test stands on: a PostgreSQL, the developer's or one of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest import mock

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from community.embedded.errors import DataFolderInUseError
from community.embedded.folders import hold
from community.embedded.guard import Guard
from community.embedded.postgres import EmbeddedPostgres
from community.environment import database_from
from tests.emptying import empty_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

SESSIONS_AT_ONCE = 16

# How long an example takes is the machine's business.
hypothesis.settings.register_profile("rollcall", deadline=None)
hypothesis.settings.load_profile("rollcall")


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


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,  # noqa: ARG001 - for its effect
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Keeps a copy of the tests' database as it is before the first test.

    Who needs a database of its own copies that, which is fifty times as fast as to migrate.
    """
    name = template_name()
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            cursor.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{connection.settings_dict["NAME"]}"'
            )
        connection.close()
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with mock.patch.object(TransactionTestCase, "_fixture_teardown", empty_tables):
        yield


def template_name() -> str:
    """Names the database that has all tables and no rows but the migrations' own."""
    return f"{connection.settings_dict['NAME']}_template"


def _own_data_folder() -> tuple[Path, int]:
    for number in range(SESSIONS_AT_ONCE):
        data_dir = settings.DATA_DIR.with_name(f"test-{number}" if number else "test")
        try:
            return data_dir, hold(data_dir)
        except DataFolderInUseError:
            continue
    pytest.exit(f"{SESSIONS_AT_ONCE} test runs use {settings.DATA_DIR} and those beside it")
