"""The column that keeps stretches of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, FloatField, Func
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class StretchesField(_Field):
    """Stretches of time that do not overlap: PostgreSQL's ``tstzmultirange``.

    In Python a list of ``(from, until)`` pairs of aware datetimes, in order; ``until``
    is None for a stretch that goes on (the range has no upper bound). Such a stretch
    ends where its session does, so that an estimate of that end can be taken back
    without a trace: whoever reads stretches cuts them by the session.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Defaults to no stretches at all."""
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002 - Django's signature
        """Names the column's type."""
        return "tstzmultirange"

    def from_db_value(
        self, value: Multirange[datetime] | None, *_: object
    ) -> list[tuple[datetime, datetime | None]]:
        """Turns the database's multirange into pairs."""
        return [(part.lower, part.upper) for part in value or () if part.lower is not None]

    def get_prep_value(
        self, value: list[tuple[datetime, datetime | None]] | None
    ) -> Multirange[datetime]:
        """Turns pairs into the database's multirange."""
        return Multirange(Range(start, end, "[)") for start, end in value or ())


class Seconds(Func):
    """The seconds of an interval."""

    template = "EXTRACT(EPOCH FROM %(expressions)s)"
    output_field = FloatField()


class _Parts(Func):
    template = (
        "(SELECT COALESCE(SUM(EXTRACT(EPOCH FROM upper(part) - lower(part))), 0)"
        " FROM unnest(%(expressions)s) AS part)"
    )
    arg_joiner = " * "
    output_field = FloatField()


def seconds_of(stretches: str) -> Func:
    """Sums a column of stretches, cut by the session, within the database.

    Args:
        stretches: the column's name.
    """
    session = Func(F("started_at"), F("ended_at"), function="tstzrange")
    return _Parts(F(stretches), Func(session, function="tstzmultirange"))
