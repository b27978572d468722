"""Discord's REST for what has to work without the bot: the sweep of orphaned rooms.

Slow and timid on purpose, so that it never takes what the bot needs: at most five requests a
second in a process, none after the first 429, and an end after so many seconds. It repeats
nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import httpx
from django.conf import settings

from community.domain.errors import RollcallError
from community.domain.permissions import Overwrite

if TYPE_CHECKING:
    from types import TracebackType

REQUESTS_A_SECOND: Final = 5
TIMEOUT: Final = httpx.Timeout(10.0)
"""Of a request, each of its parts."""
MOST_SECONDS: Final = 45.0
"""How long a client asks things in all, unless told otherwise."""

CHANNEL_CREATE: Final = 10
"""The audit log's action. [reference/audit-logs]"""
PAGE: Final = 100
"""The most entries of the audit log in an answer."""
LONGEST_SAID: Final = 200

_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)
_WORST_OF_OURS: Final = HTTPStatus.INTERNAL_SERVER_ERROR


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


class Pace:
    """Lets something happen so often a second; threads wait for each other."""

    def __init__(self, a_second: float) -> None:
        self._gap = 1 / a_second
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Returns when it is one's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            time.sleep(turn - now)


_pace = Pace(REQUESTS_A_SECOND)
_own_ids: dict[tuple[str, str], int] = {}


class DiscordRest:
    """A client that asks a few things in a row, then is closed; a context manager.

    Each method may raise what :class:`RestError` heads: :class:`NotThereError` for a 404,
    :class:`RefusedError` for another refusal, :class:`NoAnswerError` where it is open whether
    it was done. Once one has raised :class:`RateLimitedError`, :class:`OutOfTimeError` or
    :class:`TokenRefusedError`, all do.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        api_url: str | None = None,
        most_seconds: float = MOST_SECONDS,
        pace: Pace = _pace,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        """Prepares; nothing is asked.

        Args:
            token: the bot's; as the settings say where None.
            api_url: as the settings say where None.
            most_seconds: for how long from now on.
            pace: how often.
            timeout: how long to wait for an answer.
        """
        self._token = settings.DISCORD_TOKEN if token is None else token
        self._api_url = settings.DISCORD_API_URL if api_url is None else api_url
        self._pace = pace
        self._began = time.monotonic()
        self._most_seconds = most_seconds
        self._over: RestError | None = None
        self._http = httpx.Client(
            headers={
                "Authorization": f"Bot {self._token}",
                "User-Agent": "DiscordBot (Rollcall, 0)",
            },
            timeout=timeout,
        )

    def __enter__(self) -> Self:
        """Gives itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes its connections."""
        self._http.close()

    @property
    def spent(self) -> timedelta:
        """How long ago it was made."""
        return timedelta(seconds=time.monotonic() - self._began)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is asked with it."""
        return self._over is not None

    def own_id(self) -> int:
        """Gives the bot's user id; asked for once in a process."""
        key = (self._api_url, self._token)
        if key not in _own_ids:
            _own_ids[key] = _snowflake(self._ask("GET", "/users/@me"), "id")
        return _own_ids[key]

    def channels(self, guild_id: int) -> list[RestChannel]:
        """Gives all channels of a guild, whether the bot sees them or not."""
        return [
            _channel(each, guild_id) for each in _list(self._ask("GET", _channels_of(guild_id)))
        ]

    def channel(self, channel_id: int) -> RestChannel:
        """Gives a channel."""
        return _channel(self._ask("GET", f"/channels/{channel_id}"), None)

    def delete_channel(self, channel_id: int, *, reason: str) -> None:
        """Deletes a channel.

        Args:
            channel_id: the channel.
            reason: for the guild's audit log.
        """
        headers = {"X-Audit-Log-Reason": quote(reason, safe=" :")}
        self._ask("DELETE", f"/channels/{channel_id}", headers=headers)

    def creations(
        self, guild_id: int, *, by: int, since: datetime, most_pages: int = 10
    ) -> Creations:
        """Gives whose creations of channels the guild's audit log has, newest first.

        Args:
            guild_id: the guild.
            by: user id of who made them.
            since: how far back.
            most_pages: after so many pages it is read no further.
        """
        query = {"user_id": str(by), "action_type": str(CHANNEL_CREATE), "limit": str(PAGE)}
        found: list[CreationEntry] = []
        for _ in range(most_pages):
            path = f"/guilds/{guild_id}/audit-logs"
            answer = _mapping(self._ask("GET", path, params=query))
            page = _list(answer.get("audit_log_entries"))
            found += [
                entry for each in page if (entry := _creation(_mapping(each), by)) is not None
            ]
            if len(page) < PAGE:
                return Creations(tuple(found), since)
            oldest = min(_snowflake(_mapping(each), "id") for each in page)
            if made_at(oldest) <= since:
                return Creations(tuple(found), since)
            query["before"] = str(oldest)
        return Creations(tuple(found), max(since, made_at(oldest)))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        if self._over is None and not self._token:
            self._over = NoTokenError()
        if self._over is None and self.spent.total_seconds() > self._most_seconds:
            self._over = OutOfTimeError()
        if self._over is not None:
            raise self._over
        self._pace.wait()
        try:
            response = self._http.request(
                method, self._api_url + path, params=params, headers=headers
            )
        # The causes name addresses at most, but no cause is shown either.
        except httpx.HTTPError as error:
            raise NoAnswerError(reason=type(error).__name__) from None
        if response.is_success:
            return _read(response)
        raise self._failure(response)

    def _failure(self, response: httpx.Response) -> RestError:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._over = RateLimitedError(_wait(response))
            return self._over
        if status == HTTPStatus.UNAUTHORIZED:
            self._over = TokenRefusedError()
            return self._over
        if status == HTTPStatus.NOT_FOUND:
            return NotThereError()
        if status >= _WORST_OF_OURS or response.is_redirect:
            return NoAnswerError(reason=f"status {status}")
        said = _said(response)
        return RefusedError(
            status=status,
            number=said.get("code", 0),
            said=str(said.get("message", ""))[:LONGEST_SAID],
        )


def made_at(snowflake: int) -> datetime:
    """Tells when Discord made an id."""
    return _EPOCH + timedelta(milliseconds=snowflake >> 22)


def _channels_of(guild_id: int) -> str:
    return f"/guilds/{guild_id}/channels"


def _read(response: httpx.Response) -> Any:
    if response.status_code == HTTPStatus.NO_CONTENT:
        return None
    try:
        return response.json()
    except ValueError:
        raise NoAnswerError(reason="an answer that is not JSON") from None


def _said(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _wait(response: httpx.Response) -> timedelta:
    value = _said(response).get("retry_after") or response.headers.get("Retry-After") or 0
    try:
        return timedelta(seconds=min(max(float(value), 0.0), 86_400.0))
    except (TypeError, ValueError):
        return timedelta(0)


# What an answer says. One that says nothing of the kind proves nothing: it is no answer. ----


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NoAnswerError(reason="an answer that makes no sense")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NoAnswerError(reason="an answer that makes no sense")
    return value


def _snowflake(value: Any, name: str) -> int:
    text = _mapping(value).get(name)
    if not isinstance(text, str) or not text.isdecimal():
        raise NoAnswerError(reason=f"an answer whose {name} makes no sense")
    return int(text)


def _channel(value: Any, guild_id: int | None) -> RestChannel:
    fields = _mapping(value)
    kind = fields.get("type")
    if not isinstance(kind, int):
        raise NoAnswerError(reason="an answer whose type makes no sense")
    own = _snowflake(fields, "guild_id") if fields.get("guild_id") else guild_id
    return RestChannel(
        id=_snowflake(fields, "id"),
        guild_id=own,
        kind=kind,
        name=str(fields.get("name") or ""),
        overwrites=tuple(
            _overwrite(_mapping(each)) for each in _list(fields.get("permission_overwrites") or [])
        ),
    )


def _overwrite(fields: dict[str, Any]) -> Overwrite:
    return Overwrite(
        target_id=_snowflake(fields, "id"),
        is_role=fields.get("type") in (0, "0"),
        allow=_snowflake(fields, "allow"),
        deny=_snowflake(fields, "deny"),
    )


def _creation(fields: dict[str, Any], by: int) -> CreationEntry | None:
    """Reads an entry; None where it is not what was asked for."""
    is_asked_for = fields.get("action_type") == CHANNEL_CREATE and fields.get("user_id") == str(by)
    if not is_asked_for or fields.get("target_id") is None:
        return None
    reason = fields.get("reason")
    return CreationEntry(
        channel_id=_snowflake(fields, "target_id"),
        reason=reason if isinstance(reason, str) else None,
        at=made_at(_snowflake(fields, "id")),
    )
