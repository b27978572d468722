"""The form in which an organizer plans an event, and the plan that it stands for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from events_app.admin.pages import text_area
from events_app.admin.plan_choices import channel_choices, role_choices
from events_app.admin.plan_fields import MinutesField, PercentField, ScaledField, WallTimeField
from events_app.domain.local_times import instant_of, wall_of
from events_app.domain.plan import (
    FIELDS_OF_DISCORD,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    ROLE_FIELDS,
    Plan,
)
from events_app.domain.plan_json import as_json
from events_app.domain.problems import Problem
from events_app.domain.recurrence_rule import LONGEST_TEXT
from events_app.models import GapPolicy
from events_app.services.plan_problems import LONGEST_REASON

if TYPE_CHECKING:
    from datetime import datetime

ALONE, FROM_HERE = "alone", "from_here"

IDS: Final = ("channel_ids", *ROLE_FIELDS)
TIMES: Final = ("starts_at", "ends_at")

SECTIONS: Final = (
    ("What and when", ("title", "description", "time_zone", "starts_at", "ends_at", "rule")),
    ("Where it counts, and for whom", ("channel_ids", *ROLE_FIELDS)),
    (
        "Who qualifies",
        ("minimum_seconds", "minimum_share", "capacity", "reward_role"),
    ),
    ("Grace", ("late_grace_seconds", "early_grace_seconds", "rejoin_grace_seconds")),
    (
        "What time counts",
        ("counts_muted", "counts_deafened", "counts_alone", "counts_afk", "gap_policy"),
    ),
    ("How to save it", ("as_draft", "scope", "reason")),
)

RULE_HELP: Final = (
    "As RFC 5545 writes it, with COUNT or UNTIL: FREQ=WEEKLY;COUNT=8 is eight weeks on the same "
    "day, FREQ=WEEKLY;BYDAY=FR,SA;COUNT=8 both evenings, FREQ=MONTHLY;BYDAY=1SA;COUNT=6 each "
    "first Saturday."
)


def _many(help_text: str, *, label: str) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label,
        required=False,
        coerce=int,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text=help_text,
    )


def _switch(label: str, help_text: str = "") -> forms.BooleanField:
    return forms.BooleanField(
        label=label, required=False, widget=UnfoldBooleanWidget, help_text=help_text
    )


class PlanForm(forms.Form):
    """Everything that an organizer sets; times are those of the wall in the event's zone."""

    title = forms.CharField(max_length=LONGEST_TITLE, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(
        required=False, max_length=LONGEST_DESCRIPTION, widget=text_area(3)
    )
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        widget=UnfoldAdminSelect2Widget,
        help_text="Start and end are told by the clock on the wall there.",
    )
    starts_at = WallTimeField(label="Start")
    ends_at = WallTimeField(label="End")
    rule = forms.CharField(
        label="Repeats",
        required=False,
        max_length=LONGEST_TEXT,
        widget=UnfoldAdminTextInputWidget,
        help_text=f"Empty: once. {RULE_HELP}",
    )
    channel_ids = _many("None: the whole guild.", label="Channels and categories that count")
    any_role_ids = _many("One of them has to be held.", label="Any of these roles")
    all_role_ids = _many("They have to be held together.", label="All of these roles")
    no_role_ids = _many("None of them may be held.", label="None of these roles")
    minimum_seconds = MinutesField(label="Minimum stay, minutes", help_text="Empty: any.")
    minimum_share = PercentField(
        label="Minimum share of the window, percent", help_text="Empty: any."
    )
    capacity = forms.IntegerField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="So many can qualify, in the order of their arrival; empty: all.",
    )
    reward_role = forms.TypedChoiceField(
        label="Role for those who qualify",
        required=False,
        coerce=int,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
    )
    late_grace_seconds = MinutesField(
        label="Late grace, minutes",
        help_text="Who arrives at most so long after the start is not late.",
    )
    early_grace_seconds = MinutesField(
        label="Early grace, minutes",
        help_text="Who leaves at most so long before the end has not left early.",
    )
    rejoin_grace_seconds = MinutesField(
        label="Rejoin grace, minutes",
        help_text="Who is back within so long has not left. The hole counts for nothing.",
    )
    counts_muted = _switch("Muted time counts")
    counts_deafened = _switch("Deafened time counts")
    counts_alone = _switch("Time alone counts")
    counts_afk = _switch("AFK time counts")
    gap_policy = forms.ChoiceField(
        label="Blind gaps",
        choices=GapPolicy.choices,
        widget=UnfoldAdminRadioSelectWidget,
        help_text="What becomes of time in which nobody watched.",
    )
    as_draft = _switch("Keep it as a draft", "It counts for nobody until it is published.")
    scope = forms.ChoiceField(
        label="What changes",
        choices=[
            (ALONE, "this event alone"),
            (FROM_HERE, "this event and those of its series after it"),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=text_area(2),
        help_text="Why; it stands in the audit trail.",
    )
    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    previewed = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        guild_id: int,
        known: Plan,
        rule: str | None,
        is_new: bool,
        is_from_discord: bool = False,
        version: int | None = None,
    ) -> None:
        """Offers what the guild has, filled in with what is known.

        Args:
            data: what was sent; None for a form that is shown for the first time.
            guild_id: the guild.
            known: the plan of before, or what a new event's is proposed to be.
            rule: of a series that the event is in, from the event on; None where it is in
                none.
            is_new: whether there is no event yet.
            is_from_discord: whether Discord decides its title and its times.
            version: the version of the event that the form shows.
        """
        self.known = known
        super().__init__(
            data, initial=self._shown(known) | {"rule": rule or "", "expected_version": version}
        )
        fields = cast("dict[str, Any]", self.fields)
        fields["channel_ids"].choices = channel_choices(guild_id, chosen=known.channel_ids)
        roles = role_choices(guild_id, chosen=known.role_ids)
        for name in ROLE_FIELDS:
            fields[name].choices = roles
        fields["reward_role"].choices = [("", "none"), *roles]
        if is_new:
            del fields["scope"], fields["expected_version"]
        else:
            del fields["as_draft"]
            if rule is None:
                del fields["scope"], fields["rule"]
            else:
                fields["rule"].help_text = f"Of the events from here on. {RULE_HELP}"
                self.initial["scope"] = ALONE
        if is_from_discord:
            for name in FIELDS_OF_DISCORD:
                fields[name].disabled = True
                fields[name].help_text = "The event was made on Discord: this is edited there."

    def _shown(self, plan: Plan) -> dict[str, Any]:
        zone = ZoneInfo(plan.time_zone)
        shown: dict[str, Any] = dict(plan.columns())
        for name in TIMES:
            shown[name] = wall_of(shown[name], zone).replace(microsecond=0)
        for name, field in self.base_fields.items():
            if isinstance(field, ScaledField):
                shown[name] = field.shown(shown[name])
        shown["reward_role"] = "" if plan.reward_role is None else plan.reward_role
        return shown

    def clean(self) -> dict[str, Any]:
        """Turns what was entered into a plan, where every field of it is one by itself."""
        cleaned: dict[str, Any] = super().clean() or {}
        self.plan: Plan | None = None
        if cleaned.get("as_draft") and cleaned.get("rule"):
            self.add_error("as_draft", "A series is made at once: its events are no drafts.")
        instants: dict[str, Any] = {name: self._instant(name) for name in TIMES}
        if self.errors or None in instants.values():
            return cleaned
        values: dict[str, Any] = {
            name: self._kept(name) for name in self.known.columns() if name not in TIMES
        }
        self.plan = Plan(**values, **instants)
        return cleaned

    def _instant(self, name: str) -> datetime | None:
        """Tells which instant a time on the wall is; one that there is not is refused."""
        at, zone = self.cleaned_data.get(name), self.cleaned_data.get("time_zone")
        if at is None or zone is None:
            return None
        # The hour that comes twice, and what is finer than the form shows, stay as they are.
        is_same = name not in self.changed_data and "time_zone" not in self.changed_data
        if is_same or self.fields[name].disabled:
            return cast("datetime", getattr(self.known, name))
        instant = instant_of(at, ZoneInfo(zone), field=name)
        if isinstance(instant, Problem):
            self.add_error(name, instant.message)
            return None
        return instant

    def _kept(self, name: str) -> Any:
        """Gives a value as a plan has it; one that was not changed exactly as it was."""
        if name not in self.changed_data:
            return getattr(self.known, name)
        value, field = self.cleaned_data[name], self.fields[name]
        if isinstance(field, ScaledField):
            kept = cast("Any", field).kept(value)
            return 0 if kept is None and name.endswith("_grace_seconds") else kept
        return frozenset(value) if name in IDS else value

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Lays the fields out in groups; an empty group is left out."""
        laid_out = [
            (title, [self[name] for name in names if name in self.fields])
            for title, names in SECTIONS
        ]
        return [(title, fields) for title, fields in laid_out if fields]

    def show_preview_of(self, digest: str) -> None:
        """Has the page say of which plan it shows the preview."""
        data: Any = self.data
        self.data = data.copy()
        cast("Any", self.data)["previewed"] = digest

    def digest(self) -> str:
        """Gives what tells two plans apart, with the rule and how far it reaches."""
        if self.plan is None:
            return ""
        told = as_json(self.plan) | {
            name: self.cleaned_data.get(name) for name in ("rule", "scope", "expected_version")
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
