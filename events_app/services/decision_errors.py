"""Why staff cannot decide something of a member's participation as they want it."""

from __future__ import annotations

from typing import ClassVar

from community.domain.errors import RollcallError


class DecisionError(RollcallError):
    """It cannot be decided so."""

    code = "decision"
    field: ClassVar[str] = ""
    """The form's field that the error belongs to; empty for the whole."""


class EmptyReasonError(DecisionError):
    """A decision needs a reason."""

    code = "empty_reason"
    field = "reason"


class EmptyDisputeError(DecisionError):
    """A dispute says what is wrong, in words."""

    code = "empty_dispute"
    field = "text"


class EmptyAnswerError(DecisionError):
    """A dispute is answered in words."""

    code = "empty_answer"
    field = "answer"


class UnfitTextError(DecisionError):
    """The text is longer than {most} characters, or has characters that are none."""

    code = "unfit_text"


class EmptyCreditError(DecisionError):
    """A credit gives seconds, a verdict, or both."""

    code = "empty_credit"
    field = "seconds"


class UnfitSecondsError(DecisionError):
    """A credit is a number of seconds from 0 to {most:g}."""

    code = "unfit_seconds"
    field = "seconds"


class UnknownVerdictError(DecisionError):
    """There is no such verdict: it is "qualified", "refused", or none."""

    code = "unknown_verdict"
    field = "verdict"


class UnknownMemberError(DecisionError):
    """User {user_id} was never seen in the event's guild."""

    code = "unknown_member"
    field = "user_id"


class EventNotOnError(DecisionError):
    """The event is a draft or was cancelled: nobody takes part in it."""

    code = "event_not_on"


class NoSuchCreditError(DecisionError):
    """There is no credit {credit_id}."""

    code = "no_such_credit"


class AlreadyWithdrawnError(DecisionError):
    """The credit was withdrawn already."""

    code = "already_withdrawn"


class NoSuchGapError(DecisionError):
    """The event's guild has no blind gap {gap_id}."""

    code = "no_such_gap"


class GapReplayedError(DecisionError):
    """Discord told afterwards all that happened in the gap: nothing is to be made good."""

    code = "gap_replayed"


class NoSuchDisputeError(DecisionError):
    """There is no dispute {dispute_id}."""

    code = "no_such_dispute"


class DisputeOpenError(DecisionError):
    """The member has a dispute about this event that is still open."""

    code = "dispute_open"


class AlreadyAnsweredError(DecisionError):
    """The dispute was answered already."""

    code = "already_answered"


class DeclinedCreditError(DecisionError):
    """Who declines a dispute gives no credit by it."""

    code = "declined_credit"
    field = "seconds"
