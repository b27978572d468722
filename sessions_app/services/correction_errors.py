"""Why a session cannot be corrected as staff want it."""

from __future__ import annotations

from typing import ClassVar

from community.domain.errors import RollcallError


class CorrectionError(RollcallError):
    """The session cannot be corrected so."""

    code = "correction"
    field: ClassVar[str] = ""
    """The form's field that the error belongs to; empty for the whole."""


class NoSuchSessionError(CorrectionError):
    """There is no session {session_id}."""

    code = "no_such_session"


class AlreadyCancelledError(CorrectionError):
    """The session was voided already: it counts nowhere, and nothing in it changes anymore."""

    code = "already_cancelled"


class EmptyReasonError(CorrectionError):
    """A correction needs a reason."""

    code = "empty_reason"
    field = "reason"


class EndBeforeStartError(CorrectionError):
    """The end lies before the session's start, {started_at:%Y-%m-%d %H:%M:%S %Z}."""

    code = "end_before_start"
    field = "ended_at"


class EndInFutureError(CorrectionError):
    """The end lies in the future: it is {now:%Y-%m-%d %H:%M:%S %Z} now."""

    code = "end_in_future"
    field = "ended_at"


class EndTooLateError(CorrectionError):
    """No session is longer than a day: this one ends by {latest:%Y-%m-%d %H:%M:%S %Z}."""

    code = "end_too_late"
    field = "ended_at"


class EndAfterNextStartError(CorrectionError):
    """The end lies after the start of the member's next session, {next:%Y-%m-%d %H:%M:%S %Z}."""

    code = "end_after_next_start"
    field = "ended_at"


class BotSilentError(CorrectionError):
    """No bot answered within {seconds:g} s; the request stays, and is done once a bot answers."""

    code = "bot_silent"


class BotRefusedError(CorrectionError):
    """The bot refused: {message}."""

    code = "bot_refused"


class NotTrackedError(CorrectionError):
    """The bot does not know the session as one that goes on."""

    code = "not_tracked"
