"""REST's errors in Discord's shape.

Source of codes and texts: Discord's developer documentation, "Opcodes and status codes".
"""

from __future__ import annotations

from typing import Any, Final

#: (status, text) of each code that is answered here.
KNOWN: Final[dict[int, tuple[int, str]]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10009: (404, "Unknown Overwrite"),
    10011: (404, "Unknown Role"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    10065: (404, "Unknown Voice State"),
    10070: (404, "Unknown Guild Scheduled Event"),
    20012: (403, "You are not authorized to perform this action on this application"),
    30013: (400, "Maximum number of guild channels reached (500)"),
    30032: (400, "Maximum number of application commands reached (100)"),
    30038: (400, "Maximum number of uncompleted guild scheduled events reached (100)"),
    40032: (400, "Target user is not connected to voice."),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50013: (403, "Missing Permissions"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50109: (400, "The request body contains invalid JSON."),
    180000: (400, "Cannot update a finished event"),
}


class ApiError(Exception):
    """A request that REST refuses with one of Discord's codes."""

    def __init__(self, code: int, *, errors: dict[str, Any] | None = None) -> None:
        self.status, text = KNOWN[code]
        super().__init__(text)
        self.body: dict[str, Any] = {"message": text, "code": code}
        if errors is not None:
            self.body["errors"] = errors


class AwayError(Exception):
    """What a request is about has an outage at Discord, which answers it with 503."""
