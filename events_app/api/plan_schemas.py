"""What a request says of an event's or a series' plan."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal, Self

from ninja import Field
from pydantic import FiniteFloat, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from community.api.fields import MomentInput, SnowflakeInput, StrictBody
from events_app.domain.plan import LONGEST_DESCRIPTION, LONGEST_TITLE, PLAN_FIELDS, Plan
from events_app.domain.recurrence_rule import LONGEST_TEXT, MOST_OCCURRENCES
from events_app.services.plan_problems import LONGEST_REASON

# What PostgreSQL keeps as an integer.
MOST: Final = 2**31 - 1

Ids = Annotated[list[SnowflakeInput], Field(max_length=200)]
Seconds = Annotated[int, Field(ge=0, le=MOST)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Seats = Annotated[int, Field(ge=1, le=MOST)]
Policy = Literal["exclude", "credit"]
WHY: Final = f"Why, for the trail; at most {LONGEST_REASON} characters."
ReasonText = Annotated[str, Field(description=WHY)]

# In a change these may be left out, which their types say, and are null only where null has
# a meaning, which their schemas say.
_NULLABLE: Final = frozenset({"minimum_seconds", "minimum_share", "capacity", "reward_role"})

_CHANNELS: Final = "Channels and categories that count; none: the whole guild."
_ANY: Final = "Roles of which one has to be held."
_ALL: Final = "Roles that have to be held together."
_NONE: Final = "Roles that must not be held."
_TITLE: Final = f"At most {LONGEST_TITLE} characters."
_DESCRIPTION: Final = f"At most {LONGEST_DESCRIPTION} characters."
_ZONE: Final = "IANA name, such as Europe/Berlin."
_REWARD: Final = "Role for those who qualify; null: none."


def _plain(schema: dict[str, Any]) -> Any:
    return WithJsonSchema(schema)


_ID_LIST: Final = {
    "type": "array",
    "maxItems": 200,
    "items": {"type": "string", "pattern": "^[0-9]+$"},
}
_GRACE: Final = {"type": "integer", "minimum": 0, "maximum": MOST}

TextChange = Annotated[str | None, _plain({"type": "string"})]
FlagChange = Annotated[bool | None, _plain({"type": "boolean"})]
IdsChange = Annotated[Ids | None, _plain(_ID_LIST)]
GraceChange = Annotated[Seconds | None, _plain(_GRACE)]
MomentChange = Annotated[MomentInput | None, _plain({"type": "string", "format": "date-time"})]
PolicyChange = Annotated[Policy | None, _plain({"type": "string", "enum": ["exclude", "credit"]})]


class PlanIn(StrictBody):
    """A plan as a whole; what is left out has its usual value."""

    title: str = Field(description=_TITLE, examples=["Game night"])
    description: str = Field("", description=_DESCRIPTION)
    time_zone: str = Field(max_length=64, description=_ZONE, examples=["Europe/Berlin"])
    starts_at: MomentInput
    ends_at: MomentInput = Field(description="At most seven days after the start.")
    channel_ids: Ids = Field(default_factory=list, description=_CHANNELS)
    any_role_ids: Ids = Field(default_factory=list, description=_ANY)
    all_role_ids: Ids = Field(default_factory=list, description=_ALL)
    no_role_ids: Ids = Field(default_factory=list, description=_NONE)
    minimum_seconds: Seconds | None = None
    minimum_share: Share | None = Field(None, description="Of the window, from 0 to 1.")
    late_grace_seconds: Seconds = 0
    early_grace_seconds: Seconds = 0
    rejoin_grace_seconds: Seconds = 0
    capacity: Seats | None = None
    counts_muted: bool = True
    counts_deafened: bool = True
    counts_alone: bool = True
    counts_afk: bool = False
    gap_policy: Policy = "exclude"
    reward_role: SnowflakeInput | None = Field(None, description=_REWARD)

    def plan(self) -> Plan:
        """Gives the plan."""
        return Plan(**{name: _value(getattr(self, name)) for name in PLAN_FIELDS})


class GuildPlanIn(PlanIn):
    """A plan, and the guild that it is for."""

    guild_id: SnowflakeInput


class EventIn(GuildPlanIn):
    """An event that is to be."""

    as_draft: bool = Field(False, description="Whether it counts for nobody for now.")


class SeriesIn(GuildPlanIn):
    """A series that is to be: the plan of its first event, and the rule."""

    rule: str = Field(
        max_length=LONGEST_TEXT,
        description=f"RFC 5545, with COUNT or UNTIL; {MOST_OCCURRENCES} events at most.",
        examples=["FREQ=WEEKLY;BYDAY=SA;COUNT=8"],
    )
    reason: ReasonText = ""


class PlanChange(StrictBody):
    """What changes of a plan; what is left out stays."""

    title: TextChange = Field(None, description=_TITLE)
    description: TextChange = Field(None, description=_DESCRIPTION)
    time_zone: TextChange = Field(None, max_length=64, description=_ZONE)
    starts_at: MomentChange = None
    ends_at: MomentChange = None
    channel_ids: IdsChange = Field(None, description=_CHANNELS)
    any_role_ids: IdsChange = Field(None, description=_ANY)
    all_role_ids: IdsChange = Field(None, description=_ALL)
    no_role_ids: IdsChange = Field(None, description=_NONE)
    minimum_seconds: Seconds | None = Field(None, description="Null: any.")
    minimum_share: Share | None = Field(None, description="Of the window; null: any.")
    late_grace_seconds: GraceChange = None
    early_grace_seconds: GraceChange = None
    rejoin_grace_seconds: GraceChange = None
    capacity: Seats | None = Field(None, description="Null: all.")
    counts_muted: FlagChange = None
    counts_deafened: FlagChange = None
    counts_alone: FlagChange = None
    counts_afk: FlagChange = None
    gap_policy: PolicyChange = None
    reward_role: SnowflakeInput | None = Field(None, description=_REWARD)

    @model_validator(mode="after")
    def _refuse_null_without_meaning(self) -> Self:
        for name in sorted(self.model_fields_set - _NULLABLE):
            if getattr(self, name) is None:
                raise PydanticCustomError("null", "should not be null", {"field": name})
        return self

    def put_on(self, plan: Plan) -> Plan:
        """Gives a plan with what changes."""
        given = [name for name in PLAN_FIELDS if name in self.model_fields_set]
        return replace(plan, **{name: _value(getattr(self, name)) for name in given})


VersionSeen = Annotated[
    Annotated[int, Field(ge=1, le=MOST)] | None,
    Field(
        description="The version that you saw; the change is refused with a 409 if there is "
        "another by now. Null: none."
    ),
]


class EventChange(PlanChange):
    """What changes of an event, and why."""

    expected_version: VersionSeen = None
    reason: ReasonText = ""


class SeriesChange(EventChange):
    """What changes of a series from one of its events on, and why."""

    rule: TextChange = Field(
        None,
        max_length=LONGEST_TEXT,
        description="By which it repeats from this event on; left out: as before.",
    )


class DecisionIn(StrictBody):
    """Which version of an event something is decided on, and why."""

    expected_version: VersionSeen = None
    reason: ReasonText = ""


class UndoIn(DecisionIn):
    """Which version an event is to be as again, and why."""

    version: int = Field(ge=1, le=MOST, description="Number of an earlier version.")


class SeriesCancellationIn(StrictBody):
    """Why a series is cancelled."""

    reason: ReasonText = ""


class AnnouncementIn(StrictBody):
    """Which version of an event is to be shown on Discord."""

    expected_version: VersionSeen = None


def _value(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value
