import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_migrations_are_complete() -> None:
    # It exits where a model has changed and no migration says so.
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
