"""Discord's REST for what has to work without the bot: the sweep of orphaned rooms.

Slow and timid on purpose, so that it never takes what the bot needs: at most five requests a
second in a process, none after the first 429, and an end after so many seconds. It repeats
nothing.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import httpx
from django.conf import settings

from botrunner.rest_answers import (
    CHANNEL_CREATE,
    Creations,
    channel_in,
    creation_in,
    listing,
    mapping,
    read,
    said_in,
    snowflake,
    wait_in,
)
from botrunner.rest_errors import (
    NoAnswerError,
    NoTokenError,
    NotThereError,
    OutOfTimeError,
    RateLimitedError,
    RefusedError,
    RestError,
    TokenRefusedError,
)
from community.domain.snowflakes import issued_at

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from botrunner.rest_answers import CreationEntry, RestChannel

REQUESTS_A_SECOND: Final = 5
TIMEOUT: Final = httpx.Timeout(10.0)
"""Of a request, each of its parts."""
MOST_SECONDS: Final = 45.0
"""How long a client asks things in all, unless told otherwise."""

PAGE: Final = 100
"""The most entries of the audit log in an answer."""
LONGEST_SAID: Final = 200

_WORST_OF_OURS: Final = HTTPStatus.INTERNAL_SERVER_ERROR


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

    def give_up(self) -> None:
        """Has nothing more asked with it; may be called from another thread."""
        if self._over is None:
            self._over = OutOfTimeError()

    def own_id(self) -> int:
        """Gives the bot's user id; asked for once in a process."""
        key = (self._api_url, self._token)
        if key not in _own_ids:
            _own_ids[key] = snowflake(self._ask("GET", "/users/@me"), "id")
        return _own_ids[key]

    def channels(self, guild_id: int) -> list[RestChannel]:
        """Gives all channels of a guild, whether the bot sees them or not."""
        answer = self._ask("GET", f"/guilds/{guild_id}/channels")
        return [channel_in(each, guild_id) for each in listing(answer)]

    def channel(self, channel_id: int) -> RestChannel:
        """Gives a channel."""
        return channel_in(self._ask("GET", f"/channels/{channel_id}"), None)

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
            answer = mapping(self._ask("GET", path, params=query))
            page = listing(answer.get("audit_log_entries"))
            found += [
                entry for each in page if (entry := creation_in(mapping(each), by)) is not None
            ]
            if len(page) < PAGE:
                return Creations(tuple(found), since)
            oldest = min(snowflake(mapping(each), "id") for each in page)
            if issued_at(oldest) <= since:
                return Creations(tuple(found), since)
            query["before"] = str(oldest)
        return Creations(tuple(found), max(since, issued_at(oldest)))

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
            return read(response)
        raise self._failure(response)

    def _failure(self, response: httpx.Response) -> RestError:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._over = RateLimitedError(wait_in(response))
            return self._over
        if status == HTTPStatus.UNAUTHORIZED:
            self._over = TokenRefusedError()
            return self._over
        if status == HTTPStatus.NOT_FOUND:
            return NotThereError()
        if status >= _WORST_OF_OURS or response.is_redirect:
            return NoAnswerError(reason=f"status {status}")
        said = said_in(response)
        return RefusedError(
            status=status,
            number=said.get("code", 0),
            said=str(said.get("message", ""))[:LONGEST_SAID],
        )
