"""The fields in which an organizer says how an event repeats, and the rule that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from events_app.domain import repeats
from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import FIELD, MOST_OCCURRENCES, parse_rule
from events_app.domain.repeats import Repeat, repeat_of, rule_of
from events_app.services.planning_errors import PlanError
from events_app.services.series_plans import places_of

if TYPE_CHECKING:
    from datetime import date

    from events_app.domain.plan import Plan
    from events_app.services.recurrence import Slot

KINDS: Final = (
    (repeats.ONCE, "not at all"),
    (repeats.DAILY, "daily"),
    (repeats.WEEKLY, "weekly"),
    (repeats.FORTNIGHTLY, "every two weeks"),
    (repeats.MONTHLY_DATE, "monthly, on the date of the start"),
    (repeats.MONTHLY_WEEKDAY, "monthly, on a day of the week"),
    (repeats.YEARLY, "yearly"),
    (repeats.OWN, "by a rule of its own"),
)
WEEKDAYS: Final = tuple(
    enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
)
NUMBERS: Final = (
    ("", "the one that the start is"),
    (1, "the first"),
    (2, "the second"),
    (3, "the third"),
    (4, "the fourth"),
    (repeats.LAST, "the last"),
)
COUNT, UNTIL = "count", "until"
ENDS: Final = ((COUNT, "after a number of events"), (UNTIL, "on a day"))

_IN_WORDS: Final = " ".join(kind for kind, _ in KINDS if kind not in {repeats.ONCE, repeats.OWN})
FIELDS: Final = (
    ("repeats", "", ""),
    ("weekdays", " ".join(sorted(repeats.WITH_WEEKDAYS)), ""),
    ("nth", repeats.MONTHLY_WEEKDAY, ""),
    ("repeat_ends", _IN_WORDS, ""),
    (repeats.COUNT_FIELD, _IN_WORDS, COUNT),
    (repeats.UNTIL_FIELD, _IN_WORDS, UNTIL),
    (FIELD, repeats.OWN, ""),
)
"""The fields, with which of the kinds and of the ends each matters; none: whatever is chosen."""

RULE_HELP: Final = (
    "As RFC 5545 writes it, with COUNT or UNTIL: FREQ=WEEKLY;INTERVAL=3;COUNT=8 is every third "
    "week on the same day, FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=6 each first and fifteenth."
)


class RepeatForm(forms.Form):
    """How an event repeats: in words, or as a rule.

    Attributes:
        rule_text: the rule that was entered, once the form is clean; empty: it does not repeat.
        places: when its events take place, as far as that could be worked out.
    """

    repeats = forms.ChoiceField(required=False, choices=KINDS, widget=UnfoldAdminSelectWidget)
    weekdays = forms.TypedMultipleChoiceField(
        label="On these days of the week",
        required=False,
        coerce=int,
        choices=WEEKDAYS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Weekly, every two weeks, or monthly on a day of the week. "
        "None: the day of the start.",
    )
    nth = forms.TypedChoiceField(
        label="Which of the month",
        required=False,
        coerce=int,
        empty_value=None,
        choices=NUMBERS,
        widget=UnfoldAdminSelectWidget,
        help_text="Monthly on a day of the week.",
    )
    repeat_ends = forms.ChoiceField(
        label="Ends", required=False, choices=ENDS, widget=UnfoldAdminRadioSelectWidget
    )
    repeat_count = forms.IntegerField(
        label="Number of events",
        required=False,
        min_value=1,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text=f"{MOST_OCCURRENCES} at most.",
    )
    repeat_until = forms.DateField(
        label="Last day",
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"type": "date", "class": " ".join(INPUT_CLASSES)}
        ),
        error_messages={"invalid": "Enter a day, such as 2026-11-21."},
    )
    rule = forms.CharField(
        label="Rule of its own",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget,
        help_text=RULE_HELP,
    )

    def __init__(self, data: Any = None, *, rule: str, initial: Any = None) -> None:
        """Shows a rule in words where there are any for it, else as a text.

        Args:
            data: what was sent; None for a form that is shown for the first time.
            rule: the rule of before; empty for none.
            initial: what stands in the other fields.
        """
        self._known = repeat_of(rule) if rule else None
        self._known_rule = rule
        self.rule_text = ""
        self.repeat: Repeat | None = None
        self.places: list[Slot] = []
        super().__init__(data, initial=(initial or {}) | self._shown())

    def _shown(self) -> dict[str, Any]:
        known = self._known
        if known is None:
            kind = repeats.OWN if self._known_rule else repeats.ONCE
            return {"repeats": kind, "rule": self._known_rule, "repeat_ends": COUNT}
        return {
            "repeats": known.kind,
            "weekdays": list(known.weekdays),
            "nth": "" if known.nth is None else known.nth,
            "repeat_ends": UNTIL if known.until else COUNT,
            repeats.COUNT_FIELD: known.count,
            repeats.UNTIL_FIELD: known.until,
        }

    def repeat_fields(self) -> list[tuple[forms.BoundField, str, str]]:
        """Lists the fields for the page; see :data:`FIELDS`."""
        return [(self[name], kinds, ends) for name, kinds, ends in FIELDS if name in self.fields]

    def place_of(self, problem: Problem) -> str:
        """Names the field in which what is wrong was entered."""
        return repeats.place_of(problem, self.repeat)

    def read_rule(self, first: date | None) -> Problem | None:
        """Reads how it repeats, into ``rule_text``.

        Args:
            first: the day of the first event; None where that is not known.

        Returns:
            What is wrong with it, or missing.
        """
        given = self.cleaned_data
        kind = given.get("repeats") or repeats.ONCE
        text = given.get(FIELD, "")
        # Without JavaScript a rule may be typed and the choice above it be forgotten.
        if text and FIELD in self.changed_data and "repeats" not in self.changed_data:
            kind = repeats.OWN
        self.rule_text, self.repeat = "", None
        if kind == repeats.ONCE:
            return None
        if kind != repeats.OWN:
            said = self._read_words(kind)
            if said is None or isinstance(said, Problem):
                return said
            self.repeat = said
            if first is None:
                return None
            written = rule_of(said, first=first)
            if isinstance(written, Problem):
                return written
            text = written
        read = parse_rule(text)
        if isinstance(read, Problem):
            return read
        self.rule_text = text
        return None

    def _read_words(self, kind: str) -> Repeat | Problem | None:
        given = self.cleaned_data
        until = given.get("repeat_ends") == UNTIL
        name = repeats.UNTIL_FIELD if until else repeats.COUNT_FIELD
        if name not in given:
            return None  # what was entered there is refused already
        if given[name] is None:
            asked = "On which day does it end?" if until else "After how many events does it end?"
            return Problem(name, "endless", asked)
        return Repeat(
            kind,
            tuple(sorted(given.get("weekdays", ()))) if kind in repeats.WITH_WEEKDAYS else (),
            given.get("nth") if kind == repeats.MONTHLY_WEEKDAY else None,
            count=None if until else given[name],
            until=given[name] if until else None,
        )

    def is_as_before(self) -> bool:
        """Tells whether it repeats as it did, once the rule was read."""
        if self.repeat is not None:
            return self.repeat == self._known
        return self.rule_text == self._known_rule

    def work_out(self, plan: Plan, rule: str) -> list[Problem]:
        """Works out when its events take place; gives what is wrong with that."""
        self.places = []
        try:
            self.places = places_of(plan, rule)
        except PlanError as error:
            return list(error.problems)
        return []
