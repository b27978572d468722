"""A browser, what it is served, and an account that sees everything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, sync_playwright

from tests.factories import make_user
from tests.look.browser import FLAGS, SHOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User


@pytest.fixture(autouse=True)
def _served_files(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Static files as they lie; the ORM beside the browser's event loop in one thread."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture
def browser(_served_files: None) -> Iterator[Browser]:
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=list(FLAGS)
        )
        yield browser
        browser.close()
        # Beside the browser's event loop the thread has connections of its own.
        connections.close_all()


@pytest.fixture
def root() -> User:
    return make_user("root", is_staff=True, is_superuser=True)
