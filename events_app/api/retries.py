"""Requests that are sent again, since their answer was lost: what they make is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from uuid import UUID, uuid5

from django.db import IntegrityError
from ninja import Field
from ninja.params.functions import Header
from pydantic import WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model, QuerySet

    from community.api.authentication import KeyedRequest

    Row = TypeVar("Row", bound=Model)

_IDS: Final = UUID("5a2f6f0e-64a1-4d8e-9c0b-0f1d6a3f7c11")
_LONGEST: Final = 200

IdempotencyKey = Annotated[
    str | None,
    Field(min_length=1, max_length=_LONGEST),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST}),
]
"""By which a request is known again."""

IN_HEADER: Final[Any] = Header(
    None,
    alias="Idempotency-Key",
    description="A text of your own, another for each thing to be made: a request that is sent "
    "again with it, by the same API key, answers with what the first one made.",
)
"""Where it stands."""


def id_for(request: KeyedRequest, what: str, text: str | None) -> UUID | None:
    """Gives the id of what a request makes; None where any will do.

    It comes from the API key's id, too: nobody meets what another's request made.

    Args:
        request: the request.
        what: what it makes, and of what.
        text: the idempotency key, where there is one.
    """
    return None if text is None else uuid5(_IDS, f"{request.auth.pk}/{what}/{text}")


def made_once(rows: QuerySet[Row], record_id: UUID | None, make: Callable[[], Row]) -> Row:
    """Makes a record, unless it is there.

    Args:
        rows: such records.
        record_id: its id, from :func:`id_for`.
        make: makes it, by that id.
    """
    if record_id is None:
        return make()
    found = rows.filter(pk=record_id).first()
    if found is not None:
        return found
    try:
        return make()
    except IntegrityError:
        # Of two at once the database lets one through.
        found = rows.filter(pk=record_id).first()
        if found is None:
            raise
        return found
