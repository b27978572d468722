"""What a page of sessions or gaps has of them, and where it ends, so that the next begins there."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Annotated, Final, Self, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from ninja import Field
from pydantic import BeforeValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from community.api.fields import MomentFilter, StrictQuery

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = Struct(">q16s")
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, newest first: by its start, then by its id."""

    start: datetime
    id: UUID

    def __str__(self) -> str:
        """Writes it as the opaque text that a client hands back."""
        microseconds = (self.start - _EPOCH) // timedelta(microseconds=1)
        return urlsafe_b64encode(_FORM.pack(microseconds, self.id.bytes)).decode("ascii")

    @classmethod
    def read(cls, text: object) -> "Cursor":
        """Reads it back.

        Raises:
            PydanticCustomError: if it is nothing that this API gave out.
        """
        refusal = PydanticCustomError(
            "cursor", "should be a cursor from the next link of an earlier page"
        )
        if not isinstance(text, str) or not _TEXT.fullmatch(text):
            raise refusal
        microseconds, id_bytes = _FORM.unpack(urlsafe_b64decode(text))
        try:
            start = _EPOCH + timedelta(microseconds=microseconds)
        except OverflowError:
            raise refusal from None
        return cls(start, UUID(bytes=id_bytes))

    def after(self, column: str = "started_at") -> Q:
        """Chooses the rows that come after it.

        The first condition is what an index on (column, id) is entered by.

        Args:
            column: the one that holds the rows' start.
        """
        return Q(**{f"{column}__lte": self.start}) & (
            Q(**{f"{column}__lt": self.start}) | Q(id__lt=self.id)
        )

    def next_path(self, request: HttpRequest) -> str:
        """Gives the path of the page that begins behind it, with the request's filters."""
        query = request.GET.copy()
        query["cursor"] = str(self)
        return f"{request.path}?{query.urlencode()}"


Row = TypeVar("Row", bound=Model)


def page_of(
    rows: QuerySet[Row], request: HttpRequest, *, limit: int, start: str = "started_at"
) -> tuple[list[Row], str | None]:
    """Reads a page, newest first, and tells where the next one is.

    Args:
        rows: those from the page's beginning on.
        request: whose filters the next page has too.
        limit: how many to a page.
        start: the column that holds the rows' start.

    Returns:
        The rows, and the path of the next page; None where there is none.
    """
    found = list(rows.order_by(f"-{start}", "-id")[: limit + 1])
    shown = found[:limit]
    if len(found) == len(shown):
        return shown, None
    return shown, Cursor(getattr(shown[-1], start), shown[-1].pk).next_path(request)


CursorFilter = Annotated[
    Cursor | None,
    BeforeValidator(Cursor.read),
    WithJsonSchema({"type": "string", "pattern": f"^{_TEXT.pattern}$"}),
]
"""A cursor as a request names it."""


class PageQuery(StrictQuery):
    """Which window of time to list, and which page of it."""

    from_: MomentFilter = Field(
        None,
        alias="from",
        description="Only what has time after this instant: it ends later, or goes on. "
        "Together with `until`: whatever overlaps the window, not only what lies within it.",
    )
    until: MomentFilter = Field(
        None, description="Only what has time before this instant: it begins earlier."
    )
    limit: int = Field(50, ge=1, le=200, description="How many to a page.")
    cursor: CursorFilter = Field(
        None, description="Where the page begins: take it from `next` of the page before."
    )

    @model_validator(mode="after")
    def _refuse_a_window_turned_around(self) -> Self:
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            raise PydanticCustomError("window", "should be after from", {"field": "until"})
        return self
