"""What the floors above show on a session's page, filled in their ``AppConfig.ready()``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

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
