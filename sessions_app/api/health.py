"""``/api/health``: whether Rollcall is well, for monitors and for people."""

from datetime import timedelta
from typing import Any, Final, Literal

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from community.api.authentication import ApiKeyAuth, key_of
from community.api.fields import Moment
from community.api.problems import PROBLEMS, problem_examples
from community.domain.scopes import Scope
from community.domain.version import VERSION
from sessions_app.services.health import Health, check_health

router = Router(tags=["health"])


class SessionCounts(Schema):
    """Voice sessions, in counts."""

    active: int = Field(description="Sessions that go on.")
    stale: int = Field(
        description="Sessions that ended by estimate within the last hour, imported ones apart."
    )


class ShardCounts(Schema):
    """The bot's connections to Discord, in counts."""

    alive: int = Field(description="Shards whose bot has lately written that it lives.")
    known: int = Field(description="Shards that there should be.")


class WarningOut(Schema):
    """One thing that staff should look at."""

    code: str = Field(examples=["shard_silent"])
    message: str


class ShardOut(Schema):
    """One of the bot's connections to Discord."""

    shard_id: int
    shard_count: int
    is_alive: bool = Field(description="Whether its bot has lately written that it lives.")
    is_connected: bool
    heartbeat_at: Moment = Field(description="When its bot last wrote that it lives.")
    last_frame_at: Moment | None = Field(description="When Discord was last heard of.")
    latency_seconds: float | None = Field(description="Discord's heartbeat round trip.")
    queued_facts: int = Field(description="Facts that wait in the bot's memory to be written.")
    spooled_facts: int = Field(description="Facts that wait on its disk: the database is away.")
    retries: int = Field(description="Batches written again since the bot started.")


class JobOut(Schema):
    """One scheduled job, over the last day."""

    job: str
    started_at: Moment | None = Field(description="When its latest run began.")
    completed_at: Moment | None = Field(description="When it last ended without an error.")
    seconds_since_completion: float | None
    is_late: bool = Field(description="Whether it should have completed since.")


class HealthDetails(Schema):
    """What only a key with the scope health:read is told."""

    overdue_sessions: int = Field(description="Active sessions without a recent checkpoint.")
    warnings: list[WarningOut] = Field(description="What staff should look at.")
    shards: list[ShardOut]
    jobs: list[JobOut]


class HealthOut(Schema):
    """How Rollcall is."""

    status: Literal["ok", "degraded"] = Field(
        description="`degraded` where staff should look at something."
    )
    version: str = Field(examples=[VERSION])
    at: Moment
    sessions: SessionCounts
    active_members: dict[str, int] = Field(
        description="Users in a session now, by its kind.", examples=[{"voice": 12}]
    )
    shards: ShardCounts
    details: HealthDetails | None = Field(description="Null without a key.")


class DownOut(Schema):
    """Rollcall cannot reach its database."""

    status: Literal["down"] = "down"
    version: str = VERSION
    code: str = "database_unavailable"
    message: str = "The database is away; try again soon."


# A key is welcome, not needed; ninja has no words for that.
_KEY_WELCOME: Final[dict[str, Any]] = {"security": [{}, {ApiKeyAuth.__name__: []}]}


@router.get(
    "",
    response={200: HealthOut} | PROBLEMS | {503: DownOut},
    openapi_extra=_KEY_WELCOME | problem_examples(400, 401, 403),
    summary="How Rollcall is",
)
def health(request: HttpRequest) -> HealthOut | Status[DownOut]:
    """Tells whether Rollcall is well: 200 with `ok` or `degraded`, 503 with `down`.

    Without a key, status and counts. With a key that has the scope `health:read`, also
    the warnings, the shards and the jobs. A key that is refused is an error here too.
    """
    try:
        key = key_of(request, scope=Scope.HEALTH_READ)
        found = check_health(
            now=timezone.now(),
            checkpoint_every=timedelta(seconds=settings.CHECKPOINT_SECONDS),
        )
    except OperationalError:
        return Status(503, DownOut())
    return HealthOut(
        status="degraded" if found.warnings() else "ok",
        version=VERSION,
        at=found.at,
        sessions=SessionCounts(active=found.active_sessions, stale=found.stale_sessions),
        active_members=found.active_members,
        shards=shard_counts(found),
        details=_details(found) if key else None,
    )


def _details(found: Health) -> HealthDetails:
    return HealthDetails(
        overdue_sessions=found.overdue_sessions,
        warnings=warnings_out(found),
        shards=shards_out(found),
        jobs=jobs_out(found),
    )


def shard_counts(found: Health) -> ShardCounts:
    """Counts the shards."""
    return ShardCounts(alive=found.alive_shards, known=len(found.shards))


def warnings_out(found: Health) -> list[WarningOut]:
    """Says what staff should look at."""
    return [WarningOut(code=warning.code, message=warning.message) for warning in found.warnings()]


def shards_out(found: Health) -> list[ShardOut]:
    """Says how each shard is."""
    return [
        ShardOut(
            shard_id=part.shard.shard_id,
            shard_count=part.shard.shard_count,
            is_alive=part.is_alive,
            is_connected=part.shard.is_connected,
            heartbeat_at=part.shard.heartbeat_at,
            last_frame_at=part.shard.last_frame_at,
            latency_seconds=part.shard.latency_seconds,
            queued_facts=part.queued,
            spooled_facts=part.spooled,
            retries=part.retries,
        )
        for part in found.shards
    ]


def jobs_out(found: Health) -> list[JobOut]:
    """Says how each scheduled job is."""
    return [
        JobOut(
            job=job.job,
            started_at=job.started_at,
            completed_at=job.completed_at,
            seconds_since_completion=(found.at - job.completed_at).total_seconds()
            if job.completed_at
            else None,
            is_late=job.is_late,
        )
        for job in found.jobs
    ]
