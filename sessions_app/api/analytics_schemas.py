"""What the API says of the health of sessions, and of what was done about it."""

from typing import Annotated, Any, Final, Literal

from django.conf import settings
from ninja import Field, Schema

from community.api.fields import (
    FlagFilter,
    Moment,
    PlainText,
    SnowflakeFilter,
    SnowflakeText,
    StrictBody,
    StrictQuery,
    UuidText,
)
from sessions_app.api.gaps import GapOut
from sessions_app.api.health import JobOut, ShardCounts, ShardOut, WarningOut
from sessions_app.domain import drift
from sessions_app.models import SessionStatus
from sessions_app.services.recovery import STALE_MINUTES

MINUTE: Final = 60
LEAST_STALE, MOST_STALE = STALE_MINUTES

ReasonText = Annotated[
    PlainText,
    Field(
        max_length=1000,
        description="Why; it stands in the audit trail.",
        examples=["The bot was away overnight."],
    ),
]

# Asked -----------------------------------------------------------------------------------


class SessionHealthQuery(StrictQuery):
    """How much to tell."""

    details: FlagFilter = Field(
        default=False, description="Whether to tell of shards, jobs, gaps and sessions."
    )


class RecoveryQuery(StrictQuery):
    """Which guilds to compare."""

    guild_id: SnowflakeFilter = Field(
        None,
        description="Only this guild, whoever is in voice there; otherwise the guilds with "
        "anyone in voice by the database, now or within the last hour.",
    )


class SweepIn(StrictBody):
    """How to sweep."""

    stale_minutes: float = Field(
        default_factory=lambda: settings.STALE_AFTER_SECONDS / MINUTE,
        alias="staleMinutes",
        ge=LEAST_STALE,
        le=MOST_STALE,
        description="A session is stale after so many minutes without a checkpoint, in a "
        "guild whose bot has been silent as long. Without it, the installation's setting.",
        examples=[3],
    )
    reason: ReasonText = ""


class RecoveryIn(StrictBody):
    """Why to mend."""

    reason: ReasonText = ""


# Answered --------------------------------------------------------------------------------


class SessionHealthCounts(Schema):
    """Voice sessions, in counts."""

    active: int = Field(description="Sessions that go on.")
    stale: int = Field(
        description="Sessions that ended by estimate within the last hour, imported ones apart."
    )
    overdue: int = Field(description="Active sessions without a recent checkpoint.")


class RecoverabilityOut(Schema):
    """Whether a comparison with Discord is possible now."""

    possible: bool = Field(description="Whether a bot runs for any guild within reach.")
    why_not: str | None = Field(description="Null where it is possible.")


class SweepRunOut(Schema):
    """The latest scheduled sweep, over the last day."""

    started_at: Moment | None
    completed_at: Moment | None = Field(description="When one last ended without an error.")


class ComparisonRunOut(Schema):
    """The latest comparison that was asked for, and that a bot answered."""

    guild_id: SnowflakeText
    at: Moment
    mend: bool = Field(description="Whether it was to mend, and not a dry run.")
    differences: int
    mended: int


class UnwellSession(Schema):
    """A session that is overdue or stale; `link` tells whose it is."""

    id: UuidText
    guild_id: SnowflakeText
    status: SessionStatus
    started_at: Moment
    last_seen_at: Moment
    ended_at: Moment | None = Field(description="Null while it goes on.")
    end_uncertainty: float = Field(description="Seconds by which the end may be off.")
    link: str = Field(description="The session in full, for a key with `sessions:read`.")


class SessionHealthDetails(Schema):
    """What stands behind the figures; of each list at most 100."""

    shards: list[ShardOut]
    jobs: list[JobOut]
    gaps: list[GapOut] = Field(description="Blind gaps that ended within the last 24 hours.")
    overdue_sessions: list[UnwellSession]
    stale_sessions: list[UnwellSession]


class SessionHealthOut(Schema):
    """How the sessions are."""

    status: Literal["ok", "degraded"] = Field(
        description="`degraded` where staff should look at something."
    )
    at: Moment
    sessions: SessionHealthCounts
    active_members: dict[str, int] = Field(
        description="Users in a session now, by its kind.", examples=[{"voice": 12}]
    )
    shards: ShardCounts
    recovery: RecoverabilityOut
    last_sweep: SweepRunOut
    last_comparison: ComparisonRunOut | None
    warnings: list[WarningOut] = Field(description="What staff should look at.")
    details: SessionHealthDetails | None = Field(description="Null without `details=true`.")


class SweepOut(Schema):
    """What a sweep ended."""

    at: Moment
    stale_minutes: float
    ended: int = Field(description="Sessions that ended by estimate.")
    dropped: int = Field(description="Sessions that were too short to keep.")
    ended_ids: list[UuidText] = Field(description="The first 100 of them.")
    dropped_ids: list[UuidText] = Field(description="The first 100 of them.")


class DriftOut(Schema):
    """One member of whom Discord says something else than the sessions."""

    kind: Literal[drift.KINDS] = Field(  # type: ignore[valid-type]  # a tuple's words
        description="`ghost`: a session goes on, and the member is not in voice. "
        "`moved_unseen`: they are in another channel. `rejoined`: in the same one, on "
        "another visit. `missing`: they are in voice, and no session goes on."
    )
    user_id: SnowflakeText
    channel_id: SnowflakeText | None = Field(description="Where the session is; null for none.")
    discord_channel_id: SnowflakeText | None = Field(
        description="Where Discord says they are; null for in no channel."
    )
    session_id: UuidText | None = Field(description="The session under way; null for none.")
    seconds: float = Field(description="How much time the difference is about.")


class RefusalOut(Schema):
    """Why a guild was not compared."""

    code: str = Field(examples=["no_bot_answered"])
    message: str


class GuildRecoveryOut(Schema):
    """What a comparison found in one guild."""

    guild_id: SnowflakeText
    error: RefusalOut | None = Field(description="Null where it was compared.")
    checked: int = Field(description="Members that Discord was asked about.")
    to_check: int = Field(description="Members there were to ask about.")
    drift: list[DriftOut]
    mended: int = Field(description="How many of those were mended; 0 in a dry run.")


class RecoveryOut(Schema):
    """What a recovery would do, or did."""

    at: Moment
    mend: bool = Field(description="False for a dry run.")
    differences: int
    mended: int
    guilds: list[GuildRecoveryOut]
    guilds_left_out: int = Field(
        description="Guilds beyond the 50 that are compared at once; name them by `guild_id`."
    )


# Examples --------------------------------------------------------------------------------

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "session_health": {
        "status": "degraded",
        "at": "2026-11-20T12:00:00Z",
        "sessions": {"active": 41, "stale": 7, "overdue": 0},
        "active_members": {"voice": 41},
        "shards": {"alive": 1, "known": 1},
        "recovery": {"possible": True, "why_not": None},
        "last_sweep": {
            "started_at": "2026-11-20T11:59:30Z",
            "completed_at": "2026-11-20T11:59:30.041Z",
        },
        "last_comparison": {
            "guild_id": "175928847299117063",
            "at": "2026-11-20T11:48:02Z",
            "mend": True,
            "differences": 1,
            "mended": 1,
        },
        "warnings": [
            {"code": "many_stale", "message": "7 sessions have gone stale in the last hour."}
        ],
        "details": None,
    },
    "sweep": {
        "at": "2026-11-20T12:00:00Z",
        "stale_minutes": 3,
        "ended": 1,
        "dropped": 0,
        "ended_ids": ["01935f0e-7a3b-7c44-9a53-0d1b5c6f7a10"],
        "dropped_ids": [],
    },
    "recovery": {
        "at": "2026-11-20T12:00:00Z",
        "mend": False,
        "differences": 1,
        "mended": 0,
        "guilds": [
            {
                "guild_id": "175928847299117063",
                "error": None,
                "checked": 41,
                "to_check": 41,
                "drift": [
                    {
                        "kind": "ghost",
                        "user_id": "80351110224678912",
                        "channel_id": "155101607195836416",
                        "discord_channel_id": None,
                        "session_id": "01935f0e-7a3b-7c44-9a53-0d1b5c6f7a10",
                        "seconds": 312.5,
                    }
                ],
                "mended": 0,
            }
        ],
        "guilds_left_out": 0,
    },
}
