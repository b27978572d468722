"""Why an event cannot be planned or changed as somebody wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events_app.domain.problems import Problem


class PlanningError(RollcallError):
    """The event cannot be planned so."""

    code = "planning"


class PlanError(PlanningError):
    """The event cannot be planned so: {messages}."""

    code = "plan"

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keeps the problems, each of which names its field."""
        self.problems = tuple(problems)
        super().__init__(
            messages=" ".join(problem.message for problem in self.problems).removesuffix(".")
        )


class NoSuchEventError(PlanningError):
    """There is no event {event_id}."""

    code = "no_such_event"


class NoSuchSeriesError(PlanningError):
    """There is no series {series_id}."""

    code = "no_such_series"


class NoSuchVersionError(PlanningError):
    """The event has no earlier version {version}."""

    code = "no_such_version"


class ChangedMeanwhileError(PlanningError):
    """Somebody changed the event meanwhile: it is version {version} now, and not {expected}."""

    code = "changed_meanwhile"


class EventCancelledError(PlanningError):
    """The event was cancelled: nothing of it changes until that is undone."""

    code = "event_cancelled"


class NotInSeriesError(PlanningError):
    """The event is in no series."""

    code = "not_in_series"


class MadeOnDiscordError(PlanningError):
    """The event was made on Discord: when it takes place is edited there."""

    code = "made_on_discord"


class AlreadyInSeriesError(PlanningError):
    """The event is one of a series already: how that repeats is changed with it."""

    code = "already_in_series"


class DraftError(PlanningError):
    """The event is a draft: publish it first, a series is made at once."""

    code = "draft"
