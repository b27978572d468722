"""What Discord's answers over REST say; one that makes no sense is no answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from botrunner.rest_errors import NoAnswerError
from community.domain.permissions import Overwrite
from community.domain.snowflakes import issued_at

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

CHANNEL_CREATE: Final = 10
"""The audit log's action. [reference/audit-logs]"""

_MOST_DIGITS: Final = 19
_LONGEST_WAIT_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RestChannel:
    """A channel as REST gives it.

    Attributes:
        kind: Discord's type.
        guild_id: None where Discord does not say.
    """

    id: int
    guild_id: int | None
    kind: int
    name: str
    overwrites: tuple[Overwrite, ...]


@dataclass(frozen=True, slots=True)
class CreationEntry:
    """The audit log's entry of a channel's creation."""

    channel_id: int
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Creations:
    """What was read of the audit log.

    Attributes:
        entries: newest first.
        since: nothing that happened from here on is missing.
    """

    entries: tuple[CreationEntry, ...]
    since: datetime


def read(response: httpx.Response) -> Any:
    """Reads what an answer says."""
    if response.status_code == HTTPStatus.NO_CONTENT:
        return None
    try:
        return response.json()
    except ValueError:
        raise NoAnswerError(reason="an answer that is not JSON") from None


def said_in(response: httpx.Response) -> dict[str, Any]:
    """Reads what a refusal says; nothing where it says nothing of sense."""
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def wait_in(response: httpx.Response) -> timedelta:
    """Reads for how long Discord asks for patience."""
    value = said_in(response).get("retry_after") or response.headers.get("Retry-After") or 0
    try:
        return timedelta(seconds=min(max(float(value), 0.0), _LONGEST_WAIT_SECONDS))
    except (TypeError, ValueError):
        return timedelta(0)


def mapping(value: Any) -> dict[str, Any]:
    """Takes an object, and nothing else."""
    if not isinstance(value, dict):
        raise NoAnswerError(reason="an answer that makes no sense")
    return value


def listing(value: Any) -> list[Any]:
    """Takes a list, and nothing else."""
    if not isinstance(value, list):
        raise NoAnswerError(reason="an answer that makes no sense")
    return value


def snowflake(value: Any, name: str) -> int:
    """Reads an object's id."""
    text = mapping(value).get(name)
    if not isinstance(text, str) or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise NoAnswerError(reason=f"an answer whose {name} makes no sense")
    return int(text)


def channel_in(value: Any, guild_id: int | None) -> RestChannel:
    """Reads a channel."""
    fields = mapping(value)
    kind = fields.get("type")
    if not isinstance(kind, int):
        raise NoAnswerError(reason="an answer whose type makes no sense")
    own = snowflake(fields, "guild_id") if fields.get("guild_id") else guild_id
    return RestChannel(
        id=snowflake(fields, "id"),
        guild_id=own,
        kind=kind,
        name=str(fields.get("name") or ""),
        overwrites=tuple(
            _overwrite_in(mapping(each))
            for each in listing(fields.get("permission_overwrites") or [])
        ),
    )


def _overwrite_in(fields: dict[str, Any]) -> Overwrite:
    return Overwrite(
        target_id=snowflake(fields, "id"),
        is_role=fields.get("type") in (0, "0"),
        allow=snowflake(fields, "allow"),
        deny=snowflake(fields, "deny"),
    )


def creation_in(fields: dict[str, Any], by: int) -> CreationEntry | None:
    """Reads an entry; None where it is not what was asked for."""
    is_asked_for = fields.get("action_type") == CHANNEL_CREATE and fields.get("user_id") == str(by)
    if not is_asked_for or fields.get("target_id") is None:
        return None
    reason = fields.get("reason")
    return CreationEntry(
        channel_id=snowflake(fields, "target_id"),
        reason=reason if isinstance(reason, str) else None,
        at=issued_at(snowflake(fields, "id")),
    )
