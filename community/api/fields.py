"""The kinds of values that the API's addresses and answers are made of."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema
from ninja.params.models import Query as QueryParameters
from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from community.api.problems import ApiError

View = Callable[..., Any]

# Below 2^63 by its first digit, which snowflakes reach in the year 2080.
_SNOWFLAKE: Final = re.compile(r"0|[1-9][0-9]{0,17}|[1-8][0-9]{18}", re.ASCII)

_DATE_AND_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]", re.ASCII)


def _read_snowflake(value: object) -> int:
    if not isinstance(value, str) or not _SNOWFLAKE.fullmatch(value):
        raise PydanticCustomError("snowflake", "should be a Discord id in decimal digits")
    return int(value)


def _read_flag(value: object) -> bool:
    if value not in {"true", "false"}:
        raise PydanticCustomError("flag", "should be true or false")
    return value == "true"


def _read_moment(value: object, read: ValidatorFunctionWrapHandler) -> datetime:
    refusal = PydanticCustomError(
        "moment",
        "should be a time with its zone, such as 2026-11-20T12:00:00Z "
        "(in an address, + is written %2B)",
    )
    # A number would be read as seconds since 1970, or as milliseconds if it is large.
    if not isinstance(value, str) or not _DATE_AND_TIME.match(value):
        raise refusal
    try:
        moment: datetime = read(value)
    except ValueError:
        raise refusal from None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "should lie within the years 1 to 9999") from None


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


# Filters may be left out, which their types say, and are never null, which their schemas say.
SnowflakeFilter = Annotated[
    int | None,
    BeforeValidator(_read_snowflake),
    WithJsonSchema({"type": "string", "pattern": f"^({_SNOWFLAKE.pattern})$"}),
]
"""A Discord id as a request names it: decimal digits, which fit 64 bits."""

PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""Words of a person: anything that PostgreSQL keeps as text, which a NUL is not."""

UuidFilter = Annotated[UUID | None, WithJsonSchema({"type": "string", "format": "uuid"})]
"""An id of Rollcall's own as a request names it."""

FlagFilter = Annotated[
    bool, BeforeValidator(_read_flag), WithJsonSchema({"type": "boolean", "default": False})
]
"""A switch as a request names it: true or false, and nothing else that might mean so."""

SnowflakeText = Annotated[
    int,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+$", "examples": ["175928847299117063"]}),
]
"""A Discord id in an answer: text, since JavaScript's numbers would round it."""

MomentFilter = Annotated[
    AwareDatetime | None,
    WrapValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time as a request names it: ISO 8601 with its zone."""

SnowflakeInput = Annotated[
    int,
    BeforeValidator(_read_snowflake),
    WithJsonSchema({"type": "string", "pattern": f"^({_SNOWFLAKE.pattern})$"}),
]
"""A Discord id as a body or an address has it: decimal digits, in a body as text."""

MomentInput = Annotated[
    AwareDatetime,
    Strict(False),
    WrapValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time as a body has it: ISO 8601 with its zone."""

UuidInput = Annotated[UUID, Strict(False), WithJsonSchema({"type": "string", "format": "uuid"})]
"""An id of Rollcall's own as a body has it."""

UuidText = Annotated[
    UUID,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
"""An id of Rollcall's own in an answer."""

Moment = Annotated[
    datetime,
    PlainSerializer(_write_moment, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-11-20T12:00:00.250000Z"]}
    ),
]
"""A time in an answer: ISO 8601 in UTC, ending in Z."""


class StrayParameterError(ApiError):
    """{field} is not a parameter here"""  # noqa: D415 (as the other refusals of parameters)

    code = "invalid"
    status = 422


def stray_parameters_refused(view: View) -> View:
    """Makes an endpoint without query parameters refuse them; the others' are StrictQuery.

    Args:
        view: what answers, after its arguments were read.
    """
    annotations = (each.annotation for each in signature(view).parameters.values())
    given = (kind for each in annotations for kind in getattr(each, "__metadata__", ()))
    if any(isinstance(kind, QueryParameters) for kind in given):
        return view

    @wraps(view)
    def strict(request: HttpRequest, *args: Any, **values: Any) -> Any:
        for name in request.GET:
            raise StrayParameterError(field=name[:100])
        return view(request, *args, **values)

    return strict


class StrictQuery(Schema):
    """Query parameters, where one that is unknown or given twice is refused.

    A misspelled filter that is ignored would answer with everything.
    """

    @model_validator(mode="before")
    @classmethod
    def _refuse_strays(cls, values: Any, info: ValidationInfo) -> Any:
        lists = {
            field.alias or name
            for name, field in cls.model_fields.items()
            if getattr(field.annotation, "__origin__", None) is list
        }
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for name, given in (info.context or {})["request"].GET.lists():
            if name not in known:
                raise PydanticCustomError(
                    "unknown_parameter", "is not a parameter here", {"field": name[:100]}
                )
            if len(given) > 1 and name not in lists:
                raise PydanticCustomError(
                    "repeated_parameter", "can be given only once", {"field": name}
                )
        return values


class StrictBody(Schema):
    """A request's body, where a field that is unknown is refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True)
