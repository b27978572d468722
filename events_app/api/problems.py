"""What the services of events refuse, as the API answers it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from community.api.problems import (
    PROBLEMS,
    ApiError,
    NotFoundError,
    Problem,
    problem_examples,
)
from events_app.services.decision_errors import (
    DecisionError,
    NoSuchCreditError,
    NoSuchDisputeError,
    NoSuchGapError,
    UnfitTextError,
)
from events_app.services.planning_errors import (
    NoSuchEventError,
    NoSuchSeriesError,
    NoSuchVersionError,
    PlanError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND: Final = {**PROBLEMS, 404: Problem}
"""The refusals of an endpoint that is about one record."""

CHANGED: Final = {**FOUND, 409: Problem}
"""The refusals of an endpoint that changes one record."""


class InputRefusedError(ApiError):
    """{messages}"""  # noqa: D415 - the messages are sentences

    code = "invalid"
    status = 422


# A record may have gone between its being found and its being changed.
_GONE: Final[dict[type[Exception], str]] = {
    NoSuchEventError: "event",
    NoSuchSeriesError: "series",
    NoSuchCreditError: "credit",
    NoSuchDisputeError: "dispute",
    NoSuchGapError: "blind gap",
}


@contextmanager
def refusals_told(*, text_field: str = "reason") -> Iterator[None]:
    """Tells what a service refuses by the field that is wrong, or as not found.

    Anything else is a conflict with how things stand, as everywhere in the API.

    Args:
        text_field: the field of the request in which a person writes why.
    """
    try:
        yield
    except tuple(_GONE) as error:
        raise NotFoundError(what=_GONE[type(error)]) from error
    except PlanError as error:
        messages = "; ".join(f"{each.field}: {each.message}" for each in error.problems)
        raise InputRefusedError(messages=messages, field=error.problems[0].field) from error
    except NoSuchVersionError as error:
        raise InputRefusedError(messages=f"version: {error}", field="version") from error
    except DecisionError as error:
        field = text_field if isinstance(error, UnfitTextError) else error.field
        if not field:
            raise
        raise InputRefusedError(messages=f"{field}: {error}", field=field) from error


def examples(refusals: dict[int, type[Problem]]) -> dict[str, Any]:
    """Gives the schema of an endpoint an example for each of its refusals."""
    return problem_examples(*refusals)
