"""What the API answers when it cannot do as asked: one shape for every error."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import Field, NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

from community.domain.errors import RollcallError
from community.domain.scopes import ScopeMissingError


class Problem(Schema):
    """Why a request was refused."""

    code: str = Field(description="What went wrong, for a program.", examples=["invalid"])
    message: str = Field(
        description="What went wrong, for a person.",
        examples=["limit should be less than or equal to 200"],
    )
    field: str | None = Field(
        default=None,
        description="The parameter that is wrong, where one is.",
        examples=["limit"],
    )


PROBLEMS: Final = dict.fromkeys((400, 401, 403, 422, 503), Problem)
"""The refusals that every endpoint behind a key may answer with."""

_EXAMPLES: Final = {
    400: ("bad_request", "The request is malformed or too large."),
    401: ("key_refused", "This API key is unknown, has expired or was revoked."),
    403: ("scope_missing", "This key lacks the scope sessions:read."),
    404: ("not_found", "There is nothing with this id within your key's reach."),
    409: (
        "changed_meanwhile",
        "Somebody changed the event meanwhile: it is version 3 now, and not 2.",
    ),
    503: ("database_unavailable", "The database is away; try again soon."),
}


def problem_examples(*statuses: int) -> dict[str, Any]:
    """Gives the schema of an endpoint an example for each of its refusals."""
    return {
        "responses": {
            status: {
                "content": {"application/json": {"example": {"code": code, "message": message}}}
            }
            for status, (code, message) in _EXAMPLES.items()
            if status in statuses
        }
    }


class ApiError(RollcallError):
    """The request cannot be answered."""

    status: ClassVar[int] = 400


class KeyMissingError(ApiError):
    """Send your API key as the header "Authorization: Bearer rc_..."."""

    code = "key_missing"
    status = 401


class KeyRefusedError(ApiError):
    """This API key is unknown, has expired or was revoked."""

    code = "key_refused"
    status = 401


class NotFoundError(ApiError):
    """There is no {what} with this id within your key's reach."""

    code = "not_found"
    status = 404


# What services refuse, by what it means over HTTP; anything else is a conflict with how
# things stand.
_STATUSES: Final[Mapping[type[RollcallError], int]] = {ScopeMissingError: 403}
_CONFLICT: Final = 409

_CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    415: "unsupported_media_type",
    429: "too_many_requests",
}
_CHALLENGE: Final = 'Bearer realm="Rollcall"'
_RETRY_SECONDS: Final = 5
# A body that is none, or nothing like one: its place is the name of our own variable.
_BODY: Final = "body"
_SENTENCES: Final = {
    "extra_forbidden": "is not a field here",
    "missing": "is missing",
    "model_attributes_type": "should be a JSON object",
}
_PYDANTIC_SUBJECT: Final = re.compile(r"^(?:Input|String|List|Value) should ")


def problem(status: int, code: str, message: str, *, field: str | None = None) -> HttpResponse:
    """Builds the answer for a request that is refused."""
    body = {"code": code, "message": message}
    if field is not None:
        body["field"] = field
    response = JsonResponse(body, status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = _CHALLENGE
    return response


def problem_of_status(status: int, message: str) -> HttpResponse:
    """Builds the answer where nothing but an HTTP status tells what is wrong."""
    return problem(status, _CODES.get(status, "error"), message)


def translate_errors(api: NinjaAPI) -> None:
    """Teaches an API to answer each error in the one shape."""
    api.add_exception_handler(RollcallError, lambda _, error: refusal(error))
    api.add_exception_handler(ValidationError, _validation_error)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(SuspiciousOperation, _suspicious)
    api.add_exception_handler(OperationalError, lambda *_: database_away())


def refusal(error: Any) -> HttpResponse:
    """Builds the answer to what a service, or the API itself, refuses."""
    known = (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    status = error.status if isinstance(error, ApiError) else next(known, _CONFLICT)
    return problem(status, error.code, str(error), field=error.data.get("field"))


def _validation_error(_: HttpRequest, error: Any) -> HttpResponse:
    fields, sentences = [], []
    for entry in error.errors:
        # The last name in the place: a list's item stands behind it by its number.
        place = next(part for part in reversed(entry["loc"]) if isinstance(part, str))
        is_whole_body = entry["loc"][0] == _BODY and len(entry["loc"]) == len((_BODY, place))
        fields.append(entry.get("ctx", {}).get("field", _BODY if is_whole_body else place))
        message = _SENTENCES.get(entry["type"], entry["msg"])
        sentences.append(f"{fields[-1]} {_PYDANTIC_SUBJECT.sub('should ', message)}")
    return problem(422, "invalid", "; ".join(sentences), field=fields[0])


def _http_error(_: HttpRequest, error: Any) -> HttpResponse:
    return problem_of_status(error.status_code, str(error))


def _not_found(_: HttpRequest, __: Any) -> HttpResponse:
    return problem_of_status(404, "There is nothing here.")


def _suspicious(_: HttpRequest, __: Any) -> HttpResponse:
    return problem_of_status(400, "The request is malformed or too large.")


def database_away() -> HttpResponse:
    """Builds the answer for as long as the database is away."""
    response = problem(503, "database_unavailable", "The database is away; try again soon.")
    response["Retry-After"] = str(_RETRY_SECONDS)
    return response
