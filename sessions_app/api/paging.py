"""Where a page of sessions ends, so that the next one begins right behind it."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Annotated, Final
from uuid import UUID

from django.db.models import Q
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM: Final = Struct(">q16s")
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last session of a page, newest first: by its start, then by its id."""

    started_at: datetime
    id: UUID

    def __str__(self) -> str:
        """Writes it as the opaque text that a client hands back."""
        microseconds = (self.started_at - _EPOCH) // timedelta(microseconds=1)
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
            started_at = _EPOCH + timedelta(microseconds=microseconds)
        except OverflowError:
            raise refusal from None
        return cls(started_at, UUID(bytes=id_bytes))

    def after(self) -> Q:
        """Chooses the sessions that come after it.

        The first condition is what an index on (started_at, id) is entered by.
        """
        return Q(started_at__lte=self.started_at) & (
            Q(started_at__lt=self.started_at) | Q(id__lt=self.id)
        )


CursorFilter = Annotated[
    Cursor | None,
    BeforeValidator(Cursor.read),
    WithJsonSchema({"type": "string", "pattern": f"^{_TEXT.pattern}$"}),
]
"""A cursor as a request names it."""
