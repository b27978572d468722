"""Why a row of an older system's file is refused, or the whole file."""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from community.domain.errors import RollcallError


class BadFileError(RollcallError):
    """The file cannot be imported."""

    code = "bad_file"


class EmptyCsvError(BadFileError):
    """It is empty: a CSV has a line with its columns' names."""

    code = "empty_csv"


class BadHeaderError(BadFileError):
    """Its first line has no columns' names: {why}."""

    code = "bad_header"


class NoColumnError(BadFileError):
    """It has no column for {fields}; its columns are {columns}."""

    code = "no_column"


class RefusedRowError(RollcallError):
    """The row is refused."""

    code = "refused"
    is_unreadable: ClassVar[bool] = False
    """Whether it says more of the file, the options or the map than of the row."""


class RefusedRow(NamedTuple):
    """A row that does not come in, in words: there can be as many as rows.

    An error would keep hold of where it was raised, and with that of the whole line.

    Attributes:
        line: the number of its line in the file, from 1.
        code: the kind of reason.
        reason: the reason.
    """

    line: int
    code: str
    reason: str

    @classmethod
    def of(cls, line: int, error: RefusedRowError) -> RefusedRow:
        """Says why a line is refused."""
        return cls(line, error.code, str(error))


class LineTooLongError(RefusedRowError):
    """The line is longer than {most:,} characters."""

    code = "line_too_long"
    is_unreadable = True


class NulCharacterError(RefusedRowError):
    """The line has a NUL character in it."""

    code = "nul_character"
    is_unreadable = True


class InvalidJsonError(RefusedRowError):
    """The line is not JSON: {why}."""

    code = "invalid_json"
    is_unreadable = True


class NotAnObjectError(RefusedRowError):
    """The line is JSON, and no object: {value}."""

    code = "not_an_object"
    is_unreadable = True


class MalformedCsvError(RefusedRowError):
    """The line is no row of a CSV: {why}."""

    code = "malformed_csv"
    is_unreadable = True


class TooManyColumnsError(RefusedRowError):
    """It has {found} columns, and the header {wanted}."""

    code = "too_many_columns"
    is_unreadable = True


class TooFewColumnsError(RefusedRowError):
    """It has {found} columns, and the header {wanted}."""

    code = "too_few_columns"
    is_unreadable = True


class MissingFieldError(RefusedRowError):
    """It has no {field}."""

    code = "missing_field"
    is_unreadable = True


class NotASnowflakeError(RefusedRowError):
    """Its {field} is no Discord id (a whole number from 1 to 2**63 - 1): {value}."""

    code = "not_a_snowflake"


class ImpreciseIdError(RefusedRowError):
    """Its {field} is a number with a fraction or a power of ten, so digits are lost: {value}."""

    code = "imprecise_id"


class UnreadableTimeError(RefusedRowError):
    """Its {field} is neither an ISO 8601 time nor epoch seconds or milliseconds: {value}."""

    code = "unreadable_time"


class NoTimeZoneError(RefusedRowError):
    """Its {field} names no time zone: {value}. Give --time-zone."""

    code = "no_time_zone"
    is_unreadable = True


class NoSuchTimeError(RefusedRowError):
    """Its {field} never was in {zone}, where clocks went forward: {value}."""

    code = "no_such_time"


class AmbiguousTimeError(RefusedRowError):
    """Its {field} was twice in {zone}, where clocks went back: {value}. Give its offset."""

    code = "ambiguous_time"


class UnreadableDurationError(RefusedRowError):
    """Its duration_seconds is no number of seconds: {value}."""

    code = "unreadable_duration"


class BadTextError(RefusedRowError):
    """Its {field} cannot be kept ({why}): {value}."""

    code = "bad_text"


class EndsBeforeStartError(RefusedRowError):
    """It ends at {ended}, before its start at {started}."""

    code = "ends_before_start"


class SeenBeforeStartError(RefusedRowError):
    """It was last seen at {seen}, before its start at {started}."""

    code = "seen_before_start"


class InFutureError(RefusedRowError):
    """Its {field}, {at}, lies in the future."""

    code = "in_future"


class BeforeDiscordError(RefusedRowError):
    """It starts at {started}, and there was no Discord before 2015."""

    code = "before_discord"


class TooLongError(RefusedRowError):
    """It lasts {days} days, and no stay lasts longer than {most}."""

    code = "too_long"


class MicroSessionError(RefusedRowError):
    """It lasts {seconds:g} s, and the guild keeps none shorter than {limit:g} s."""

    code = "micro_session"


class BotError(RefusedRowError):
    """The member is a bot, and the guild tracks none."""

    code = "bot"


class UnknownGuildError(RefusedRowError):
    """Rollcall does not know the guild {guild_id}. Have the bot join it, or give --any-guild."""

    code = "unknown_guild"


class OverlapsLineError(RefusedRowError):
    """It overlaps line {line}, of the same member, from {started} to {ended}."""

    code = "overlaps_line"


class OverlapsSessionError(RefusedRowError):
    """It overlaps a session of the same member that is there, from {started} to {ended}."""

    code = "overlaps_session"


class SameAsLineError(RefusedRowError):
    """It is the row of line {line}, from {started} to {ended}, with another time or channel."""

    code = "same_as_line"


class OtherStartError(RefusedRowError):
    """It is there already with another start, {started}: a row's start cannot change."""

    code = "other_start"


UNREADABLE: Final = frozenset(
    kind.code for kind in RefusedRowError.__subclasses__() if kind.is_unreadable
)
"""The codes that say more of the file, the options or the map than of the row."""
