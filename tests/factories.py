"""Rows for tests: small makers with sensible defaults, any column overridden by name."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission, User

from community.domain.sharding import shard_of
from community.models import (
    AuditEntry,
    Channel,
    ChannelKind,
    Guild,
    GuildAccess,
    JobRun,
    Member,
    OutboxItem,
    Overwrite,
    Role,
    RoleSpan,
    Shard,
)
from sessions_app.models import (
    BlindGap,
    EndReason,
    GapCause,
    SessionStatus,
    Visit,
    VoiceSession,
    VoiceState,
)

if TYPE_CHECKING:
    from django.db.models import Model

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# Snowflakes of their own, in distinct shards' reach: each is one step of 2**22 further.
_snowflakes = (1_100_000_000_000_000_000 + (step << 22) for step in itertools.count())


def snowflake() -> int:
    """Makes an id that nothing else has."""
    return next(_snowflakes)


def at(minutes: float) -> datetime:
    """Names the instant so many minutes after :data:`NOW` (before it, where negative)."""
    return NOW + timedelta(minutes=minutes)


def make_user(name: str = "alex", **columns: Any) -> User:
    """Makes an account with the password ``correct horse``."""
    return User.objects.create_user(name, password="correct horse", **columns)


def make_guild(name: str = "Lantern House", **columns: Any) -> Guild:
    columns.setdefault("id", snowflake())
    return Guild.objects.create(name=name, **columns)


def make_channel(guild: Guild, name: str = "General", **columns: Any) -> Channel:
    columns.setdefault("id", snowflake())
    columns.setdefault("kind", ChannelKind.VOICE)
    return Channel.objects.create(guild=guild, name=name, **columns)


def make_member(guild: Guild, name: str = "Mira", **columns: Any) -> Member:
    columns.setdefault("user_id", snowflake())
    columns.setdefault("username", name.lower().replace(" ", "."))
    columns.setdefault("display_name", name)
    return Member.objects.create(guild=guild, **columns)


def make_visit(member: Member, channel: Channel, **columns: Any) -> Visit:
    """Makes a visit of an hour that ended at :data:`NOW`."""
    columns.setdefault("started_at", at(-60))
    columns.setdefault("ended_at", NOW)
    return Visit.objects.create(
        guild_id=member.guild_id,
        user_id=member.user_id,
        first_channel=channel,
        last_channel=channel,
        **columns,
    )


def make_session(
    member: Member, channel: Channel, *, visit: Visit | None = None, **columns: Any
) -> VoiceSession:
    """Makes a session of a mirrored member; see :func:`make_session_of`."""
    return make_session_of(
        member.user_id,
        guild_id=member.guild_id,
        channel_id=channel.pk,
        visit=visit,
        **columns,
    )


def make_session_of(
    user_id: int, *, guild_id: int, channel_id: int, visit: Visit | None = None, **columns: Any
) -> VoiceSession:
    """Makes a session, in a visit of its own unless one is given; nothing need be mirrored.

    Without an end given it lasted an hour, up to :data:`NOW`; with ``ended_at=None`` it
    goes on.
    """
    columns.setdefault("started_at", at(-60))
    columns.setdefault("ended_at", NOW)
    is_live = columns["ended_at"] is None
    columns.setdefault("status", SessionStatus.ACTIVE if is_live else SessionStatus.COMPLETED)
    columns.setdefault("end_reason", "" if is_live else EndReason.LEFT)
    columns.setdefault("entered_at", columns["started_at"])
    columns.setdefault("last_seen_at", columns["ended_at"] or NOW)
    if visit is None:
        visit = Visit.objects.create(
            guild_id=guild_id,
            user_id=user_id,
            started_at=columns["started_at"],
            ended_at=columns["ended_at"],
            first_channel_id=channel_id,
            last_channel_id=channel_id,
        )
    return VoiceSession.objects.create(
        visit=visit, guild_id=guild_id, user_id=user_id, channel_id=channel_id, **columns
    )


def make_voice_state(session: VoiceSession, **columns: Any) -> VoiceState:
    """Makes the state of a member who is in the session's channel now."""
    columns.setdefault("changed_at", session.started_at)
    return VoiceState.objects.create(
        guild_id=session.guild_id,
        user_id=session.user_id,
        channel_id=session.channel_id,
        session=session,
        **columns,
    )


def make_gap(guild_id: int, **columns: Any) -> BlindGap:
    """Makes a blind gap of a minute, up to :data:`NOW`."""
    columns.setdefault("began_at", at(-1))
    columns.setdefault("ended_at", NOW)
    columns.setdefault("cause", GapCause.CONNECTION_LOST)
    return BlindGap.objects.create(guild_id=guild_id, **columns)


def make_shard(guild: Guild | None = None, **columns: Any) -> Shard:
    """Makes the row of a bot that lives at :data:`NOW`, of a guild's shard if one is given."""
    columns.setdefault("shard_count", 4)
    count = columns["shard_count"]
    columns.setdefault("shard_id", shard_of(guild.pk, count) if guild else 0)
    columns.setdefault("heartbeat_at", NOW)
    columns.setdefault("started_at", at(-600))
    columns.setdefault("process", "host:1")
    return Shard.objects.create(**columns)


def make_house(guild: Guild, *, members: int = 1) -> list[Model]:
    """Makes a guild's records, so many of each kind: what the admin has pages for."""
    rows: list[Model] = [guild]
    for number in range(members):
        category = make_channel(guild, f"Lounge {number}", kind=ChannelKind.CATEGORY)
        channel = make_channel(guild, f"General {number}", parent=category)
        Overwrite.objects.create(channel=channel, target_kind=0, target_id=guild.pk, allow=1024)
        member = make_member(guild, f"Mira {number}")
        role = Role.objects.create(id=snowflake(), guild=guild, name=f"Regulars {number}")
        span = RoleSpan.objects.create(
            guild=guild, role=role, user_id=member.user_id, started_at=at(-900)
        )
        session = make_session(member, channel, muted=[(at(-50), at(-40))], end_uncertainty=30.0)
        live = make_session(member, channel, started_at=at(1), ended_at=None)
        entry = AuditEntry.objects.create(
            at=NOW,
            actor_name="sam",
            guild=guild,
            action="session.set_end",
            target_kind="voicesession",
            target_id=str(session.pk),
            reason="as they told us",
        )
        item = OutboxItem.objects.create(guild=guild, kind="session.void", created_at=NOW)
        rows += [category, channel, member, role, span, session.visit, session, live, entry, item]
        rows.append(make_voice_state(live, is_self_muted=True))
        rows.append(make_gap(guild.pk, user_id=member.user_id if number % 2 else None))
    return rows


def make_running(*, count: int = 1) -> list[Model]:
    """Makes what belongs to no guild: shards and job runs."""
    rows: list[Model] = []
    for number in range(count):
        rows.append(make_shard(shard_count=64, shard_id=number))
        rows.append(
            JobRun.objects.create(job=f"job.{number}", started_at=NOW, finished_at=at(0.01))
        )
    return rows


def give(user: User, *codenames: str, guild: Guild | None = None) -> User:
    """Gives an account permissions, and a guild to see; returns it fresh."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    if guild is not None:
        GuildAccess.objects.create(user=user, guild=guild)
    return User.objects.get(pk=user.pk)


def make_viewer(name: str, guild: Guild, *codenames: str) -> User:
    """Makes a staff account that may look at everything of a guild."""
    user = make_user(name, is_staff=True)
    views = Permission.objects.filter(codename__startswith="view_")
    return give(user, *views.values_list("codename", flat=True), *codenames, guild=guild)
