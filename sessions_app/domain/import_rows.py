"""Reads an older system's records into sessions that can be imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from sessions_app.domain.import_columns import Places, Plan, says_nothing
from sessions_app.domain.import_refusals import (
    BadTextError,
    BeforeDiscordError,
    BotError,
    EndsBeforeStartError,
    ImpreciseIdError,
    InFutureError,
    MicroSessionError,
    MissingFieldError,
    NotASnowflakeError,
    RefusedRow,
    RefusedRowError,
    SeenBeforeStartError,
    TooLongError,
    UnknownGuildError,
    UnreadableDurationError,
)
from sessions_app.domain.import_times import TimeReader, shown, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sessions_app.domain.import_lines import Record

LARGEST_ID: Final = 2**63 - 1
MOST_PLANS: Final = 100
"""So many orders of a row's keys are remembered."""
FIRST_DAY: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""The first instant that a Discord id can name."""
LONGEST_STAY: Final = timedelta(days=366)
LONGEST_VOICE_SESSION_ID: Final = 64

_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_FRACTION_OR_POWER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]+)?")
# A UUID's bits of version and variant.
_NOT_VERSION: Final = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_8: Final = 0x8000 << 64 | 0x8000 << 48


class ImportedSession(NamedTuple):
    """A row that can come in, as far as it can be told alone; a tuple, for there are many.

    Attributes:
        id: made of the row's own values, the same at every import.
        line: the number of its line in the file, from 1.
        ended_at: where no end is known, the latest instant that the member was seen.
        is_ended: whether the end is known.
        voice_session_id: Discord's id of the visit; empty where it is not known.
    """

    id: UUID
    line: int
    guild_id: int
    user_id: int
    channel_id: int
    started_at: datetime
    ended_at: datetime
    is_ended: bool
    voice_session_id: str


@dataclass(frozen=True, slots=True)
class GuildTerms:
    """On which terms a guild takes rows.

    Attributes:
        shortest: a stay shorter than this is not kept.
        bots: user ids of the members whose rows are not taken.
    """

    shortest: timedelta
    bots: frozenset[int] = frozenset()


class RowReader:
    """Reads records; what does not come in becomes a refusal."""

    def __init__(
        self,
        places: Places,
        *,
        times: TimeReader,
        terms_of: Callable[[int], GuildTerms | None],
        now: datetime,
    ) -> None:
        """Takes what a row is judged by.

        Args:
            places: where its fields stand.
            times: reads its times.
            terms_of: gives a guild's terms by its id, None for one that is not known.
            now: what is later lies in the future.
        """
        self._places = places
        self._times = times
        self._terms_of = terms_of
        self._now = now
        self._plans: dict[tuple[str, ...], Plan] = {}

    def read_all(
        self, records: Iterable[Record | RefusedRow]
    ) -> Iterator[ImportedSession | RefusedRow]:
        """Reads all records; refusals pass through."""
        for record in records:
            if isinstance(record, RefusedRow):
                yield record
                continue
            try:
                yield self.read(record)
            except RefusedRowError as error:
                yield RefusedRow.of(record.line, error)

    def read(self, record: Record) -> ImportedSession:
        """Reads one record.

        Raises:
            RefusedRowError: if the row cannot come in.
        """
        given = self._given(record.values)
        guild_id = _snowflake(given, "guild_id")
        user_id = _snowflake(given, "user_id")
        channel_id = _snowflake(given, "channel_id")
        terms = self._terms_of(guild_id)
        if terms is None:
            raise UnknownGuildError(guild_id=guild_id)
        if user_id in terms.bots:
            raise BotError
        started_at = self._time(given.get("started_at"), "started_at")
        if started_at < FIRST_DAY:
            raise BeforeDiscordError(started=told(started_at))
        ended_at, is_ended = self._end(given, started_at)
        if is_ended and ended_at - started_at < terms.shortest:
            seconds = (ended_at - started_at).total_seconds()
            raise MicroSessionError(seconds=seconds, limit=terms.shortest.total_seconds())
        old_id = _text(given, "old_id")
        voice_session_id = _text(given, "voice_session_id", most=LONGEST_VOICE_SESSION_ID)
        own = f"old/{old_id}" if old_id else f"{channel_id}/{started_at.isoformat()}"
        return ImportedSession(
            row_id(guild_id, user_id, own),
            record.line,
            guild_id,
            user_id,
            channel_id,
            started_at,
            ended_at,
            is_ended,
            voice_session_id,
        )

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        """Gives the values of our fields that a record has."""
        columns = tuple(values)
        plan = self._plans.get(columns)
        if plan is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            plan = self._plans[columns] = Plan(self._places, columns)
        return plan.take(values)

    def _end(self, given: Mapping[str, Any], started_at: datetime) -> tuple[datetime, bool]:
        """Gives the end, or the latest sight, and whether it is the end."""
        is_ended = True
        if not says_nothing(given.get("ended_at")):
            ended_at = self._time(given["ended_at"], "ended_at")
        elif not says_nothing(given.get("duration_seconds")):
            ended_at = started_at + _duration(given["duration_seconds"])
            self._check_past(ended_at, "end")
        elif not says_nothing(given.get("last_seen_at")):
            ended_at, is_ended = self._time(given["last_seen_at"], "last_seen_at"), False
        else:
            return started_at, False
        if ended_at < started_at:
            if is_ended:
                raise EndsBeforeStartError(ended=told(ended_at), started=told(started_at))
            raise SeenBeforeStartError(seen=told(ended_at), started=told(started_at))
        if ended_at - started_at > LONGEST_STAY:
            raise TooLongError(days=(ended_at - started_at).days, most=LONGEST_STAY.days)
        return ended_at, is_ended

    def _time(self, value: object, field: str) -> datetime:
        if says_nothing(value):
            raise MissingFieldError(field=field)
        moment = self._times.read(value, field)
        self._check_past(moment, field)
        return moment

    def _check_past(self, moment: datetime, field: str) -> None:
        if moment > self._now:
            raise InFutureError(field=field, at=told(moment))


def row_id(guild_id: int, user_id: int, own: str) -> UUID:
    """Makes a row's id of what it is: the same row has the same id again (UUIDv8).

    All ids of a member begin alike. Rows come in by member, so that an index of them grows
    at one place at a time: that spares PostgreSQL a third of the work on each row.

    Args:
        guild_id: the row's guild.
        user_id: the row's member.
        own: what tells it from the member's other rows.
    """
    rest = sha1(f"rollcall/{guild_id}/{user_id}/{own}".encode(), usedforsecurity=False).digest()
    number = int.from_bytes(_member_bytes(guild_id, user_id) + rest[:10], "big")
    return UUID(int=number & _NOT_VERSION | _VERSION_8)


@lru_cache(maxsize=10_000)
def _member_bytes(guild_id: int, user_id: int) -> bytes:
    return sha1(f"rollcall/{guild_id}/{user_id}".encode(), usedforsecurity=False).digest()[:6]


def _snowflake(given: Mapping[str, Any], field: str) -> int:
    value = given.get(field)
    if isinstance(value, str):
        text = value.strip()
        if _DIGITS.fullmatch(text):
            value = int(text)
        elif says_nothing(text):
            raise MissingFieldError(field=field)
        elif _FRACTION_OR_POWER.fullmatch(text) and not text.isdecimal():
            raise ImpreciseIdError(field=field, value=shown(value))
    elif value is None:
        raise MissingFieldError(field=field)
    elif isinstance(value, float):
        raise ImpreciseIdError(field=field, value=shown(value))
    if type(value) is not int or not 0 < value <= LARGEST_ID:
        raise NotASnowflakeError(field=field, value=shown(value))
    return value


def _duration(value: object) -> timedelta:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return timedelta(seconds=float(value))
    except (ValueError, OverflowError) as error:
        raise UnreadableDurationError(value=shown(value)) from error
    raise UnreadableDurationError(value=shown(value))


def _text(given: Mapping[str, Any], field: str, *, most: int | None = None) -> str:
    """Reads a name that the older system or Discord made: text or a whole number."""
    value = given.get(field)
    if says_nothing(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        why = "it is neither text nor a whole number"
        raise BadTextError(field=field, why=why, value=shown(value))
    text = str(value).strip()
    if most is not None and len(text) > most:
        raise BadTextError(field=field, why=f"longer than {most} characters", value=shown(value))
    if not text.isascii() and not _is_sound(text):
        raise BadTextError(field=field, why="broken characters", value=shown(value))
    if "\0" in text:
        raise BadTextError(field=field, why="a NUL character", value=shown(value))
    return text


def _is_sound(text: str) -> bool:
    """Tells whether all characters could be decoded, and can be encoded."""
    return "\N{REPLACEMENT CHARACTER}" not in text and not any(
        "\ud800" <= character <= "\udfff" for character in text
    )
