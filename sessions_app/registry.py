"""What the floors above bring, in their ``AppConfig.ready()``: panels, checks of their books."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

    from sessions_app.domain.self_check import BookCheck
    from sessions_app.models import VoiceSession


@dataclass(frozen=True, slots=True)
class Panel:
    """A box on a session's page.

    Attributes:
        title: its heading.
        lines: what it says; HTML only where marked safe.
    """

    title: str
    lines: tuple[str, ...]


_PanelMaker = Callable[["HttpRequest", "VoiceSession"], Panel | None]
_makers: list[_PanelMaker] = []


def show_on_session_page(maker: _PanelMaker) -> _PanelMaker:
    """Adds a maker of panels; one that has nothing to say of a session gives None."""
    _makers.append(maker)
    return maker


def session_panels(request: HttpRequest, session: VoiceSession) -> list[Panel]:
    """Makes the panels of a session's page."""
    panels = (maker(request, session) for maker in _makers)
    return [panel for panel in panels if panel is not None]


_book_checks: dict[str, BookCheck] = {}


def add_book_check(name: str, check: BookCheck) -> None:
    """Has the check of the books look at rows of an upper floor too.

    Args:
        name: what it looks at, such as ``participation``; its place is kept by this name.
        check: looks at what it is told to (:class:`~sessions_app.domain.self_check.Look`),
            in a bounded number of statements.
    """
    _book_checks[name] = check


def book_checks() -> dict[str, BookCheck]:
    """Gives what was added, by name."""
    return dict(_book_checks)
