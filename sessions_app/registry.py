"""What the floors above bring in ``AppConfig.ready()``: panels, events, checks, jobs, ears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

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


_EventFinder = Callable[["Collection[UUID]"], "Mapping[UUID, Sequence[UUID]]"]
_event_finders: list[_EventFinder] = []


def name_events_of_sessions(finder: _EventFinder) -> _EventFinder:
    """Has the API tell to which events sessions belong.

    Args:
        finder: gives, by session id, the ids of its events, in one statement for all of
            the sessions; those without any may be left out.
    """
    _event_finders.append(finder)
    return finder


def event_ids_of(session_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Gives, by session id, the ids of the events that sessions belong to; each has a list."""
    found: dict[UUID, list[UUID]] = {session_id: [] for session_id in session_ids}
    if found:
        for finder in _event_finders:
            for session_id, event_ids in finder(session_ids).items():
                found[session_id].extend(event_ids)
    return found


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


_regular_jobs: dict[str, timedelta] = {}


def expect_job(name: str, *, within: timedelta) -> None:
    """Has health warn where a scheduled job of an upper floor has not completed.

    Args:
        name: the name under which its runs are recorded.
        within: how long it may not have completed before it is late.
    """
    _regular_jobs[name] = within


def expected_jobs() -> dict[str, timedelta]:
    """Gives what was added: by name, how long each may not have completed."""
    return dict(_regular_jobs)


class Listener(Protocol):
    """Hears of sessions that were written, in the transaction that wrote them."""

    def __call__(
        self,
        *,
        began: Sequence[UUID],
        changed: Sequence[UUID],
        dropped: Sequence[Dropped],
        gaps: Sequence[Gap],
    ) -> None:
        """Takes it in.

        Args:
            began: ids of sessions that are new.
            changed: ids of those whose times or status changed, or that are gone.
            dropped: those that are gone, as they were: nobody can read them any more.
            gaps: blind gaps that are new, those that Discord replayed among them.
        """


class Dropped(NamedTuple):
    """A session that was too short to keep, and was deleted."""

    guild_id: int
    user_id: int
    started_at: datetime


class Gap(NamedTuple):
    """A blind gap of a guild's, or of one member's."""

    guild_id: int
    began_at: datetime
    ended_at: datetime


_listeners: list[Listener] = []


def hear_of_sessions(listener: Listener) -> Listener:
    """Has an upper floor hear of each change of sessions, whoever makes it."""
    _listeners.append(listener)
    return listener


def tell_of_sessions(
    *,
    began: Sequence[UUID] = (),
    changed: Sequence[UUID] = (),
    dropped: Sequence[Dropped] = (),
    gaps: Sequence[Gap] = (),
) -> None:
    """Tells those who listen; to be called in the transaction that writes."""
    if began or changed or dropped or gaps:
        for listener in _listeners:
            listener(began=began, changed=changed, dropped=dropped, gaps=gaps)
