"""The form in which an organizer plans an event, and the plan that it stands for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from django import forms
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from community.admin.pages import text_area
from events_app.admin.plan_choices import channel_choices, role_choices
from events_app.admin.plan_fields import MinutesField, PercentField, ScaledField, WallTimeField
from events_app.admin.repeat_form import FIELDS, KINDS, RepeatForm
from events_app.domain.local_times import instant_of, wall_of, zone_names
from events_app.domain.plan import (
    FIELDS_OF_DISCORD,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    ROLE_FIELDS,
    Plan,
)
from events_app.domain.plan_json import as_json
from events_app.domain.problems import Problem
from events_app.domain.repeats import ONCE
from events_app.models import GapPolicy
from events_app.services.plan_problems import LONGEST_REASON

if TYPE_CHECKING:
    from datetime import datetime

ALONE, FROM_HERE = "alone", "from_here"

IDS: Final = ("channel_ids", *ROLE_FIELDS)
TIMES: Final = ("starts_at", "ends_at")

SECTIONS: Final = (
    ("What and when", ("title", "description", "time_zone", "starts_at", "ends_at")),
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


class PlanForm(RepeatForm):
    """Everything that an organizer sets; times are those of the wall in the event's zone."""

    title = forms.CharField(max_length=LONGEST_TITLE, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(
        required=False, max_length=LONGEST_DESCRIPTION, widget=text_area(3)
    )
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(zone_names())],
        widget=UnfoldAdminSelect2Widget,
        help_text="Start and end are told by the clock on the wall there.",
    )
    starts_at = WallTimeField(label="Start")
    ends_at = WallTimeField(label="End")
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
            data,
            rule=rule or "",
            initial=self._shown_of(known) | {"expected_version": version},
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
                for name in ("scope", *(name for name, _, _ in FIELDS)):
                    del fields[name]
            else:
                fields["repeats"].choices = [kind for kind in KINDS if kind[0] != ONCE]
                self.initial["scope"] = ALONE
                self.work_out(known, rule)
        if is_from_discord:
            for name in FIELDS_OF_DISCORD:
                fields[name].disabled = True
                fields[name].help_text = "The event was made on Discord: this is edited there."

    def _shown_of(self, plan: Plan) -> dict[str, Any]:
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
        instants: dict[str, Any] = {name: self._instant(name) for name in TIMES}
        if "repeats" in self.fields:
            self._clean_repeat(instants)
        if cleaned.get("as_draft") and self.rule_text:
            self.add_error("as_draft", "A series is made at once: its events are no drafts.")
        if self.errors or None in instants.values():
            return cleaned
        values: dict[str, Any] = {
            name: self._kept(name) for name in self.known.columns() if name not in TIMES
        }
        self.plan = Plan(**values, **instants)
        return cleaned

    def _clean_repeat(self, instants: dict[str, Any]) -> None:
        """Reads how it repeats; where one event alone changes that has to stay as it is."""
        starts_at, zone = instants["starts_at"], self.cleaned_data.get("time_zone")
        first = wall_of(starts_at, ZoneInfo(zone)).date() if starts_at and zone else None
        problem = self.read_rule(first)
        if self.cleaned_data.get("scope") == ALONE:
            if problem is not None or not self.is_as_before():
                self.add_error("scope", "How it repeats changes from an event on, never alone.")
            self.rule_text = ""
            self.work_out(self.known, self._known_rule)
        elif problem is not None:
            self.add_error(self.place_of(problem), problem.message)
        elif self.rule_text and zone and None not in instants.values():
            times = Plan(title="", time_zone=zone, **instants)
            for found in self.work_out(times, self.rule_text):
                self.add_error(self.place_of(found), found.message)

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
        told = (
            as_json(self.plan)
            | {"rule": self.rule_text}
            | {name: self.cleaned_data.get(name) for name in ("scope", "expected_version")}
        )
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
