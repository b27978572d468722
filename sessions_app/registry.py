"""What the floors above bring in ``AppConfig.ready()``: panels, events, checks, jobs, ears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.http import HttpRequest

    from sessions_app.domain.self_check import BookCheck
    from sessions_app.models import VoiceSession


@dataclass(frozen=True, slots=True)
class Panel:
    """A box on a session's page, or on the one that the admin opens on.

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


_BoxMaker = Callable[["HttpRequest"], Panel | None]
_box_makers: list[_BoxMaker] = []


def show_on_front_page(maker: _BoxMaker) -> _BoxMaker:
    """Adds a maker of a box on the page that the admin opens on.

    Args:
        maker: gives None where the account may not see it; it counts in a few queries,
            however much there is.
    """
    _box_makers.append(maker)
    return maker


def front_page_boxes(request: HttpRequest) -> list[Panel]:
    """Makes the boxes that were added."""
    boxes = (maker(request) for maker in _box_makers)
    return [box for box in boxes if box is not None]


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


_HubFinder = Callable[["Collection[int]"], "Mapping[int, Collection[int]]"]
_hub_finders: list[_HubFinder] = []


def name_hubs(finder: _HubFinder) -> _HubFinder:
    """Says which channels members only pass through on the way to another one.

    Whoever changes what it says asks the bot to read the guild's rules anew.

    Args:
        finder: gives, by guild id, channel ids, in one statement for all of the guilds; those
            without any may be left out.
    """
    _hub_finders.append(finder)
    return finder


def hub_channel_ids_of(guild_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Gives, by guild id, the channels that members only pass through; each has a set."""
    found: dict[int, set[int]] = {guild_id: set() for guild_id in guild_ids}
    if found:
        for finder in _hub_finders:
            for guild_id, channel_ids in finder(guild_ids).items():
                found[guild_id].update(channel_ids)
    return {guild_id: frozenset(channel_ids) for guild_id, channel_ids in found.items()}


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


# The drift console ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One thing in which Discord and the rows of an upper floor differ.

    Attributes:
        guild_id: the guild's id.
        what: what it is, in a word or two.
        where: the channel or place; text, which the page escapes.
        why: in a sentence.
    """

    guild_id: int
    what: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class DriftLook:
    """What a look found.

    Attributes:
        findings: in the order in which they are shown.
        to_mend: how many of them mending would settle.
        notes: what could not be looked at, and why.
    """

    findings: tuple[DriftFinding, ...] = ()
    to_mend: int = 0
    notes: tuple[str, ...] = ()


class DriftPart(Protocol):
    """A section of the drift console that an upper floor brings.

    Attributes:
        key: stands in addresses.
        title: its heading.
        about: what it compares, in a sentence or two.
        view_permission: who may see it, such as ``botrunner.view_room``.
        mend_permission: who may mend; empty where nothing can be mended with a click.
        asks_discord: whether to look takes requests to Discord: then it looks when it is
            told to, and only for those who may mend.
    """

    key: str
    title: str
    about: str
    view_permission: str
    mend_permission: str
    asks_discord: bool

    def look(self, guild_ids: Collection[int] | None, *, now: datetime) -> DriftLook:
        """Finds the differences, changes nothing, and ends in bounded time.

        Args:
            guild_ids: only of these guilds; None for all.
            now: the current time.
        """

    def mend(
        self,
        guild_ids: Collection[int] | None,
        *,
        now: datetime,
        actor: User,
        reason: str,
    ) -> DriftLook:
        """Looks anew, mends what differs then, and tells what it was.

        ``to_mend`` is what could not be mended.

        Args:
            guild_ids: only of these guilds; None for all.
            now: the current time.
            actor: who asks for it.
            reason: why, in their words.
        """


_drift_parts: dict[str, DriftPart] = {}


def add_drift_part(part: DriftPart) -> None:
    """Adds a section to the drift console, or replaces the one of its key."""
    _drift_parts[part.key] = part


def drift_parts() -> list[DriftPart]:
    """Gives the sections that were added."""
    return list(_drift_parts.values())
