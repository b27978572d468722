"""Why Discord was not asked over REST, or did not do what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from community.domain.errors import RollcallError

if TYPE_CHECKING:
    from datetime import timedelta


class RestError(RollcallError):
    """Discord was not asked."""

    code = "rest"


class NoAnswerError(RestError):
    """Discord did not answer: {reason}."""

    code = "rest.no_answer"


class RateLimitedError(RestError):
    """Discord asks for patience, so nothing more is asked for now."""

    code = "rest.rate_limited"

    def __init__(self, wait: timedelta) -> None:
        """Keeps for how long."""
        super().__init__()
        self.wait = wait


class OutOfTimeError(RestError):
    """There was no time left to ask Discord."""

    code = "rest.out_of_time"


class TokenRefusedError(RestError):
    """Discord refuses the token that is set as DISCORD_TOKEN."""

    code = "rest.token_refused"


class NoTokenError(RestError):
    """DISCORD_TOKEN is not set, so Discord cannot be asked."""

    code = "rest.no_token"


class RefusedError(RestError):
    """Discord refuses it: {said} (status {status}, code {number})."""

    code = "rest.refused"


class NotThereError(RestError):
    """Discord knows no such thing."""

    code = "rest.not_there"
