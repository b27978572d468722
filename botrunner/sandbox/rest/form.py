"""Reads a request's JSON body as strictly as Discord does: wrong types, lengths, ranges.

Each reader gives the value, or None where the field is absent or wrong; `Form.check`
refuses the whole with every complaint at once, in the shape of error 50035.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.snowflakes import read_id

if TYPE_CHECKING:
    from collections.abc import Collection

_REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")


class Form:
    """A body's fields; those that nobody asks for are ignored, as Discord does."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise ApiError(
                50035,
                errors={
                    "_errors": [
                        {
                            "code": "MODEL_TYPE_CONVERT",
                            "message": "Only dictionaries may be used in a ModelType",
                        }
                    ]
                },
            )
        self.fields: dict[str, Any] = body
        self.errors: dict[str, Any] = {}
        self._place = ""

    def within(self, name: str, entry: Any) -> Form | None:
        """Opens an object that stands in this one; what is wrong with it is noted here.

        Args:
            name: where it stands, with dots.
            entry: the object; None is given back where it is none.
        """
        if not isinstance(entry, dict):
            self.complain(
                name, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            )
            return None
        inner = Form(entry)
        inner.errors, inner._place = self.errors, f"{self._place}{name}."
        return inner

    def has(self, name: str) -> bool:
        """Says whether a field is there, null included."""
        return name in self.fields

    def complain(self, name: str, code: str, message: str) -> None:
        """Notes what is wrong with a field; a dot leads into a list or an object."""
        place = self.errors
        for step in f"{self._place}{name}".split("."):
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def check(self) -> None:
        """Refuses the body if any field was wrong."""
        if self.errors:
            raise ApiError(50035, errors=self.errors)

    def _value(self, name: str, *, required: bool) -> Any:
        value = self.fields.get(name)
        if value is None and required:
            self.complain(name, *_REQUIRED)
        return value

    def text(self, name: str, *, most: int, least: int = 0, required: bool = False) -> str | None:
        """Reads a text of a length from ``least`` to ``most``."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.complain(name, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        if not least <= len(value.strip()) or len(value) > most:
            self.complain(
                name, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
            )
            return None
        return value

    def whole(self, name: str, *, least: int, most: int, required: bool = False) -> int | None:
        """Reads a whole number from ``least`` to ``most``."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if type(value) is not int:
            self.complain(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < least:
            self.complain(
                name,
                "NUMBER_TYPE_MIN",
                f"int value should be greater than or equal to {least}.",
            )
        elif value > most:
            self.complain(
                name, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}."
            )
        else:
            return value
        return None

    def choice(self, name: str, choices: Collection[int]) -> int | None:
        """Reads one of a few numbers."""
        value = self.fields.get(name)
        if value is None:
            return None
        if type(value) is int and value in choices:
            return value
        wanted = ", ".join(str(int(choice)) for choice in sorted(choices))
        self.complain(name, "BASE_TYPE_CHOICES", f"Value must be one of {{{wanted}}}.")
        return None

    def moment(self, name: str, *, required: bool = False) -> datetime | None:
        """Reads an ISO 8601 time; one without a zone is in UTC."""
        value = self._value(name, required=required)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (TypeError, ValueError, OverflowError):
            self.complain(
                name,
                "DATE_TIME_TYPE_PARSE",
                f'Could not parse "{value}". Should be ISO8601.',
            )
            return None

    def flag(self, name: str) -> bool | None:
        """Reads true or false."""
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.complain(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def snowflake(self, name: str, *, required: bool = False) -> int | None:
        """Reads an id."""
        value = self._value(name, required=required)
        return None if value is None else self.id_of(value, name)

    def id_of(self, value: Any, name: str) -> int | None:
        """Reads an id that stands in a list or an object; ``name`` says where."""
        number = read_id(value)
        if number is None:
            self.complain(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return number

    def listed(self, name: str, *, most: int) -> list[Any] | None:
        """Reads a list of at most so many entries."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.complain(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return None
        if len(value) > most:
            self.complain(name, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return None
        return value
