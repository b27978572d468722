"""A tracker to tell single facts to."""

from __future__ import annotations

import pytest

from tests.sessions_app.domain.desk import LOBBY, SEEN, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def there(desk: Desk) -> Desk:
    """A member came into the lobby, and nothing was heard of them since."""
    desk.voice(SEEN, LOBBY)
    desk.write()
    return desk


@pytest.fixture
def gone(desk: Desk) -> Desk:
    """A member left the lobby, and nothing was heard of them since."""
    desk.voice(0, LOBBY)
    desk.voice(SEEN, None)
    desk.write()
    return desk
