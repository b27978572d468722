"""Fields of the form of a plan: times on the wall, lengths in minutes, shares in percent."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from unfold.widgets import INPUT_CLASSES

MINUTE = 60
MOST_MINUTES = 10**7


def number_box(**attrs: Any) -> forms.NumberInput:
    """Makes a box for a number of any fineness."""
    classes = " ".join(INPUT_CLASSES)
    return forms.NumberInput(attrs={"class": classes, "step": "any", "min": 0, **attrs})


class WallTimeField(forms.Field):
    """A time by the clock on the wall, without a zone: another field says which wall."""

    widget = forms.DateTimeInput(
        format="%Y-%m-%dT%H:%M:%S",
        attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)},
    )

    def to_python(self, value: Any) -> datetime | None:
        """Reads the time.

        Raises:
            ValidationError: it is none, or has a zone.
        """
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        try:
            at = parse_datetime(str(value).strip())
        except ValueError:
            at = None
        if at is None or at.tzinfo is not None:
            raise forms.ValidationError("Enter a day and a time, such as 2026-11-21 20:00.")
        return at

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Tells whether another time was entered."""
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True


class ScaledField(forms.FloatField):
    """A number that is kept in another unit than it is entered in."""

    factor: float

    def __init__(self, **kwargs: Any) -> None:
        """Asks for a number that is not negative; none is one, too."""
        kwargs.setdefault("widget", number_box())
        super().__init__(required=False, min_value=0, **kwargs)

    def shown(self, kept: float | None) -> str:
        """Gives what is kept in the unit in which it is entered."""
        return "" if kept is None else f"{kept / self.factor:.10g}"

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Tells whether another number was entered."""
        try:
            return self.to_python(data) != self.to_python(initial)
        except forms.ValidationError:
            return True


class MinutesField(ScaledField):
    """A length of time, entered in minutes and kept in whole seconds."""

    factor = MINUTE

    def kept(self, entered: float | None) -> int | None:
        """Gives the seconds."""
        return None if entered is None else math.floor(entered * MINUTE + 0.5)

    def clean(self, value: Any) -> Any:
        """Refuses what no calendar has room for."""
        minutes = super().clean(value)
        if minutes is not None and minutes > MOST_MINUTES:
            raise forms.ValidationError("That is longer than any event.")
        return minutes


class CreditedTimeField(MinutesField):
    """Time that is given on top: entered in minutes, cleaned to seconds; empty is none."""

    def clean(self, value: Any) -> float:
        """Gives the seconds."""
        return float((super().clean(value) or 0.0) * MINUTE)


class PercentField(ScaledField):
    """A share, entered in percent and kept from 0 to 1."""

    factor = 0.01

    def kept(self, entered: float | None) -> float | None:
        """Gives the share."""
        return None if entered is None else entered / 100
