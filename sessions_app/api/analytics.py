"""``/api/analytics``: the health of sessions, and what is done where it is not good."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router

from community.api.authentication import ApiKeyAuth, KeyedRequest, guild_ids_of
from community.api.problems import PROBLEMS, ApiError, problem_examples
from community.domain.scopes import Scope, ScopeMissingError
from sessions_app.api.analytics_schemas import (
    EXAMPLES,
    ComparisonRunOut,
    DriftOut,
    GuildRecoveryOut,
    RecoverabilityOut,
    RecoveryIn,
    RecoveryOut,
    RecoveryQuery,
    RefusalOut,
    SessionHealthCounts,
    SessionHealthDetails,
    SessionHealthOut,
    SessionHealthQuery,
    SweepIn,
    SweepOut,
    SweepRunOut,
    UnwellSession,
)
from sessions_app.api.gaps import gap_out, with_guild_names
from sessions_app.api.health import jobs_out, shard_counts, shards_out, warnings_out
from sessions_app.models import SessionStatus, VoiceSession
from sessions_app.services import health_records, recovery
from sessions_app.services.comparison import (
    ANSWER_SECONDS,
    Comparison,
    NoBotAnsweredError,
    NoBotRunsError,
    compare_guilds,
)
from sessions_app.services.health import Health, check_health
from sessions_app.services.health_records import MOST_LISTED
from sessions_app.services.recovery import LatestComparison

router = Router(tags=["health"])

_READ: Final = ApiKeyAuth(Scope.HEALTH_READ)
_RECOVER: Final = ApiKeyAuth(Scope.SESSIONS_RECOVER)


class RecoveryImpossibleError(ApiError):
    """{reason}"""  # noqa: D415 - the reason is a sentence

    code = NoBotAnsweredError.code
    status = 503


def _documented(example: str, *, scope: Scope) -> dict[str, Any]:
    """Describes an endpoint's answers by examples."""
    answer = {"content": {"application/json": {"example": EXAMPLES[example]}}}
    refused = {"code": ScopeMissingError.code, "message": str(ScopeMissingError(scope=scope))}
    refusals = problem_examples(*PROBLEMS)["responses"]
    refusals[403]["content"]["application/json"]["example"] = refused
    if example == "recovery":
        error = NoBotAnsweredError(seconds=ANSWER_SECONDS)
        away = refusals[503]["content"]["application/json"].pop("example")
        refusals[503]["content"]["application/json"]["examples"] = {
            problem["code"]: {"value": problem}
            for problem in ({"code": error.code, "message": str(error)}, away)
        }
    return {"responses": {200: answer} | refusals}


@router.get(
    "/session-health",
    auth=_READ,
    response={200: SessionHealthOut} | PROBLEMS,
    by_alias=True,
    openapi_extra=_documented("session_health", scope=Scope.HEALTH_READ),
    summary="How the sessions are",
)
def session_health(request: KeyedRequest, query: Query[SessionHealthQuery]) -> SessionHealthOut:
    """Tells how well sessions are kept; asks for the scope `health:read`.

    Sessions and gaps are those of the key's guilds; shards and jobs are the installation's.
    """
    guild_ids, now = guild_ids_of(request.auth), timezone.now()
    every = timedelta(seconds=settings.CHECKPOINT_SECONDS)
    found = check_health(now=now, checkpoint_every=every, guild_ids=guild_ids)
    warnings = warnings_out(found)
    possible = recovery.recoverability(guild_ids, now=now)
    latest = recovery.latest_comparison(guild_ids)
    return SessionHealthOut(
        status="degraded" if warnings else "ok",
        at=found.at,
        sessions=SessionHealthCounts(
            active=found.active_sessions,
            stale=found.stale_sessions,
            overdue=found.overdue_sessions,
        ),
        active_members=found.active_members,
        shards=shard_counts(found),
        recovery=RecoverabilityOut(possible=possible.possible, why_not=possible.why_not or None),
        last_sweep=SweepRunOut(
            started_at=found.sweep.started_at, completed_at=found.sweep.completed_at
        ),
        last_comparison=None if latest is None else _comparison_run(latest),
        warnings=warnings,
        details=_details(found, guild_ids=guild_ids, every=every) if query.details else None,
    )


@router.post(
    "/session-health",
    auth=_RECOVER,
    response={200: SweepOut} | PROBLEMS,
    openapi_extra=_documented("sweep", scope=Scope.SESSIONS_RECOVER),
    summary="Sweep stale sessions",
)
def sweep_sessions(request: KeyedRequest, asked: SweepIn | None = None) -> SweepOut:
    """Ends by estimate the sessions of the key's guilds that nobody watches any more.

    Asks for the scope `sessions:recover`. A session ends at its last checkpoint plus the
    installation's grace. Only guilds without a living bot are swept: one whose heartbeat
    is no older than `staleMinutes`. Each guild gets an entry in its audit trail.
    """
    asked = asked or SweepIn()
    now = timezone.now()
    result = recovery.sweep_by_hand(
        now=now,
        stale_after=timedelta(minutes=asked.stale_minutes),
        grace=timedelta(seconds=settings.STALE_GRACE_SECONDS),
        guild_ids=guild_ids_of(request.auth),
        actor=None,
        reason=_reason(request, asked.reason),
    )
    return SweepOut(at=now, stale_minutes=asked.stale_minutes, **result.outcome())


@router.get(
    "/recover-sessions",
    auth=_RECOVER,
    response={200: RecoveryOut} | PROBLEMS,
    openapi_extra=_documented("recovery", scope=Scope.SESSIONS_RECOVER),
    summary="What a recovery would do",
)
def preview_recovery(request: KeyedRequest, query: Query[RecoveryQuery]) -> RecoveryOut:
    """Has the bots hold Discord beside the sessions under way, and changes nothing.

    Asks for the scope `sessions:recover`, as mending does: it costs requests to Discord,
    one for each member, and names members. It takes up to 10 s. A guild whose bot does
    not answer has an `error`; where no bot answers at all, the answer is a 503 with the
    code `no_bot_answered`.
    """
    return _recovery(request, query, mend=False)


@router.post(
    "/recover-sessions",
    auth=_RECOVER,
    response={200: RecoveryOut} | PROBLEMS,
    openapi_extra=_documented("recovery", scope=Scope.SESSIONS_RECOVER),
    summary="Mend what differs from Discord",
)
def recover_sessions(
    request: KeyedRequest, query: Query[RecoveryQuery], asked: RecoveryIn | None = None
) -> RecoveryOut:
    """Has the bots hold Discord beside the sessions under way, and mend what differs.

    Asks for the scope `sessions:recover`. It compares anew, and mends what differs then;
    see the dry run (GET) for the rest. Each guild in which anything was mended gets an
    entry in its audit trail.
    """
    return _recovery(request, query, mend=True, reason=asked.reason if asked else "")


def _recovery(
    request: KeyedRequest, query: RecoveryQuery, *, mend: bool, reason: str = ""
) -> RecoveryOut:
    now = timezone.now()
    chosen = recovery.guilds_to_compare(guild_ids_of(request.auth), now=now, chosen=query.guild_id)
    comparisons = compare_guilds(
        chosen.guild_ids, mend=mend, now=now, reason=_reason(request, reason)
    )
    silent = [found.error for found in comparisons if isinstance(found.error, NoBotAnsweredError)]
    if silent and len(silent) == len(comparisons):
        # That a bot runs and is silent says more than that another guild has none.
        silent.sort(key=lambda error: isinstance(error, NoBotRunsError))
        raise RecoveryImpossibleError(reason=silent[0])
    return RecoveryOut(
        at=now,
        mend=mend,
        differences=sum(len(found.drift) for found in comparisons),
        mended=sum(found.mended for found in comparisons),
        guilds=[_guild_recovery(found) for found in comparisons],
        guilds_left_out=chosen.left_out,
    )


def _comparison_run(latest: LatestComparison) -> ComparisonRunOut:
    return ComparisonRunOut(
        guild_id=latest.found.guild_id,
        at=latest.at,
        mend=latest.was_to_mend,
        differences=len(latest.found.drift),
        mended=latest.found.mended,
    )


def _guild_recovery(found: Comparison) -> GuildRecoveryOut:
    error = found.error
    return GuildRecoveryOut(
        guild_id=found.guild_id,
        error=None if error is None else RefusalOut(code=error.code, message=str(error)),
        checked=found.checked,
        to_check=found.to_check,
        drift=[
            DriftOut(
                kind=part.kind,
                user_id=part.user_id,
                channel_id=part.channel_id,
                discord_channel_id=part.discord_channel_id,
                session_id=part.session_id,
                seconds=part.seconds,
            )
            for part in found.drift
        ],
        mended=found.mended,
    )


def _details(
    found: Health, *, guild_ids: frozenset[int] | None, every: timedelta
) -> SessionHealthDetails:
    gaps = with_guild_names(health_records.recent_gaps(guild_ids, now=found.at))
    overdue = health_records.overdue_sessions(guild_ids, now=found.at, checkpoint_every=every)
    stale = health_records.stale_sessions(guild_ids, now=found.at)
    return SessionHealthDetails(
        shards=shards_out(found),
        jobs=jobs_out(found),
        gaps=[gap_out(gap) for gap in gaps[:MOST_LISTED]],
        overdue_sessions=_unwell(overdue[:MOST_LISTED]),
        stale_sessions=_unwell(stale[:MOST_LISTED]),
    )


def _unwell(sessions: Iterable[VoiceSession]) -> list[UnwellSession]:
    return [
        UnwellSession(
            id=session.id,
            guild_id=session.guild_id,
            status=SessionStatus(session.status),
            started_at=session.started_at,
            last_seen_at=session.last_seen_at,
            ended_at=session.ended_at,
            end_uncertainty=session.end_uncertainty,
            link=reverse("api:get_session", kwargs={"session_id": session.id}),
        )
        for session in sessions
    ]


def _reason(request: KeyedRequest, words: str) -> str:
    """Says for the trail why, and by which key: a key is no account."""
    return f"{words.strip()} (API key {request.auth})".strip()
